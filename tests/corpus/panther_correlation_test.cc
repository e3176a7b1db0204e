// Panther's correlation rules and their tests, as Sigma correlations: a Group is a temporal of all its
// members, a Sequence a temporal_ordered, MinMatchCount an event_count in front, Absence a `not` in the
// condition. Minutes become events. Absence is told by Panther after the whole lookback; we answer at the
// event, so we can only say what is absent before it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "engine/decision/decision.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tests/corpus/rule_run.h"

namespace stockade {
namespace {

struct PantherEvent {
  int64_t time_ms;
  std::string group, key;
};

std::string TextIn(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.Find(key);
  return node == nullptr ? "" : node->text;
}

// Minutes since some midnight, or a time.
int64_t TimeMs(const YamlNode& node) {
  double minutes = 0;
  if (absl::SimpleAtod(node.text, &minutes)) return 1704067200000 + static_cast<int64_t>(minutes * 60'000);
  absl::Time time;
  std::string problem;
  INFO(node.text);
  REQUIRE(absl::ParseTime(absl::RFC3339_full, node.text, &time, &problem));
  return absl::ToUnixMillis(time);
}

std::vector<PantherEvent> EventsOf(const YamlNode& test) {
  std::vector<PantherEvent> events;
  for (const YamlNode& output : test.Find("RuleOutputs")->items) {
    const YamlNode* matches = output.Find("Matches");
    if (matches == nullptr) continue;
    for (const YamlEntry& field : matches->entries) {
      for (const YamlEntry& value : field.value.entries) {
        for (const YamlNode& time : value.value.items)
          events.push_back({TimeMs(time), TextIn(output, "ID"), value.key.text});
      }
    }
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  return events;
}

// The documents of one rule; `alerting` is the name that must alert.
std::string Translate(const YamlNode& detection, std::set<std::string>* absent) {
  const YamlNode* members = detection.Find("Group");
  const bool ordered = members == nullptr;
  if (ordered) members = detection.Find("Sequence");
  REQUIRE(members != nullptr);
  const std::string lookback =
      TextIn(detection, "LookbackWindowMinutes").empty() ? "60" : TextIn(detection, "LookbackWindowMinutes");
  const std::string group_by = "  group-by: [panther.key]\n  timespan: " + lookback + "m\n";
  std::string yaml, names, condition;
  int number = 0;
  for (const YamlNode& member : members->items) {
    const std::string id = TextIn(member, "ID");
    std::string name = Concat("member", number++);
    Append(&yaml, "title: ", name, "\nname: ", name,
           "\nlogsource: {category: any}\ndetection:\n  selection: {panther.group: '", id,
           "'}\n  condition: selection\n---\n");
    const std::string least = TextIn(member, "MinMatchCount");
    if (!least.empty() && least != "1") {
      Append(&yaml, "title: ", name, "n\nname: ", name, "n\ncorrelation:\n  type: event_count\n  rules: [",
             name, "]\n", group_by, "  condition: {gte: ", least, "}\n---\n");
      name += 'n';
    }
    const bool is_absent = TextIn(member, "Absence") == "true";
    if (is_absent) absent->insert(id);
    Append(&names, names.empty() ? "" : ", ", name);
    Append(&condition, condition.empty() ? "" : " and ", is_absent ? "not " : "", name);
  }
  Append(&yaml, "title: all\nname: all\ncorrelation:\n  type: ", ordered ? "temporal_ordered" : "temporal",
         "\n  rules: [", names, "]\n", group_by);
  if (!ordered) Append(&yaml, "  condition: ", condition, "\n");
  return yaml;
}

TEST_CASE("Panther's correlation rules expect what Sigma correlations find", "[corpus]") {
  const auto folder = CorpusFolder("panther-analysis-tests/correlation_rules");
  if (!folder) return;
  int agreed = 0, compared = 0, out_of_reach = 0;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) files.insert(entry.path().string());
  for (const std::string& file : files) {
    Findings findings;
    const std::vector<YamlNode> documents = ReadYaml(ReadText(file), file, &findings);
    INFO(findings.ToStatus().ToString());
    REQUIRE(documents.size() == 1);
    const YamlNode* detection = documents[0].Find("Detection");
    const YamlNode* tests = documents[0].Find("Tests");
    if (detection == nullptr || detection->items.size() != 1 || tests == nullptr) {
      std::cout << "  panther " << file << ": out of reach: more than one detection, or no tests\n";
      continue;
    }
    std::set<std::string> absent;
    const std::string yaml = Translate(detection->items[0], &absent);
    for (const YamlNode& test : tests->items) {
      const std::vector<PantherEvent> events = EventsOf(test);
      const std::string name = Concat(TextIn(documents[0], "RuleID"), ": ", TextIn(test, "Name"));
      // What must be absent comes after what must be there: by then we have answered.
      bool after = false;
      bool present = false;
      for (const PantherEvent& event : events) {
        if (!absent.contains(event.group)) present = true;
        after = after || (present && absent.contains(event.group) && events.front().key == event.key);
      }
      if (after && TextIn(test, "ExpectedResult") == "false") {
        ++out_of_reach;
        std::cout << "  panther " << name << ": out of reach: absence that only shows later\n";
        continue;
      }
      std::string text;
      for (const PantherEvent& event : events) {
        Append(&text, "{\"@timestamp\":\"", FormatTimeMs(event.time_ms), "\",\"panther.group\":");
        AppendJsonString(event.group, &text);
        text += ",\"panther.key\":";
        AppendJsonString(event.key, &text);
        text += "}\n";
      }
      SourceOptions options;
      options.format = "ndjson";
      const RuleRun run = RunRules(yaml, {}, "", text, options, Feeding::kObserveAll);
      const bool alerted = !run.alerts.empty();
      const bool expected = TextIn(test, "ExpectedResult") == "true";
      ++compared;
      agreed += alerted == expected ? 1 : 0;
      INFO(name << "\n" << yaml << text);
      CHECK(alerted == expected);
    }
  }
  std::cout << "panther-correlations: agree " << agreed << " of " << compared << " tests, " << out_of_reach
            << " out of reach\n";
}

}  // namespace
}  // namespace stockade
