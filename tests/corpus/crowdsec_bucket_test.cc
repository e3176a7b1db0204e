// CrowdSec's own test vectors of its leaky buckets, against the correlation that says the same. A bucket of
// capacity C that leaks one event in L overflows when C + 1 events come within C·L, as far as a window can
// say it: the bucket forgets evenly, the window all at once. `distinct` is a value_count, a trigger a base
// rule, a blackhole the time for which the response stops the source.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tests/corpus/rule_run.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// Keys of a bucket that ask for what no Sigma correlation says.
const std::map<std::string, std::string> kOutOfReach = {
    {"cancel_on", "an event that empties the bucket"},
    {"overflow_filter", "a condition over all events of the bucket at its overflow"},
    {"scope", "an address cut to a prefix of any length; ours are /24, /48, /56 and /64"},
    {"data", "a list in a file; Sigma has placeholders for that"},
    {"bayesian_conditions", "a Bayesian bucket"},
    {"condition", "a conditional bucket"},
};

std::string TextOf(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.Find(key);
  return node == nullptr ? "" : node->text;
}

std::vector<YamlNode> Parse(const std::string& file) {
  Findings findings;
  std::vector<YamlNode> documents = ReadYaml(ReadText(file), file, &findings);
  INFO(findings.ToStatus().ToString());
  REQUIRE(findings.errors() == 0);
  return documents;
}

int64_t SpanMs(std::string text) {
  // Go writes 0.5s.
  double seconds = 0;
  if (text.ends_with('s') && absl::SimpleAtod(text.substr(0, text.size() - 1), &seconds)) {
    return static_cast<int64_t>(seconds * 1000);
  }
  return ParseSpanMs(text).value_or(0);
}

TEST_CASE("what overflows in CrowdSec's bucket tests alerts here", "[corpus]") {
  const auto folder = CorpusFolder("crowdsec-lapi-and-buckets/leakybucket");
  if (!folder) return;
  int agreed = 0, compared = 0, out_of_reach = 0;
  std::set<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(*folder))
    cases.insert(entry.path().filename());
  for (const std::string& name : cases) {
    const std::vector<YamlNode> buckets = Parse(Concat(*folder, "/", name, "/bucket.yaml"));
    std::string why;
    std::string type;
    for (const YamlNode& bucket : buckets) {
      type = TextOf(bucket, "type");
      if (type != "leaky" && type != "trigger")
        why = Concat("a bucket of type ", type, " speaks when its time is over, not at an event");
      for (const auto& [key, reason] : kOutOfReach) {
        if (bucket.Find(key) != nullptr) why = reason;
      }
    }
    if (why.empty() && buckets.size() != 1) why = "several buckets that feed each other";
    if (!why.empty()) {
      ++out_of_reach;
      std::cout << "  crowdsec-buckets " << name << ": out of reach: " << why << "\n";
      continue;
    }
    const YamlNode& bucket = buckets[0];
    std::string yaml =
        "title: line\nname: line\nlogsource: {category: authentication}\n"
        "detection: {selection: {source.ip|exists: true}, condition: selection}\n";
    if (type == "leaky") {
      int capacity = 0;
      REQUIRE(absl::SimpleAtoi(TextOf(bucket, "capacity"), &capacity));
      const std::string distinct = TextOf(bucket, "distinct");
      const int64_t span_ms = SpanMs(TextOf(bucket, "leakspeed")) * capacity;
      REQUIRE(span_ms >= 1000);
      Append(&yaml, "---\ntitle: bucket\nname: bucket\ncorrelation:\n  type: ",
             distinct.empty() ? "event_count" : "value_count",
             "\n  rules: [line]\n  group-by: [source.ip]\n  timespan: ", span_ms / 1000, "s\n  condition: {",
             distinct.empty() ? "" : "field: uniq_key, ", "gte: ", capacity + 1, "}\n");
      if (const std::string blackhole = TextOf(bucket, "blackhole"); !blackhole.empty()) {
        Append(&yaml, "response: {action: block, target: source.ip, for: ", blackhole, "}\n");
      }
    }
    const std::vector<YamlNode> test = Parse(Concat(*folder, "/", name, "/test.json"));
    REQUIRE(test.size() == 1);
    std::string events;
    for (const YamlNode& line : test[0].Find("lines")->items) {
      const YamlNode& meta = *line.Find("Meta");
      Append(&events, "{\"@timestamp\":\"", TextOf(line, "MarshaledTime"), "\",\"source.ip\":\"",
             TextOf(meta, "source_ip"), "\",\"uniq_key\":\"", TextOf(meta, "uniq_key"), "\"}\n");
    }
    std::multiset<std::string> expected;
    for (const YamlNode& result : test[0].Find("results")->items) {
      const YamlNode* alert = result.Find("Alert");
      if (alert == nullptr) continue;
      for (const std::string_view key : {"sources", "Sources"}) {
        if (const YamlNode* sources = alert->Find(key)) {
          for (const YamlEntry& source : sources->entries) expected.insert(source.key.text);
        }
      }
    }
    SourceOptions options;
    options.format = "ndjson";
    const RuleRun run = RunRules(yaml, {}, "", events, options, Feeding::kWhatIf);
    std::multiset<std::string> got;
    for (const RunAlert& alert : run.alerts) got.insert(alert.source);
    ++compared;
    agreed += got == expected ? 1 : 0;
    INFO(name << "\n" << yaml << events);
    CHECK(got == expected);
  }
  std::cout << "crowdsec-buckets: agree " << agreed << " of " << compared << ", " << out_of_reach
            << " out of reach\n";
}

}  // namespace
}  // namespace stockade
