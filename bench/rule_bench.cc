// What matching one event against the rules costs: the shipped pack and 300 foreign Sigma rules, memo warm
// and cold, Hyperscan and RE2.  rule_bench [--benchmark_filter=…]
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "engine/rule/compile.h"
#include "engine/rule/sigma_parse.h"

namespace stockade {
namespace {

struct Loaded {
  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
};

SigmaDocuments ReadFolder(const std::string& folder) {
  SigmaDocuments documents;
  if (!std::filesystem::exists(folder)) return documents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".yml" || name.find(".test.yml") != std::string::npos) continue;
    std::ifstream in(entry.path());
    const std::string yaml((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    static_cast<void>(ParseSigma(yaml, name, &documents));
  }
  return documents;
}

Loaded Load(const std::string& folder, PatternSet::Engines engines) {
  Loaded loaded;
  Findings findings;
  loaded.rules = Compile(ReadFolder(folder), &loaded.fields, &findings, engines);
  if (loaded.rules == nullptr) {
    std::fprintf(stderr, "%s\n", std::string(findings.ToStatus().message()).c_str());
    std::exit(1);
  }
  return loaded;
}

const Loaded& Pack() {
  static const Loaded* const kPack = new Loaded(Load(STOCKADE_RULES, PatternSet::Engines::kAll));
  return *kPack;
}
const Loaded& PackByRe2() {
  static const Loaded* const kPack = new Loaded(Load(STOCKADE_RULES, PatternSet::Engines::kRe2Only));
  return *kPack;
}
const Loaded& Sigma() {
  static const Loaded* const kSigma =
      new Loaded(Load(std::string(STOCKADE_CORPORA) + "/sigma-rules", PatternSet::Engines::kAll));
  return *kSigma;
}

// Logins of a day: account names that do not repeat, user agents that do.
struct Logins {
  explicit Logins(size_t count, size_t agents_count) {
    std::mt19937 random(7);
    for (size_t i = 0; i < agents_count; ++i) {
      agents.push_back(
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" +
          std::to_string(80 + i) + ".0.4430." + std::to_string(random() % 999) + " Safari/537.36");
    }
    for (size_t i = 0; i < count; ++i)
      names.push_back("customer" + std::to_string(random()) + "@example.net");
    for (size_t i = 0; i < count; ++i) {
      LoginEvent& event = events.emplace_back();
      event.attempt.time_ns = static_cast<int64_t>(1'600'000'000 + i) * 1'000'000'000;
      event.attempt.source = Address::V4(static_cast<uint32_t>(random()));
      event.attempt.account = names[i];
      event.attempt.user_agent = agents[random() % agents.size()];
      event.attempt.path = "/login";
      event.attempt.country = "SE";
      event.aftermath.outcome = random() % 4 == 0 ? Outcome::kBadPassword : Outcome::kSuccess;
    }
  }
  std::vector<std::string> agents;
  std::vector<std::string> names;
  std::vector<LoginEvent> events;
};

void MatchAll(benchmark::State& state, const Loaded& loaded, const std::vector<LoginEvent>& events) {
  MatchScratch scratch(*loaded.rules);
  size_t matched = 0;
  size_t i = 0;
  for (auto _ : state) {
    matched += loaded.rules->Match(events[i], &scratch).size();
    if (++i == events.size()) i = 0;
  }
  const auto runs = static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations());
  state.counters["rules"] = static_cast<double>(loaded.rules->rules().size());
  state.counters["matches"] = static_cast<double>(matched) / runs;
  state.counters["scans"] = static_cast<double>(scratch.scans()) / runs;
  state.counters["memo"] = static_cast<double>(scratch.memo_hits()) / runs;
  if (scratch.scan_failures() > 0) state.SkipWithError("scans failed");
}

void BM_PackWarmMemo(benchmark::State& state) {
  static const Logins kLogins(10'000, 40);
  MatchAll(state, Pack(), kLogins.events);
}
BENCHMARK(BM_PackWarmMemo);

void BM_PackEveryUserAgentNew(benchmark::State& state) {
  static const Logins kLogins(10'000, 10'000);
  MatchAll(state, Pack(), kLogins.events);
}
BENCHMARK(BM_PackEveryUserAgentNew);

void BM_PackByRe2(benchmark::State& state) {
  static const Logins kLogins(10'000, 40);
  MatchAll(state, PackByRe2(), kLogins.events);
}
BENCHMARK(BM_PackByRe2);

// The rules of other products: their fields are extra fields here, filled with values like those they look
// for.
void BM_SigmaRules(benchmark::State& state) {
  const Loaded& loaded = Sigma();
  if (loaded.rules->rules().empty()) return state.SkipWithError("corpus sigma-rules is absent");
  const Logins logins(4'000, 40);
  std::vector<LoginEvent> events = logins.events;
  std::vector<std::vector<ExtraField>> extras(events.size());
  std::mt19937 random(11);
  const auto& names = loaded.fields.extra_names();
  const std::string values[] = {"UserLoggedIn", "user.session.start", "MicrosoftGraph", "Success", "4625",
                                "0x0"};
  for (size_t i = 0; i < events.size(); ++i) {
    for (int n = 0; n < 10; ++n) {
      const FieldId id = *loaded.fields.Find(names[random() % names.size()]);
      extras[i].push_back({id, {FieldValue::Kind::kText, 0, values[random() % std::size(values)]}});
    }
    events[i].attempt.extra = extras[i];
  }
  MatchAll(state, loaded, events);
}
BENCHMARK(BM_SigmaRules);

// User agents alone, against names of attack tools: what the memo saves. Repeating ones hit it, new ones
// teach it to stand aside.
void MatchUserAgents(benchmark::State& state, size_t agents) {
  SigmaDocuments documents;
  static_cast<void>(
      ParseSigma("title: t\nlogsource: {category: authentication}\ndetection:\n  s:\n    "
                 "user_agent.original|contains: [sqlmap, hydra, "
                 "python-requests, curl/, go-http-client, nikto, wfuzz, openbullet]\n  condition: s\n",
                 "bench.yml", &documents));
  FieldTable fields;
  const Loaded loaded{{}, Compile(std::move(documents), &fields).value()};
  const Logins logins(10'000, agents);
  MatchAll(state, loaded, logins.events);
}
void BM_UserAgentsRepeating(benchmark::State& state) {
  MatchUserAgents(state, 40);
}
BENCHMARK(BM_UserAgentsRepeating);
void BM_UserAgentsNew(benchmark::State& state) {
  MatchUserAgents(state, 10'000);
}
BENCHMARK(BM_UserAgentsNew);

// One field alone: the floor of a scan.
void BM_ScanUserName(benchmark::State& state) {
  std::vector<Pattern> patterns;
  for (const char* text : {"svc[-_].*", "^test", "adm(in)?$", "vendor"}) {
    Pattern pattern;
    pattern.text = text;
    patterns.push_back(pattern);
  }
  std::vector<PatternSet::Refusal> refusals;
  const auto set = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals);
  PatternScratch scratch;
  scratch.Prepare(*set);
  const Logins logins(1'000, 10);
  uint16_t ids[8];
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set->Match(logins.names[i], &scratch, ids));
    if (++i == logins.names.size()) i = 0;
  }
}
BENCHMARK(BM_ScanUserName);

void BM_CompilePack(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Load(STOCKADE_RULES, PatternSet::Engines::kAll));
}
BENCHMARK(BM_CompilePack)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stockade

BENCHMARK_MAIN();
