#include "tools/stockade/test_expectations.h"

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "engine/text.h"
#include "tools/stockade/test_events.h"

namespace stockade {
namespace {

class ExpectationReader {
 public:
  explicit ExpectationReader(SettingsReader* reader) : reader_(*reader) {}

  void Read(const YamlNode& expect, TestCase* into) {
    using Node = const YamlNode&;
    using Path = const std::string&;
    reader_.ReadMap(
        expect, "expect",
        {{"alerts",
          [&](Node node, Path path) {
            ReadItems(node, path, &into->alerts, [&](Node item) { return ReadAlert(item, path); });
          },
          true},
         {"decisions",
          [&](Node node, Path path) {
            ReadItems(node, path, &into->decisions, [&](Node item) { return ReadDecision(item, path); });
          },
          true},
         {"verdicts", [&](Node node, Path path) { ReadVerdicts(node, path, into); }}});
  }

 private:
  using Key = SettingsReader::Key;

  // `none` is an empty list; a single text or map is a list of one.
  template <typename Item, typename ReadItem>
  void ReadItems(const YamlNode& node, const std::string& path, std::optional<std::vector<Item>>* items,
                 ReadItem&& read) {
    if (node.is_null()) return reader_.Error(node, path, "is empty; write `none` where nothing must come");
    items->emplace();
    if (node.is_text() && node.text == "none") return;
    const std::span<const YamlNode> nodes =
        node.is_list() ? std::span<const YamlNode>(node.items) : std::span<const YamlNode>(&node, 1);
    for (const YamlNode& item : nodes) (*items)->push_back(read(item));
  }

  // Keys that are read in one way each.
  Key TextKey(std::string_view name, std::optional<std::string>* text) {
    return {name, [this, text](const YamlNode& node, const std::string& path) {
              if (const std::string* const read = reader_.ReadText(node, path)) *text = *read;
            }};
  }
  Key WordKey(std::string_view name, std::span<const std::string_view> words,
              std::optional<std::string>* word) {
    return {name, [this, words, word](const YamlNode& node, const std::string& path) {
              if (const auto index = reader_.ReadWord(node, path, words)) *word = words[*index];
            }};
  }
  Key SpanKey(std::string_view name, std::optional<int64_t>* span_ms) {
    return {name, [this, span_ms](const YamlNode& node, const std::string& path) {
              if (const auto span = reader_.ReadSpan(node, path, kTestSpans))
                *span_ms = absl::ToInt64Milliseconds(*span);
            }};
  }

  ExpectedAlert ReadAlert(const YamlNode& node, const std::string& path) {
    ExpectedAlert alert;
    alert.place = PlaceOf(node, reader_.file());
    if (node.is_text()) {
      alert.rule = node.text;
      return alert;
    }
    std::optional<std::string> rule;
    reader_.ReadMap(
        node, path,
        {TextKey("rule", &rule),
         SpanKey("at", &alert.at_ms),
         {"value", [&](const YamlNode& value, const std::string& at) { ReadValue(value, at, &alert); }},
         {"group", [&](const YamlNode& group, const std::string& at) { ReadGroup(group, at, &alert); }}});
    if (!rule.has_value()) reader_.Error(node, path + ".rule", "an alert needs the name of its rule");
    alert.rule = rule.value_or("");
    return alert;
  }

  void ReadValue(const YamlNode& node, const std::string& path, ExpectedAlert* alert) {
    double value = 0;
    if (node.is_text() && absl::SimpleAtod(node.text, &value) && std::isfinite(value)) {
      alert->value = value;
    } else {
      reader_.Error(node, path, "must be a number");
    }
  }

  void ReadGroup(const YamlNode& node, const std::string& path, ExpectedAlert* alert) {
    if (!node.is_map()) return reader_.Error(node, path, "must be a map: field → value");
    for (const YamlEntry& entry : node.entries) {
      if (const std::string* const value = reader_.ReadText(entry.value, path))
        alert->group.emplace_back(entry.key.text, *value);
    }
  }

  ExpectedDecision ReadDecision(const YamlNode& node, const std::string& path) {
    ExpectedDecision decision;
    decision.place = PlaceOf(node, reader_.file());
    if (!node.is_map() || node.entries.empty()) {
      reader_.Error(node, path, "a decision must be a map: {action: block, value: 203.0.113.9, rule: …}");
      return decision;
    }
    reader_.ReadMap(
        node, path,
        {WordKey("action", kActionNames, &decision.action), WordKey("scope", kScopeNames, &decision.scope),
         WordKey("kind", kChallengeKindNames, &decision.kind), TextKey("value", &decision.value),
         TextKey("rule", &decision.rule), SpanKey("at", &decision.at_ms), SpanKey("for", &decision.for_ms)});
    return decision;
  }

  // `allow` alone says it of every event; in a list, `allow x8` of eight.
  void ReadVerdicts(const YamlNode& node, const std::string& path, TestCase* into) {
    into->verdicts.emplace();
    if (node.is_text()) {
      size_t times = 0;
      const ExpectedVerdict verdict = ReadVerdict(node, path, &times);
      into->verdicts->assign(into->lines.size(), verdict);
      return;
    }
    if (!node.is_list())
      return reader_.Error(node, path, "must be a verdict, or a list as [allow x7, deny x3]");
    for (const YamlNode& item : node.items) {
      size_t times = 1;
      const ExpectedVerdict verdict = ReadVerdict(item, path, &times);
      into->verdicts->insert(into->verdicts->end(), times, verdict);
    }
    if (into->verdicts->size() != into->lines.size()) {
      reader_.Error(node, path,
                    Concat("names ", into->verdicts->size(), " verdicts, and there are ", into->lines.size(),
                           " events"));
    }
  }

  ExpectedVerdict ReadVerdict(const YamlNode& node, const std::string& path, size_t* times) {
    ExpectedVerdict verdict;
    verdict.place = PlaceOf(node, reader_.file());
    if (node.is_text()) {
      YamlNode word = node;
      if (const size_t space = node.text.find(" x"); space != std::string::npos) {
        if (!absl::SimpleAtoi(ToAbsl(std::string_view(node.text).substr(space + 2)), times) || *times == 0 ||
            *times > kTestEventsMax) {
          reader_.Error(node, path, Concat("'", node.text, "' has no count after x; write deny x3"));
          *times = 1;
        }
        word.text.resize(space);
      }
      ReadKind(word, path, &verdict);
      return verdict;
    }
    if (node.Find("verdict") == nullptr) reader_.Error(node, path + ".verdict", "is missing");
    reader_.ReadMap(
        node, path,
        {{"verdict", [&](const YamlNode& word, const std::string& at) { ReadKind(word, at, &verdict); }},
         WordKey("kind", kChallengeKindNames, &verdict.kind),
         TextKey("by", &verdict.by),
         {"times", [&](const YamlNode& count, const std::string& at) {
            if (const auto number = reader_.ReadNumber(count, at, {1, int64_t{kTestEventsMax}}))
              *times = static_cast<size_t>(*number);
          }}});
    return verdict;
  }

  void ReadKind(const YamlNode& word, const std::string& path, ExpectedVerdict* verdict) {
    if (const auto found = reader_.ReadWord(word, path, kVerdictNames))
      verdict->verdict = static_cast<VerdictKind>(*found);
  }

  SettingsReader& reader_;
};

}  // namespace

void ReadExpectations(const YamlNode& expect, SettingsReader* reader, TestCase* into) {
  ExpectationReader(reader).Read(expect, into);
}

}  // namespace stockade
