#include "tests/corpus/rule_run.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/rule/compile.h"
#include "engine/rule/sigma_parse.h"
#include "engine/text.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/rule_pack.h"

namespace stockade {
namespace {

class Recorder : public EngineListener {
 public:
  explicit Recorder(RuleRun* run) : run_(*run) {}
  void OnAlert(const Alert& alert) override {
    RunAlert seen;
    seen.rule = std::string(alert.rule);
    if (alert.event != nullptr && alert.event->attempt.source.present()) {
      seen.source = alert.event->attempt.source.ToString();
    }
    seen.time_ms = alert.time_ms;
    run_.alerts.push_back(std::move(seen));
  }
  void OnDecision(const Decision& decision) override { run_.decisions.push_back(decision); }

 private:
  RuleRun& run_;
};

}  // namespace

std::optional<std::string> CorpusFolder(std::string_view name) {
  const std::string folder = Concat(STOCKADE_CORPORA, "/", name);
  if (std::filesystem::is_directory(folder)) return folder;
  WARN("skipped: the corpus " << name << " is not here (STOCKADE_CORPORA)");
  return std::nullopt;
}

std::string ReadText(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  INFO(file);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::set<std::string> RuleRun::AlertedSources() const {
  std::set<std::string> sources;
  for (const RunAlert& alert : alerts) sources.insert(alert.source);
  return sources;
}

RuleRun RunRules(const std::string& yaml, const std::vector<std::string>& paths,
                 const std::string& input_file, const std::string& input_text, SourceOptions options,
                 Feeding feeding) {
  const Config config = DefaultConfig();
  SigmaDocuments documents;
  Findings findings;
  ParseSigma(yaml, "inline.yml", config.placeholders, &documents, &findings);
  if (!paths.empty()) {
    const auto files = ListRuleFiles(paths);
    REQUIRE(files.ok());
    for (const std::string& file : *files)
      ParseSigma(ReadText(file), file, config.placeholders, &documents, &findings);
  }
  INFO(findings.ToStatus().ToString());
  REQUIRE(findings.errors() == 0);
  FieldTable fields;
  const auto rules = Compile(std::move(documents), &fields);
  INFO(rules.status().ToString());
  REQUIRE(rules.ok());

  RuleRun run;
  Recorder recorder(&run);
  EngineOptions engine_options;
  engine_options.memory_bytes = size_t{64} << 20;
  engine_options.lets_through = feeding == Feeding::kObserveAll;
  const auto engine = Engine::Create(engine_options, rules->get(), &recorder);
  INFO(engine.status().ToString());
  REQUIRE(engine.ok());
  options.fields = &fields;
  const std::vector<std::string> inputs = {input_file};
  auto opened = input_file.empty() ? OpenText(input_text, "inline", options) : OpenInputs(inputs, options);
  INFO(opened.status().ToString());
  REQUIRE(opened.ok());
  Batch batch;
  while (true) {
    const auto more = opened->source->Read(&batch);
    INFO(more.status().ToString());
    REQUIRE(more.ok());
    if (!*more) break;
    for (const Record& record : batch.records) {
      if (!record.ok()) {
        ++run.unreadable;
        continue;
      }
      const Verdict verdict = (*engine)->Assess(record.event.attempt);
      const bool reaches =
          feeding == Feeding::kObserveAll || ReachesPasswordCheck(verdict, record.event.aftermath.challenge);
      RunVerdict seen;
      if (record.event.attempt.source.present()) seen.source = record.event.attempt.source.ToString();
      seen.kind = verdict.kind;
      seen.by = std::string(verdict.by);
      seen.reached = reaches;
      seen.outcome = record.event.aftermath.outcome;
      run.verdicts.push_back(std::move(seen));
      if (reaches || verdict.for_certificate) (*engine)->Observe(record.event, verdict);
    }
  }
  (*engine)->Finish();
  return run;
}

}  // namespace stockade
