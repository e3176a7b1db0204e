#include "tools/stockade/test_file.h"

#include <algorithm>
#include <array>
#include <span>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// A Monday morning at which a market opens somewhere; events without a time of their own follow each other by
// a second.
constexpr std::string_view kDefaultStart = "2026-01-05T09:00:00Z";
constexpr int64_t kDefaultGapMs = 1000;

class TestFileReader {
 public:
  TestFileReader(const std::string& file, Findings* findings) : file_(file), findings_(*findings) {}

  TestFile Read(std::string_view text) {
    TestFile result;
    result.file = file_;
    const size_t before = findings_.errors();
    const std::vector<YamlNode> documents = ReadYaml(text, file_, &findings_);
    if (findings_.errors() > before) return result;
    if (documents.size() != 1 || !documents[0].is_map()) {
      findings_.Error(Place{file_, 1, 1}, "", "must be one document: a map with `tests`");
      return result;
    }
    const YamlNode& root = documents[0];
    static constexpr std::array<std::string_view, 8> kKeys = {
        "rules", "given", "start", "mode", "observe", "certificates", "placeholders", "tests"};
    CheckKeys(root, "", kKeys);
    if (const YamlNode* rules = root.Find("rules")) result.rules = Texts(*rules, "rules");
    ReadSettings(root, "", &settings_);
    if (const YamlNode* start = root.Find("start")) start_ms_ = Timestamp(*start, "start");
    if (const YamlNode* given = root.Find("given")) given_ = Given(*given, "given");
    const YamlNode* tests = root.Find("tests");
    if (tests == nullptr || !tests->is_list() || tests->items.empty()) {
      Error(tests != nullptr ? *tests : root, "tests", "must be a list of at least one case");
      return result;
    }
    for (const YamlNode& item : tests->items) result.cases.push_back(ReadCase(item));
    return result;
  }

 private:
  using Fields = std::vector<const YamlEntry*>;

  void Error(const YamlNode& node, std::string_view key, std::string_view what,
             std::string_view suggestion = {}) {
    findings_.Error(PlaceOf(node, file_), key, what, suggestion);
  }

  void CheckKeys(const YamlNode& map, std::string_view path, std::span<const std::string_view> keys) {
    for (const YamlEntry& entry : map.entries) {
      bool known = false;
      for (const std::string_view key : keys) known = known || key == entry.key.text;
      if (known) continue;
      std::string list;
      for (const std::string_view key : keys) Append(&list, list.empty() ? "" : ", ", key);
      const std::string_view nearest = Nearest(entry.key.text, keys);
      Error(entry.key, Join(path, entry.key.text),
            nearest.empty() ? Concat("unknown key; known here: ", list)
                            : Concat("unknown key", DidYouMean(nearest)),
            nearest);
    }
  }

  static std::string Join(std::string_view path, std::string_view key) {
    return path.empty() ? std::string(key) : Concat(path, ".", key);
  }

  std::string Text(const YamlNode& node, std::string_view path) {
    if (!node.is_text()) Error(node, path, "must be a text");
    return node.text;
  }
  std::vector<std::string> Texts(const YamlNode& node, std::string_view path) {
    std::vector<std::string> texts;
    if (node.is_text())
      texts.push_back(node.text);
    else if (!node.is_list())
      Error(node, path, "must be a text or a list of texts");
    for (const YamlNode& item : node.items) texts.push_back(Text(item, path));
    return texts;
  }
  template <size_t N>
  std::optional<size_t> Word(const YamlNode& node, std::string_view path,
                             const std::string_view (&words)[N]) {
    std::string list;
    for (size_t i = 0; i < N; ++i) {
      if (node.is_text() && node.text == words[i]) return i;
      Append(&list, i == 0 ? "" : ", ", words[i]);
    }
    const std::string_view nearest = Nearest(node.text, words);
    Error(node, path, Concat("must be one of: ", list, DidYouMean(nearest)), nearest);
    return std::nullopt;
  }
  bool Bool(const YamlNode& node, std::string_view path) {
    static constexpr std::string_view kWords[] = {"false", "true"};
    return Word(node, path, kWords).value_or(0) == 1;
  }
  int64_t Span(const YamlNode& node, std::string_view path) {
    if (node.is_text() && node.text == "0") return 0;
    const std::optional<int64_t> span = node.is_text() ? ParseSpanMs(node.text) : std::nullopt;
    if (!span) Error(node, path, "must be a span of time: 90s, 10m, 24h, 250ms");
    return span.value_or(0);
  }
  int64_t Timestamp(const YamlNode& node, std::string_view path) {
    absl::Time time;
    std::string problem;
    if (!node.is_text() || !absl::ParseTime(absl::RFC3339_full, node.text, &time, &problem)) {
      Error(node, path, Concat("must be a time as ", kDefaultStart));
      return 0;
    }
    return absl::ToUnixMillis(time);
  }
  double Number(const YamlNode& node, std::string_view path) {
    double number = 0;
    if (!node.is_text() || !absl::SimpleAtod(node.text, &number)) Error(node, path, "must be a number");
    return number;
  }

  void ReadSettings(const YamlNode& map, std::string_view path, TestSettings* settings) {
    if (const YamlNode* node = map.Find("mode")) {
      if (const auto word = Word(*node, Join(path, "mode"), kModeNames))
        settings->mode = static_cast<Mode>(*word);
    }
    if (const YamlNode* node = map.Find("certificates")) {
      const auto word = Word(*node, Join(path, "certificates"), kCertificatePolicyNames);
      if (word) settings->certificates = static_cast<CertificatePolicy>(*word);
    }
    if (const YamlNode* node = map.Find("observe")) settings->observe = Bool(*node, Join(path, "observe"));
    if (const YamlNode* node = map.Find("placeholders")) {
      if (!node->is_map()) Error(*node, Join(path, "placeholders"), "must be a map: name → list of values");
      for (const YamlEntry& entry : node->entries) {
        settings->placeholders[entry.key.text] = Texts(entry.value, Join(path, "placeholders"));
      }
    }
  }

  Fields Given(const YamlNode& node, std::string_view path) {
    Fields fields;
    if (!node.is_map()) Error(node, path, "must be a map: field → value");
    for (const YamlEntry& entry : node.entries) fields.push_back(&entry);
    return fields;
  }

  TestCase ReadCase(const YamlNode& node) {
    TestCase result;
    result.place = PlaceOf(node, file_);
    result.settings = settings_;
    result.start_ms = start_ms_;
    if (!node.is_map()) {
      Error(node, "tests", "a case must be a map with `name`, `events` and `expect`");
      return result;
    }
    static constexpr std::array<std::string_view, 10> kKeys = {
        "order",   "name",         "given",        "start",  "mode",
        "observe", "certificates", "placeholders", "events", "expect"};
    CheckKeys(node, "tests", kKeys);
    ReadSettings(node, "tests", &result.settings);
    if (const YamlNode* name = node.Find("name")) result.name = Text(*name, "tests.name");
    if (result.name.empty())
      Error(node, "tests.name", "a case needs a name: a sentence that says what must be so");
    if (const YamlNode* start = node.Find("start")) result.start_ms = Timestamp(*start, "tests.start");
    Fields given = given_;
    if (const YamlNode* own = node.Find("given")) {
      for (const YamlEntry* entry : Given(*own, "tests.given")) given.push_back(entry);
    }
    const YamlNode* events = node.Find("events");
    if (events == nullptr || !events->is_list()) {
      Error(events != nullptr ? *events : node, "tests.events", "must be a list of events");
    } else {
      int64_t next_ms = result.start_ms;
      for (const YamlNode& event : events->items) ReadEvent(event, given, &next_ms, &result);
    }
    static constexpr std::string_view kOrders[] = {"time", "written"};
    const YamlNode* order = node.Find("order");
    if (order == nullptr || Word(*order, "tests.order", kOrders).value_or(0) == 0) {
      std::stable_sort(result.lines.begin(), result.lines.end(),
                       [](const TestLine& a, const TestLine& b) { return a.time_ms < b.time_ms; });
    }
    const YamlNode* expect = node.Find("expect");
    if (expect == nullptr || !expect->is_map() || expect->entries.empty()) {
      Error(expect != nullptr ? *expect : node, "tests.expect",
            "must say at least one of alerts, decisions, verdicts");
    } else {
      ReadExpectations(*expect, &result);
    }
    return result;
  }

  void ReadEvent(const YamlNode& event, const Fields& given, int64_t* next_ms, TestCase* result) {
    if (!event.is_map()) {
      Error(event, "events", "an event must be a map: field → value");
      return;
    }
    int64_t time_ms = *next_ms;
    int64_t every_ms = kDefaultGapMs;
    size_t times = 1;
    Fields fields = given;
    for (const YamlEntry& entry : event.entries) {
      if (entry.key.text == "at") {
        time_ms = result->start_ms + Span(entry.value, "events.at");
      } else if (entry.key.text == "after") {
        time_ms = *next_ms - kDefaultGapMs + Span(entry.value, "events.after");
        if (event.Find("at") != nullptr)
          Error(entry.key, "events.after", "stands beside `at`; keep one of them");
      } else if (entry.key.text == "repeat") {
        ReadRepeat(entry.value, &times, &every_ms);
      } else {
        std::erase_if(fields, [&](const YamlEntry* other) { return other->key.text == entry.key.text; });
        fields.push_back(&entry);
      }
    }
    if (result->lines.size() + times > kTestEventsMax) {
      Error(event, "events", Concat("more than ", kTestEventsMax, " events in one case"));
      return;
    }
    for (size_t n = 1; n <= times; ++n) {
      TestLine line;
      line.place = PlaceOf(event, file_);
      line.time_ms = time_ms + static_cast<int64_t>(n - 1) * every_ms;
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
        Append(&line.json, line.json.size() > 1 ? "," : "", "\"@timestamp\":\"", FormatTimeMs(line.time_ms),
               "\"");
      }
      line.json += '}';
      *next_ms = line.time_ms + kDefaultGapMs;
      result->lines.push_back(std::move(line));
    }
  }

  void ReadRepeat(const YamlNode& node, size_t* times, int64_t* every_ms) {
    static constexpr std::array<std::string_view, 2> kKeys = {"times", "every"};
    if (!node.is_map() || node.Find("times") == nullptr) {
      Error(node, "events.repeat", "must be a map: {times: 8, every: 10s}");
      return;
    }
    CheckKeys(node, "events.repeat", kKeys);
    const double count = Number(*node.Find("times"), "events.repeat.times");
    if (count < 1 || count > static_cast<double>(kTestEventsMax)) {
      Error(node, "events.repeat.times", Concat("must be from 1 to ", kTestEventsMax));
    } else {
      *times = static_cast<size_t>(count);
    }
    if (const YamlNode* every = node.Find("every")) *every_ms = Span(*every, "events.repeat.every");
  }

  static std::string Numbered(std::string_view text, size_t n) {
    return absl::StrReplaceAll(ToAbsl(text), {{"{n}", absl::StrCat(n)}});
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
  static bool IsJsonNumber(std::string_view text) {
    const size_t first = text.starts_with('-') ? 1 : 0;
    if (first >= text.size() || text[first] < '0' || text[first] > '9' || text.back() == '.') return false;
    return text[first] != '0' || first + 1 == text.size() || text[first + 1] == '.';
  }

  // `none` is an empty list; a single text or map is a list of one.
  std::optional<std::vector<const YamlNode*>> Items(const YamlNode& node, std::string_view path) {
    std::vector<const YamlNode*> items;
    if (node.is_text() && node.text == "none") return items;
    if (node.is_list()) {
      for (const YamlNode& item : node.items) items.push_back(&item);
    } else if (node.is_null()) {
      Error(node, path, "is empty; write `none` where nothing must come");
      return std::nullopt;
    } else {
      items.push_back(&node);
    }
    return items;
  }

  void ReadExpectations(const YamlNode& expect, TestCase* result) {
    static constexpr std::array<std::string_view, 3> kKeys = {"alerts", "decisions", "verdicts"};
    CheckKeys(expect, "expect", kKeys);
    if (const YamlNode* node = expect.Find("alerts")) {
      if (const auto items = Items(*node, "expect.alerts")) {
        result->alerts.emplace();
        for (const YamlNode* item : *items) result->alerts->push_back(ReadAlert(*item));
      }
    }
    if (const YamlNode* node = expect.Find("decisions")) {
      if (const auto items = Items(*node, "expect.decisions")) {
        result->decisions.emplace();
        for (const YamlNode* item : *items) result->decisions->push_back(ReadDecision(*item));
      }
    }
    if (const YamlNode* node = expect.Find("verdicts")) ReadVerdicts(*node, result);
  }

  ExpectedAlert ReadAlert(const YamlNode& node) {
    static constexpr std::array<std::string_view, 4> kKeys = {"rule", "at", "value", "group"};
    ExpectedAlert alert;
    alert.place = PlaceOf(node, file_);
    if (node.is_text()) {
      alert.rule = node.text;
      return alert;
    }
    CheckKeys(node, "expect.alerts", kKeys);
    if (const YamlNode* rule = node.Find("rule")) alert.rule = Text(*rule, "expect.alerts.rule");
    if (alert.rule.empty()) Error(node, "expect.alerts.rule", "an alert needs the name of its rule");
    if (const YamlNode* at = node.Find("at")) alert.at_ms = Span(*at, "expect.alerts.at");
    if (const YamlNode* value = node.Find("value")) alert.value = Number(*value, "expect.alerts.value");
    if (const YamlNode* group = node.Find("group")) {
      for (const YamlEntry& entry : group->entries) {
        alert.group.emplace_back(entry.key.text, Text(entry.value, "expect.alerts.group"));
      }
    }
    return alert;
  }

  ExpectedDecision ReadDecision(const YamlNode& node) {
    static constexpr std::array<std::string_view, 7> kKeys = {"action", "scope", "value", "rule",
                                                              "kind",   "at",    "for"};
    ExpectedDecision decision;
    decision.place = PlaceOf(node, file_);
    if (!node.is_map() || node.entries.empty()) {
      Error(node, "expect.decisions",
            "a decision must be a map: {action: block, value: 203.0.113.9, rule: …}");
      return decision;
    }
    CheckKeys(node, "expect.decisions", kKeys);
    if (const YamlNode* action = node.Find("action")) {
      if (const auto word = Word(*action, "expect.decisions.action", kActionNames))
        decision.action = kActionNames[*word];
    }
    if (const YamlNode* scope = node.Find("scope")) {
      if (const auto word = Word(*scope, "expect.decisions.scope", kScopeNames))
        decision.scope = kScopeNames[*word];
    }
    if (const YamlNode* kind = node.Find("kind")) {
      if (const auto word = Word(*kind, "expect.decisions.kind", kChallengeKindNames))
        decision.kind = kChallengeKindNames[*word];
    }
    if (const YamlNode* value = node.Find("value")) decision.value = Text(*value, "expect.decisions.value");
    if (const YamlNode* rule = node.Find("rule")) decision.rule = Text(*rule, "expect.decisions.rule");
    if (const YamlNode* at = node.Find("at")) decision.at_ms = Span(*at, "expect.decisions.at");
    if (const YamlNode* span = node.Find("for")) decision.for_ms = Span(*span, "expect.decisions.for");
    return decision;
  }

  // `allow` alone says it of every event; in a list, `allow x8` of eight.
  void ReadVerdicts(const YamlNode& node, TestCase* result) {
    result->verdicts.emplace();
    if (node.is_text()) {
      size_t times = 0;
      const ExpectedVerdict verdict = ReadVerdict(node, &times);
      result->verdicts->assign(result->lines.size(), verdict);
      return;
    }
    if (!node.is_list()) {
      Error(node, "expect.verdicts", "must be a verdict, or a list as [allow x7, deny x3]");
      return;
    }
    for (const YamlNode& item : node.items) {
      size_t times = 1;
      const ExpectedVerdict verdict = ReadVerdict(item, &times);
      result->verdicts->insert(result->verdicts->end(), times, verdict);
    }
    if (result->verdicts->size() != result->lines.size()) {
      Error(node, "expect.verdicts",
            Concat("names ", result->verdicts->size(), " verdicts, and there are ", result->lines.size(),
                   " events"));
    }
  }

  ExpectedVerdict ReadVerdict(const YamlNode& node, size_t* times) {
    static constexpr std::array<std::string_view, 4> kKeys = {"verdict", "kind", "by", "times"};
    ExpectedVerdict verdict;
    verdict.place = PlaceOf(node, file_);
    YamlNode word = node;
    if (node.is_text()) {
      const size_t space = node.text.find(" x");
      if (space != std::string::npos) {
        if (!absl::SimpleAtoi(ToAbsl(std::string_view(node.text).substr(space + 2)), times) || *times == 0 ||
            *times > kTestEventsMax) {
          Error(node, "expect.verdicts", Concat("'", node.text, "' has no count after x; write deny x3"));
          *times = 1;
        }
        word.text.resize(space);
      }
    } else {
      CheckKeys(node, "expect.verdicts", kKeys);
      const YamlNode* named = node.Find("verdict");
      if (named == nullptr) {
        Error(node, "expect.verdicts.verdict", "is missing");
        return verdict;
      }
      word = *named;
      if (const YamlNode* kind = node.Find("kind")) {
        if (const auto found = Word(*kind, "expect.verdicts.kind", kChallengeKindNames))
          verdict.kind = kChallengeKindNames[*found];
      }
      if (const YamlNode* by = node.Find("by")) verdict.by = Text(*by, "expect.verdicts.by");
      if (const YamlNode* count = node.Find("times")) {
        const double number = Number(*count, "expect.verdicts.times");
        if (number >= 1 && number <= static_cast<double>(kTestEventsMax))
          *times = static_cast<size_t>(number);
      }
    }
    if (const auto found = Word(word, "expect.verdicts", kVerdictNames))
      verdict.verdict = static_cast<VerdictKind>(*found);
    return verdict;
  }

  const std::string& file_;
  Findings& findings_;
  TestSettings settings_;
  int64_t start_ms_ =
      absl::ToUnixMillis(absl::FromCivil(absl::CivilSecond(2026, 1, 5, 9), absl::UTCTimeZone()));
  Fields given_;
};

}  // namespace

TestFile ReadTestFile(std::string_view text, const std::string& file, Findings* findings) {
  return TestFileReader(file, findings).Read(text);
}

}  // namespace stockade
