#include "tools/stockade/test_events.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Events without a time of their own follow each other by a second.
constexpr int64_t kDefaultGapMs = 1000;

// `{n}` is which of its repeats an event is.
std::string Numbered(std::string_view text, size_t n) {
  return absl::StrReplaceAll(ToAbsl(text), {{"{n}", absl::StrCat(n)}});
}

// Only what JSON would also write so: a YAML number may be "+1" or ".5".
bool IsJsonNumber(std::string_view text) {
  const size_t first = text.starts_with('-') ? 1 : 0;
  if (first >= text.size() || text[first] < '0' || text[first] > '9' || text.back() == '.') return false;
  return text[first] != '0' || first + 1 == text.size() || text[first + 1] == '.';
}

void AppendJson(const YamlNode& node, size_t n, std::string* out) {
  double number = 0;
  bool boolean = false;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      *out += "null";
      return;
    case YamlNode::Kind::kText:
      // Only what JSON would also write so is written without quotes: a YAML number may be "+1" or ".5".
      if (node.plain && KindOfPlain(node.text, &number, &boolean) == ScalarKind::kBool) {
        *out += boolean ? "true" : "false";
      } else if (node.plain && KindOfPlain(node.text, &number, &boolean) == ScalarKind::kNumber &&
                 IsJsonNumber(node.text)) {
        *out += node.text;
      } else {
        AppendJsonString(Numbered(node.text, n), out);
      }
      return;
    case YamlNode::Kind::kList:
      *out += '[';
      for (size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJson(node.items[i], n, out);
      }
      *out += ']';
      return;
    case YamlNode::Kind::kMap:
      *out += '{';
      for (size_t i = 0; i < node.entries.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJsonString(Numbered(node.entries[i].key.text, n), out);
        *out += ':';
        AppendJson(node.entries[i].value, n, out);
      }
      *out += '}';
      return;
  }
}

class EventsReader {
 public:
  EventsReader(const GivenFields& given, int64_t start_ms, SettingsReader* reader)
      : given_(given), start_ms_(start_ms), next_ms_(start_ms), reader_(*reader) {}

  void Read(const YamlNode& event) {
    if (!event.is_map()) return reader_.Error(event, "events", "an event must be a map: field → value");
    int64_t time_ms = next_ms_;
    Repeat repeat;
    GivenFields fields = given_;
    for (const YamlEntry& entry : event.entries) {
      if (entry.key.text == "at") {
        time_ms = start_ms_ + Span(entry.value, "events.at");
      } else if (entry.key.text == "after") {
        time_ms = next_ms_ - kDefaultGapMs + Span(entry.value, "events.after");
        if (event.Find("at") != nullptr)
          reader_.Error(entry.key, "events.after", "stands beside `at`; keep one of them");
      } else if (entry.key.text == "repeat") {
        repeat = ReadRepeat(entry.value);
      } else {
        std::erase_if(fields, [&](const YamlEntry* other) { return other->key.text == entry.key.text; });
        fields.push_back(&entry);
      }
    }
    if (lines_.size() + repeat.times > kTestEventsMax)
      return reader_.Error(event, "events", Concat("more than ", kTestEventsMax, " events in one case"));
    for (size_t n = 1; n <= repeat.times; ++n) {
      AddLine(PlaceOf(event, reader_.file()), time_ms, fields, n);
      time_ms += repeat.every_ms;
    }
  }

  std::vector<TestLine> Take() { return std::move(lines_); }

 private:
  struct Repeat {
    size_t times = 1;
    int64_t every_ms = kDefaultGapMs;
  };

  int64_t Span(const YamlNode& node, const std::string& path) {
    return absl::ToInt64Milliseconds(reader_.ReadSpan(node, path, kTestSpans).value_or(absl::ZeroDuration()));
  }

  Repeat ReadRepeat(const YamlNode& node) {
    Repeat repeat;
    if (!node.is_map() || node.Find("times") == nullptr) {
      reader_.Error(node, "events.repeat", "must be a map: {times: 8, every: 10s}");
      return repeat;
    }
    reader_.ReadMap(node, "events.repeat",
                    {{"times",
                      [&](const YamlNode& value, const std::string& path) {
                        if (const auto times = reader_.ReadNumber(value, path, {1, int64_t{kTestEventsMax}}))
                          repeat.times = static_cast<size_t>(*times);
                      }},
                     {"every", [&](const YamlNode& value, const std::string& path) {
                        repeat.every_ms = Span(value, path);
                      }}});
    return repeat;
  }

  void AddLine(const Place& place, int64_t time_ms, const GivenFields& fields, size_t n) {
    TestLine line;
    line.place = place;
    line.time_ms = time_ms;
    line.json = "{";
    bool has_time = false;
    for (const YamlEntry* field : fields) {
      has_time = has_time || field->key.text == "@timestamp";
      if (line.json.size() > 1) line.json += ',';
      AppendJsonString(Numbered(field->key.text, n), &line.json);
      line.json += ':';
      AppendJson(field->value, n, &line.json);
    }
    if (!has_time) {
      Append(&line.json, line.json.size() > 1 ? "," : "", "\"@timestamp\":\"", FormatTimeMs(time_ms), "\"");
    }
    line.json += '}';
    next_ms_ = time_ms + kDefaultGapMs;
    lines_.push_back(std::move(line));
  }

  const GivenFields& given_;
  const int64_t start_ms_;
  int64_t next_ms_;
  SettingsReader& reader_;
  std::vector<TestLine> lines_;
};

}  // namespace

void ReadGiven(const YamlNode& map, std::string_view path, SettingsReader* reader, GivenFields* given) {
  if (!map.is_map()) reader->Error(map, path, "must be a map: field → value");
  for (const YamlEntry& entry : map.entries) given->push_back(&entry);
}

std::vector<TestLine> ReadTestEvents(const YamlNode& events, const GivenFields& given, int64_t start_ms,
                                     SettingsReader* reader) {
  EventsReader events_reader(given, start_ms, reader);
  for (const YamlNode& event : events.items) events_reader.Read(event);
  return events_reader.Take();
}

}  // namespace stockade
