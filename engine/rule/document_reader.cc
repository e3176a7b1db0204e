#include "engine/rule/document_reader.h"

#include <array>

#include "absl/strings/ascii.h"
#include "engine/event/field.h"
#include "engine/rule/span_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 5> kStatuses = {"stable", "test", "experimental", "deprecated",
                                                       "unsupported"};
constexpr std::array<std::string_view, 5> kLevels = {"informational", "low", "medium", "high", "critical"};
constexpr size_t kTitleBytesMax = 256;  // of the specification

// YYYY-MM-DD with a month and a day that can be.
bool IsDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  constexpr std::array<size_t, 8> kDigits = {0, 1, 2, 3, 5, 6, 8, 9};
  for (size_t i : kDigits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  const int month = (text[5] - '0') * 10 + (text[6] - '0');
  const int day = (text[8] - '0') * 10 + (text[9] - '0');
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

// 8-4-4-4-12 hexadecimal digits.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

std::string OneOf(std::span<const std::string_view> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    Append(&text, i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return text;
}

}  // namespace

bool DocumentReader::ReadHeader(const YamlNode& document, RuleHeader* header) {
  header->place = PlaceOf(document, file_);
  for (const YamlEntry& entry : document.entries) {
    header->places.emplace(entry.key.text, PlaceOf(entry.key, file_));
    if (entry.key.text != "response") continue;
    for (const YamlEntry& below : entry.value.entries)
      header->places.emplace(Concat("response.", below.key.text), PlaceOf(below.key, file_));
  }
  bool sound = true;
  const auto read = [&](std::string_view key, std::string* into) {
    const YamlNode* value = document.Find(key);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_text()) {
      sound = Fail(*value, key, "must be a text");
      return;
    }
    *into = value->text;
  };
  read("title", &header->title);
  const bool title_is_text = sound;
  read("id", &header->id);
  read("name", &header->name);
  read("status", &header->status);
  read("description", &header->description);
  read("level", &header->level);
  read("author", &header->author);
  if (header->title.empty() && title_is_text)
    sound = Fail(document, "title", "is missing; every rule says in a few words what it finds");
  if (header->title.size() > kTitleBytesMax) {
    Warn(*document.Find("title"), "title",
         Concat("longer than the ", kTitleBytesMax, " bytes that Sigma allows"));
  }
  if (!header->id.empty() && !IsUuid(header->id)) {
    Warn(*document.Find("id"), "id",
         Concat(Quoted(header->id), " is not a UUID; use `name` for a name of your own"));
  }
  const auto check_name = [&](std::string_view key, const std::string& value,
                              std::span<const std::string_view> names) {
    if (value.empty()) return;
    for (std::string_view name : names) {
      if (name == value) return;
    }
    Warn(*document.Find(key), key, Concat(Quoted(value), " is not ", OneOf(names)), Nearest(value, names));
  };
  check_name("status", header->status, kStatuses);
  check_name("level", header->level, kLevels);
  for (std::string_view key : {"date", "modified"}) {
    const YamlNode* date = document.Find(key);
    if (date != nullptr && !IsDate(date->text)) {
      Warn(*date, key, Concat(Quoted(date->text), " is not a date as YYYY-MM-DD"));
    }
  }
  if (const YamlNode* tags = document.Find("tags"); tags != nullptr && !tags->is_null()) {
    sound = ReadTexts(*tags, "tags", &header->tags) && sound;
  }
  if (const YamlNode* references = document.Find("references");
      references != nullptr && !references->is_null()) {
    sound = ReadTexts(*references, "references", &header->references) && sound;
  }
  return ReadLogsource(document, header) && sound;
}

bool DocumentReader::ReadLogsource(const YamlNode& document, RuleHeader* header) {
  const YamlNode* logsource = document.Find("logsource");
  if (logsource == nullptr) {
    if (document.Find("detection") != nullptr) {
      Warn(document, "logsource", "is missing; Sigma asks for it: category, product or service of the log");
    }
    header->logsource = "*/*/*";
    return true;
  }
  if (!logsource->is_map())
    return Fail(*logsource, "logsource", "must be a map of category, product and service");
  bool sound = true;
  std::string* text = &header->logsource;
  for (std::string_view key : {"category", "product", "service"}) {
    const YamlNode* value = logsource->Find(key);
    if (!text->empty()) *text += '/';
    if (value == nullptr || value->is_null()) {
      *text += '*';
    } else if (!value->is_text()) {
      sound = Fail(*value, Concat("logsource.", key), "must be a text");
    } else {
      *text += value->text;
    }
  }
  return sound;
}

bool DocumentReader::ReadReferences(const YamlNode& rules, std::string_view path,
                                    std::vector<CorrelationRule::Reference>* references) {
  const std::span<const YamlNode> items =
      rules.is_list() ? std::span<const YamlNode>(rules.items) : std::span<const YamlNode>(&rules, 1);
  if (items.empty()) return Fail(rules, path, "an empty list; name a rule by its name or id");
  bool sound = true;
  for (const YamlNode& item : items) {
    if (!item.is_text() || item.text.empty()) {
      sound = Fail(item, path, "must name a rule by its name or id");
      continue;
    }
    for (const auto& other : *references) {
      if (other.rule == item.text)
        sound = Fail(item, path, Concat("rule ", Quoted(item.text), " is there twice"));
    }
    references->push_back({item.text, PlaceOf(item, file_)});
  }
  return sound;
}

bool DocumentReader::CheckKeys(const YamlNode& map, std::string_view path,
                               std::span<const std::string_view> known) {
  bool sound = true;
  for (const YamlEntry& entry : map.entries) {
    bool is_known = false;
    for (std::string_view name : known) is_known = is_known || name == entry.key.text;
    if (is_known) continue;
    const std::string_view near = Nearest(entry.key.text, known);
    sound = Fail(entry.key, Concat(path, ".", entry.key.text),
                 Concat("unknown key", near.empty() ? Concat("; there is ", OneOf(known)) : DidYouMean(near)),
                 near);
  }
  return sound;
}

std::optional<size_t> DocumentReader::ReadChoice(const YamlNode& value, std::string_view path,
                                                 std::span<const std::string_view> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (value.is_text() && value.text == names[i]) return i;
  }
  const std::string_view near = value.is_text() ? Nearest(value.text, names) : std::string_view();
  Fail(value, path, Concat(value.is_text() ? Quoted(value.text) : "this", " is not ", OneOf(names)), near);
  return std::nullopt;
}

std::optional<int64_t> DocumentReader::ReadSpan(const YamlNode& value, std::string_view path,
                                                int64_t ms_max) {
  SpanError error{"must be a number and a unit s, m, h or d, such as 15m", ""};
  if (value.is_text()) {
    const std::optional<int64_t> ms = ParseSpanMs(value.text, ms_max, &error);
    if (ms.has_value()) return ms;
  }
  Fail(value, path, error.what, error.suggestion);
  return std::nullopt;
}

std::optional<double> DocumentReader::ReadNumber(const YamlNode& value, std::string_view path) {
  double number = 0;
  bool boolean = false;
  if (value.is_text() && KindOfPlain(value.text, &number, &boolean) == ScalarKind::kNumber) return number;
  Fail(value, path, Concat("must be a number", value.is_text() ? ", not " + Quoted(value.text) : ""));
  return std::nullopt;
}

std::optional<bool> DocumentReader::ReadBool(const YamlNode& value, std::string_view path) {
  double number = 0;
  bool boolean = false;
  if (value.is_text() && KindOfPlain(value.text, &number, &boolean) == ScalarKind::kBool) return boolean;
  Fail(value, path, Concat("must be true or false", value.is_text() ? ", not " + Quoted(value.text) : ""));
  return std::nullopt;
}

bool DocumentReader::ReadTexts(const YamlNode& value, std::string_view path,
                               std::vector<std::string>* texts) {
  if (value.is_text()) {
    texts->push_back(value.text);
    return true;
  }
  if (!value.is_list()) return Fail(value, path, "must be a list of texts");
  bool sound = true;
  for (const YamlNode& item : value.items) {
    if (item.is_text()) {
      texts->push_back(item.text);
    } else {
      sound = Fail(item, path, "must be a text");
    }
  }
  return sound;
}

void DocumentReader::WarnOfNearMissField(const YamlNode& at, std::string_view path, std::string_view field) {
  const std::string_view near = Nearest(field, kKnownFieldNames);
  if (near.empty()) return;
  Warn(at, path, Concat("field ", Quoted(field), " is not one Stockade fills", DidYouMean(near)), near);
}

}  // namespace stockade
