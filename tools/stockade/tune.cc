// stockade tune: settings tried on a log, each as if it had stood in front, and what to change.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "adapters/store/ndjson_log.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/nothing_read.h"
#include "tools/stockade/program.h"
#include "tools/stockade/progress.h"
#include "tools/stockade/replay_session.h"
#include "tools/stockade/tune_summary.h"
#include "tools/stockade/units.h"
#include "tools/tuning/backtest.h"
#include "tools/tuning/html_report.h"
#include "tools/tuning/json_report.h"
#include "tools/tuning/proxy_labels.h"
#include "tools/tuning/recommendation.h"
#include "tools/tuning/sweep.h"
#include "tools/tuning/tuning_report.h"

namespace stockade {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kJobsMax = 256;
// Some 18 million attempts of usual logs.
constexpr uint64_t kLogBytesDefault = uint64_t{2} << 30;
constexpr uint64_t kLogBytesMin = uint64_t{4} << 20;

constexpr std::string_view kTuneFooter = R"(
Examples:
  stockade tune --report tune.html logins.ndjson.zst
  stockade simulate --attack spray --attack mimic --labels labels.ndjson -o logins.ndjson
  stockade tune --labels labels.ndjson --report tune.html logins.ndjson
  stockade tune -c stockade.yaml --sweep detectors.charts.h=7,8,9.2 --sweep detectors.charts.hold=10m,30m,1h \
                --grid logins.ndjson
  stockade tune --sweep thresholds.address_fails_on_8_accounts.gte=4,6,8,12 --json logins.ndjson > tune.json

A sweep names a setting as stockade.yaml has it, its keys with dots between, of detectors, thresholds, policy,
certificates, mode, lateness or memory. Without one, thresholds of evidence, pressure and its hold, the guard's
limit, each detector on or off, and numbers and spans of correlation rules are tried, one change at a time.

Labels are what `stockade simulate --labels` writes, a line of JSON for each line of the log:
  {"line":17,"who":"customer","id":4711,"history":true}
  {"line":18,"who":"attack","class":"mimic","campaign":3}
Without them a customer's attempt is one whose network and device get in on that account, earlier or later.

Exit codes: 0 fine · 1 the log held no login attempt · 2 wrong arguments, settings, labels or files, or a log that
            does not fit · 130 interrupted
)";

struct TuneOptions {
  ReplayOptions log;
  std::string labels;
  std::vector<std::string> sweeps;
  std::string sweep_file;
  bool grid = false;
  std::string report;
  bool json = false;
  std::optional<int> lock;
  size_t jobs = 0;
  double alarms_a_day = 1;
  std::string log_memory;
};

void AddTuneOptions(CLI::App* app, TuneOptions* options) {
  AddLogOptions(app, &options->log);
  app->add_option("--labels", options->labels, "Who was who: a line of JSON for each line of the log")
      ->type_name("FILE");
  app->add_option("--sweep", options->sweeps, "Values to try of a setting; may be repeated")
      ->type_name("SETTING=A,B,C")
      ->allow_extra_args(false);
  app->add_option("--sweep-file", options->sweep_file, "The same from a file, one a line")->type_name("FILE");
  app->add_flag("--grid", options->grid, "Try every combination of the sweeps, not one change at a time");
  app->add_option("--report", options->report,
                  "Write one page of HTML here, which opens offline; - is standard output")
      ->type_name("FILE");
  app->add_flag("--json", options->json, "Print everything as JSON");
  app->add_option(
         "--lock", options->lock,
         "Wrong passwords in a row at which the gateway locks an account; 0: it does not (that of the "
         "settings, 5)")
      ->type_name("N");
  app->add_option("--alarms-per-day", options->alarms_a_day, "False alarms that are tolerated (1)")
      ->type_name("N");
  app->add_option("--jobs", options->jobs, "Settings that are tried at the same time (one a core)")
      ->type_name("N");
  app->add_option("--log-memory", options->log_memory,
                  "What the decoded log may take (2GiB); each job has an engine of --memory besides")
      ->type_name("SIZE");
}

absl::Status Check(TuneOptions* options) {
  if (!(options->alarms_a_day > 0) || !(options->alarms_a_day <= 1e6))
    return absl::InvalidArgumentError("--alarms-per-day: write a number above 0; 0.1 is one in ten days");
  if (options->lock && (*options->lock < 0 || *options->lock > 100))
    return absl::InvalidArgumentError("--lock: write 0 to 100 wrong passwords");
  if (options->jobs > kJobsMax) return absl::InvalidArgumentError(Concat("--jobs: at most ", kJobsMax));
  if (options->jobs == 0) options->jobs = std::max(1U, std::thread::hardware_concurrency());
  if (options->json && options->report == "-")
    return absl::InvalidArgumentError("--json: standard output is taken by the report; write that to a file");
  if (options->grid && options->sweeps.empty() && options->sweep_file.empty())
    return absl::InvalidArgumentError("--grid: combines sweeps; name some with --sweep");
  // Told what the gateway's lock is, and no settings that say otherwise: the guard is told, too.
  if (options->lock && *options->lock >= 2 && options->log.config_file.empty() && !options->log.rules_only)
    options->log.overrides.push_back({"detectors.lock.limit", std::to_string(*options->lock)});
  return absl::OkStatus();
}

// Everything that a run of candidates refers to.
class Tuning {
 public:
  Tuning(const TuneOptions& options, Console* console) : options_(options), console_(*console) {}

  // The current settings, and a candidate for each value of a sweep. Errors: anything wrong with settings or sweeps.
  absl::Status Plan() {
    ASSIGN_OR_RETURN(ReplaySession session, ReplaySession::Open(options_.log));
    session_.emplace(std::move(session));
    Candidate current;
    current.options = session_->config().engine;
    if (current.options.mode == Mode::kObserve) {
      current.options.mode = Mode::kProtect;
      notes_.emplace_back("The settings say mode: observe, in which nothing is stopped; tried as protect.");
    }
    current.rules = std::shared_ptr<const RuleSet>(std::shared_ptr<void>(), session_->rules().rules.get());
    candidates_.push_back(std::move(current));
    ASSIGN_OR_RETURN(const std::vector<Sweep> sweeps, ReadSweeps());
    ASSIGN_OR_RETURN(const std::vector<PlannedCandidate> planned, PlanCandidates(sweeps, options_.grid));
    for (const PlannedCandidate& one : planned) RETURN_IF_ERROR(AddCandidate(one));
    return absl::OkStatus();
  }

  // Errors: a log that cannot be read or does not fit, labels that are none; Cancelled.
  absl::Status ReadLog() {
    RETURN_IF_ERROR(session_->Start(nullptr));
    EventLog::Options options;
    options.bytes_max = kLogBytesDefault;
    if (!options_.log_memory.empty()) {
      const std::optional<uint64_t> bytes = ParseBytes(options_.log_memory);
      if (!bytes || *bytes < kLogBytesMin) {
        return absl::InvalidArgumentError(Concat("--log-memory: ", Quoted(options_.log_memory),
                                                 " is no amount of memory of at least ", kLogBytesMin >> 20,
                                                 "MiB; write 512MiB or 4GiB"));
      }
      options.bytes_max = *bytes;
    }
    Progress progress(&console_, &session_->source().counters());
    options.goes_on = [&progress](const SourceCounters&) {
      progress.Show();
      return !Interrupted();
    };
    options.tell = [this](Attempt* attempt) { session_->Complete(attempt); };
    absl::StatusOr<EventLog> log = EventLog::Read(&session_->source(), options);
    progress.Clear();
    if (!log.ok()) return log.status();
    log_.emplace(*std::move(log));
    if (log_->size() == 0) return absl::OkStatus();
    if (options_.labels.empty()) {
      labels_ = GuessLabels(*log_);
    } else {
      ASSIGN_OR_RETURN(labels_, ReadLabels(options_.labels, *log_));
    }
    days_ = LogDays::Build(*log_, labels_);
    if (log_->notes().unreadable > 0)
      notes_.push_back(Concat(CountText(log_->notes().unreadable), " records could not be read."));
    if (log_->notes().left_out > 0) {
      notes_.push_back(Concat("The log is a gate's record: ", CountText(log_->notes().left_out),
                              " orders, modes and reloads in it were left out."));
    }
    return absl::OkStatus();
  }

  // Runs all, then what is put together of them. Errors: those of the engine; Cancelled.
  absl::Status Run() {
    LockoutRule lock;
    if (session_->config().engine.detectors) lock = session_->config().engine.detectors->lock;
    if (options_.lock) lock.limit = *options_.lock;
    backtest_.emplace(Backtest{*log_, labels_, days_, lock});
    FirstContacts contacts(*log_, days_);
    ASSIGN_OR_RETURN(runs_, RunAll(candidates_, &contacts));
    budget_ = contacts.Budget(options_.alarms_a_day);
    budget_changes_ = BudgetChanges(budget_, candidates_[0].options);
    combined_ = candidates_.size();
    for (std::vector<SettingOverride>& changes : Combine(candidates_, runs_, budget_changes_)) {
      const auto swept = std::ranges::find(candidates_, changes, &Candidate::changes);
      if (swept != candidates_.end()) {
        wanted_.push_back(static_cast<size_t>(swept - candidates_.begin()));
      } else if (AddCandidate({std::move(changes), ""}).ok()) {
        wanted_.push_back(candidates_.size() - 1);
      }
      // Two that are each allowed may not be so together, suspect at 11 and condemned at 10: others are left.
    }
    const std::vector<Candidate> more(candidates_.begin() + static_cast<int64_t>(combined_),
                                      candidates_.end());
    ASSIGN_OR_RETURN(std::vector<Figures> ran, RunAll(more, nullptr));
    for (Figures& figures : ran) runs_.push_back(std::move(figures));
    uint64_t evicted = 0;
    for (const Figures& figures : runs_) evicted = std::max(evicted, figures.windows_evicted);
    if (evicted > 0) {
      notes_.push_back(Concat("Up to ", CountText(evicted),
                              " windows gave way for want of memory; give --memory more, or fewer jobs."));
    }
    return absl::OkStatus();
  }

  TuningReport Report() {
    TuningReport report{.backtest = *backtest_,
                        .inputs = options_.log.inputs,
                        .labels_file = options_.labels,
                        .candidates = candidates_,
                        .runs = runs_,
                        .combined = combined_,
                        .budget = budget_,
                        .budget_changes = budget_changes_,
                        .recommended = Recommend(candidates_, runs_, wanted_),
                        .notes = notes_};
    return report;
  }

  ReplaySession& session() { return *session_; }
  size_t attempts() const { return log_->size(); }

 private:
  absl::StatusOr<std::vector<Sweep>> ReadSweeps() {
    std::vector<Sweep> sweeps;
    if (!options_.sweep_file.empty()) {
      ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(options_.sweep_file, kYamlBytesMax));
      ASSIGN_OR_RETURN(sweeps, ParseSweepLines(text, options_.sweep_file));
    }
    for (const std::string& text : options_.sweeps) {
      ASSIGN_OR_RETURN(Sweep sweep, ParseSweep(text, "--sweep"));
      sweeps.push_back(std::move(sweep));
    }
    if (options_.sweeps.empty() && options_.sweep_file.empty())
      sweeps = DefaultSweeps(candidates_[0].options, *candidates_[0].rules);
    return sweeps;
  }

  absl::Status AddCandidate(const PlannedCandidate& planned) {
    const auto refused = [&planned](const absl::Status& status) {
      const SettingOverride& change = planned.changes.back();
      return absl::InvalidArgumentError(Concat(planned.place, planned.place.empty() ? "" : ": ", change.path,
                                               "=", change.value, ": ", FromAbsl(status.message())));
    };
    ReplayOptions options = options_.log;
    options.overrides.insert(options.overrides.end(), planned.changes.begin(), planned.changes.end());
    const absl::StatusOr<Config> config = ReadSettings(options);
    if (!config.ok()) return refused(config.status());
    Candidate candidate;
    candidate.changes = planned.changes;
    candidate.options = config->engine;
    const auto of = [&planned](std::string_view prefix) {
      return std::ranges::any_of(
          planned.changes, [&](const SettingOverride& change) { return change.path.starts_with(prefix); });
    };
    if (!of("mode")) candidate.options.mode = candidates_[0].options.mode;
    candidate.rules = candidates_[0].rules;
    if (of("thresholds.") || of("policy.shadow")) {
      absl::StatusOr<LoadedRules> loaded = LoadRules(*config);
      if (!loaded.ok()) return refused(loaded.status());
      // The log is decoded once, for the fields of the current rules.
      if (loaded->fields->extra_names() != session_->rules().fields->extra_names())
        return absl::FailedPreconditionError("the rules changed while they were tried; try again");
      const auto owned = std::make_shared<LoadedRules>(*std::move(loaded));
      candidate.rules = std::shared_ptr<const RuleSet>(owned, owned->rules.get());
    }
    candidates_.push_back(std::move(candidate));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Figures>> RunAll(const std::vector<Candidate>& candidates,
                                              FirstContacts* contacts) {
    if (candidates.empty()) return std::vector<Figures>();
    const SteadyClock::time_point begin = SteadyClock::now();
    const uint64_t all = candidates.size() * log_->size();
    bool shown = false;
    const auto watch = [&](uint64_t done) {
      const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
      if (console_.err_is_terminal && seconds > 0.5 && done > 0) {
        const auto left_ms = static_cast<int64_t>(
            seconds * 1000 * static_cast<double>(all - std::min(all, done)) / static_cast<double>(done));
        console_.err << "\r\033[K" << ShareText(done, all) << " of " << CountText(candidates.size())
                     << " settings, " << CountText(static_cast<uint64_t>(static_cast<double>(done) / seconds))
                     << " attempts/s, " << DurationText(left_ms) << " left" << std::flush;
        shown = true;
      }
      return !Interrupted();
    };
    absl::StatusOr<std::vector<Figures>> runs =
        RunBacktests(*backtest_, candidates, options_.jobs, contacts, watch);
    if (shown) console_.err << "\r\033[K" << std::flush;
    return runs;
  }

  const TuneOptions& options_;
  Console& console_;
  std::optional<ReplaySession> session_;
  std::optional<EventLog> log_;
  Labels labels_;
  LogDays days_;
  std::optional<Backtest> backtest_;
  std::vector<Candidate> candidates_;
  std::vector<Figures> runs_;
  size_t combined_ = 0;
  std::vector<size_t> wanted_;  // runs, the most wanted first
  AlarmBudget budget_;
  std::vector<SettingOverride> budget_changes_;
  std::vector<std::string> notes_;
};

int FailOr(const absl::Status& status, Console& console) {
  return absl::IsCancelled(status) ? kExitInterrupted : Fail(console, FromAbsl(status.message()));
}

}  // namespace

int RunTune(std::span<const std::string> arguments, Console& console) {
  TuneOptions options;
  CLI::App app("Tries settings on a log: what each would have stopped, and whom it would have hurt.",
               "stockade tune");
  AddTuneOptions(&app, &options);
  app.footer(std::string(kTuneFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;
  if (const absl::Status status = Check(&options); !status.ok())
    return Fail(console, FromAbsl(status.message()));

  Tuning tuning(options, &console);
  if (const absl::Status status = tuning.Plan(); !status.ok()) return FailOr(status, console);
  std::vector<std::string> read_files = options.log.inputs;
  for (const std::string& file :
       {options.log.config_file, options.log.text_format, options.labels, options.sweep_file})
    read_files.push_back(file);
  read_files.insert(read_files.end(), options.log.rules.begin(), options.log.rules.end());
  if (const absl::Status status = LogFile::CheckNames({options.report}, read_files); !status.ok())
    return Fail(console, FromAbsl(status.message()));
  if (const absl::Status status = tuning.ReadLog(); !status.ok()) return FailOr(status, console);
  if (tuning.attempts() == 0) {
    ExplainNothingRead(&tuning.session(), &console);
    return kExitFindings;
  }
  if (const absl::Status status = tuning.Run(); !status.ok()) return FailOr(status, console);

  const TuningReport report = tuning.Report();
  if (!options.report.empty()) {
    absl::StatusOr<std::unique_ptr<LogFile>> file = LogFile::Create(options.report);
    if (!file.ok()) return Fail(console, FromAbsl(file.status().message()));
    (*file)->buffer() += ToHtml(report);
    if (const absl::Status status = (*file)->Close(); !status.ok())
      return Fail(console, FromAbsl(status.message()));
  }
  std::ostream& out = options.report == "-" ? console.err : console.out;
  if (options.json) {
    out << ToJson(report) << "\n";
  } else {
    PrintSummary(report, console, out);
  }
  return kExitFine;
}

}  // namespace stockade
