// stockade simulate: labelled login traffic, as a log for replay or in lock-step with an engine of its own.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "adapters/client_hello/stack_lookup.h"
#include "adapters/store/ndjson_log.h"
#include "engine/engine.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/simulation/attempt_lines.h"
#include "tools/simulation/score.h"
#include "tools/simulation/world.h"
#include "tools/stockade/command.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"
#include "tools/stockade/rule_pack.h"
#include "tools/stockade/simulate_report.h"

namespace stockade {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kSimulateFooter = R"(
Examples:
  stockade simulate --attack mimic --labels labels.ndjson -o logins.ndjson
  stockade replay --verdicts v.ndjson logins.ndjson
                                       verdicts and labels then agree line by line
  stockade simulate --lockstep --attack burst --attack spray:rate=30/m --lock 3
  stockade simulate --lockstep --json --hard --shock carrier-outage --seed 7
  stockade simulate --customers 500000 --days 3 -o - | zstd > big.ndjson.zst

Attacks, CLASS[:key=value,…]:
  burst net net6 residential rotating mimic slow spray lockout enumeration combo targeted
  feedback solver carrier cover ramp rush
  attempts=6000      how many                      at=4d10h          when, after the start
  rate=2/s           on average; /s, /m or /h      ramp=2d           so long it grows to its rate
  addresses=60       it has; 0: ever new ones      tries=1           in a row from one address
  known=66%          of its names exist here       valid=0.1%        of their passwords are right
  solve=30%          of human tests it passes      carrier=30%       comes out of the customers' carriers
  cover=30%          are logins of its own         feedback=yes      it changes where it was stopped

Shocks, NAME[:key=value,…], with at=, for=, share=, factor=:
  rush carrier-outage password-manager release outage reset cliff

Without --lockstep everything is let through, and the log says what came of it. With it an engine decides on every
attempt first; customers and attackers react, and the log says what came of that.

Exit codes: 0 the world was made · 2 wrong arguments or settings, or a file that cannot be written · 130 interrupted
)";

struct SimulateOptions {
  WorldOptions world;
  std::string start;
  std::string certificates;
  std::string cookies;
  std::vector<std::string> attacks;
  std::vector<std::string> shocks;
  std::vector<std::string> without;
  bool hard = false;
  bool lockstep = false;
  bool json = false;
  std::string config_file;
  std::vector<std::string> rules;
  std::string labels;
  std::string output;
};

void AddSimulateOptions(CLI::App* app, SimulateOptions* options) {
  WorldOptions& world = options->world;
  app->add_option("--seed", world.seed, "The same seed gives the same bytes (1)")->type_name("N");
  app->add_option("--customers", world.customers, "How many accounts there are (20,000)")->type_name("N");
  app->add_option("--days", world.days, "How many days of Taipei (8)")->type_name("N");
  app->add_option("--start", options->start,
                  "First day, as 2026-01-05 or 2026-01-05T00:00:00+08:00 (2026-01-05, a Monday)")
      ->type_name("TIME");
  app->add_option("--attack", options->attacks, "An attack, as below; may be repeated")
      ->type_name("CLASS")
      ->allow_extra_args(false);
  app->add_option("--shock", options->shocks, "A shock, as below; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app->add_option("--lock", world.lock_limit,
                  "Wrong passwords in a row at which the gateway locks an account; 0: it does not (5)")
      ->type_name("L");
  app->add_option("--certificates", options->certificates,
                  "Share of customers with a certificate, as 90% (none: events say nothing of them)")
      ->type_name("SHARE");
  app->add_option("--device-cookies", options->cookies, "Share of browsers that keep the device cookie (70%)")
      ->type_name("SHARE");
  app->add_flag("--hard", options->hard,
                "A fifth of the homes moves every day, 3 % new devices, 3 % strange places");
  app->add_option("--without", options->without,
                  "Leave a field out: password_id, ja4, header_order, device, network (AS number and "
                  "country); may be repeated")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  app->add_flag("--lockstep", options->lockstep, "Let an engine decide on every attempt, and say how it did");
  app->add_option("-c,--config", options->config_file, "Settings of that engine (stockade.yaml)")
      ->type_name("FILE");
  app->add_option("--rules", options->rules, "Its rules instead of the shipped ones; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app->add_flag("--json", options->json, "Print how it did as JSON");
  app->add_option("--labels", options->labels, "Write the truth about each line here")->type_name("FILE");
  app->add_option("-o,--output", options->output,
                  "Write the log here; - is standard output (without --lockstep: -)")
      ->type_name("FILE");
}

absl::Status TakeShare(const char* option, const std::string& text, uint32_t* ppm) {
  if (text.empty() || ParseShare(text, ppm)) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat(option, ": ", Quoted(text), " is no share; write 0.9 or 90%"));
}

// Texts of the command line become options of the world.
absl::Status Read(SimulateOptions* options) {
  WorldOptions& world = options->world;
  if (options->hard) world.MakeHard();
  if (!options->start.empty()) {
    absl::Time start;
    std::string why;
    const std::string day = Concat(options->start, "T00:00:00+08:00");
    if (!absl::ParseTime(absl::RFC3339_full, options->start.size() == 10 ? day : options->start, &start,
                         &why)) {
      return absl::InvalidArgumentError(Concat("--start: ", Quoted(options->start),
                                               " is no time; write 2026-01-05 or 2026-01-05T00:00:00+08:00"));
    }
    world.start_ms = absl::ToUnixMillis(start);
  }
  RETURN_IF_ERROR(TakeShare("--certificates", options->certificates, &world.certificates_ppm));
  RETURN_IF_ERROR(TakeShare("--device-cookies", options->cookies, &world.cookies_ppm));
  for (const std::string& text : options->attacks) {
    ASSIGN_OR_RETURN(const AttackOptions attack, ParseAttack(text));
    world.attacks.push_back(attack);
  }
  for (const std::string& text : options->shocks) {
    ASSIGN_OR_RETURN(const ShockOptions shock, ParseShock(text));
    world.shocks.push_back(shock);
  }
  struct Field {
    std::string_view name;
    bool LeftOut::*left_out;
  };
  constexpr Field kFields[] = {{"password_id", &LeftOut::password_id},
                               {"ja4", &LeftOut::ja4},
                               {"header_order", &LeftOut::header_order},
                               {"device", &LeftOut::device},
                               {"network", &LeftOut::network}};
  for (const std::string& name : options->without) {
    const Field* found = nullptr;
    std::vector<std::string_view> names;
    for (const Field& field : kFields) {
      if (field.name == name) found = &field;
      names.push_back(field.name);
    }
    if (found == nullptr) {
      return absl::InvalidArgumentError(
          Concat("--without: no field ", Quoted(name), DidYouMean(Nearest(name, names)),
                 "; there are password_id, ja4, header_order, device, network"));
    }
    world.left_out.*found->left_out = true;
  }
  if (!options->lockstep && (options->json || !options->config_file.empty() || !options->rules.empty())) {
    return absl::InvalidArgumentError("--json, --config and --rules belong to --lockstep; add it");
  }
  if (!options->lockstep && options->output.empty()) options->output = "-";
  if (options->lockstep && options->json && (options->output == "-" || options->labels == "-")) {
    return absl::InvalidArgumentError("--json: standard output is taken by a log; write that to a file");
  }
  return absl::OkStatus();
}

// Whoever decides in lock-step; without one everything is let through.
struct Judge {
  Config config;
  LoadedRules rules;
  std::unique_ptr<Engine> engine;
};

absl::StatusOr<std::unique_ptr<Judge>> MakeJudge(const SimulateOptions& options) {
  auto judge = std::make_unique<Judge>();
  judge->config = DefaultConfig();
  if (!options.config_file.empty()) {
    ASSIGN_OR_RETURN(judge->config, LoadConfig(options.config_file, GatewayFiles::kNotLookedAt));
  }
  if (!options.rules.empty()) judge->config.rules = options.rules;
  // The guard is told of the lock that the world has, as a user tells it of his gateway's.
  if (judge->config.engine.detectors.has_value() && options.world.lock_limit >= 2 &&
      options.config_file.empty())
    judge->config.engine.detectors->lock.limit = options.world.lock_limit;
  ASSIGN_OR_RETURN(judge->rules, LoadRules(judge->config));
  ASSIGN_OR_RETURN(judge->engine, Engine::Create(judge->config.engine, judge->rules.rules.get(), nullptr));
  return judge;
}

class SimulationProgress {
 public:
  explicit SimulationProgress(Console* console) : console_(*console) {}

  void Show(const World& world, uint64_t attempts) {
    if (!console_.err_is_terminal) return;
    const SteadyClock::time_point now = SteadyClock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const auto rate = static_cast<uint64_t>(static_cast<double>(attempts) / seconds);
    console_.err << "\r\033[K" << ShareText(static_cast<uint64_t>(world.permille_done()), 1000) << "  "
                 << CountText(attempts) << " attempts, " << CountText(rate) << "/s" << std::flush;
    shown_ = true;
  }
  void Clear() {
    if (shown_) console_.err << "\r\033[K" << std::flush;
    shown_ = false;
  }

 private:
  Console& console_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  SteadyClock::time_point next_ = begin_ + std::chrono::milliseconds(500);
  bool shown_ = false;
};

// The files that are written; null where none was asked for.
struct SimulationFiles {
  std::unique_ptr<LogFile> events;
  std::unique_ptr<LogFile> labels;

  bool failed() const {
    return (events != nullptr && events->failed()) || (labels != nullptr && labels->failed());
  }
};

absl::StatusOr<SimulationFiles> OpenFiles(const SimulateOptions& options) {
  SimulationFiles files;
  std::vector<std::string> read = options.rules;
  read.push_back(options.config_file);
  RETURN_IF_ERROR(LogFile::CheckNames({options.output, options.labels}, read));
  if (!options.output.empty()) {
    ASSIGN_OR_RETURN(files.events, LogFile::Create(options.output));
  }
  if (!options.labels.empty()) {
    ASSIGN_OR_RETURN(files.labels, LogFile::Create(options.labels));
  }
  return files;
}

void Drive(World* world, Engine* engine, SimulationFiles* files, Score* score, Console* console) {
  constexpr uint64_t kLook = 4096;  // attempts between two looks at the clock
  SimulationProgress progress(console);
  AttemptLines lines;
  StackLookup stacks;
  uint64_t attempts = 0;
  while (const SimulatedAttempt* login = world->Next()) {
    Verdict verdict;
    // As run and replay tell it: the log of a simulation, replayed, is the simulation.
    Attempt attempt = login->attempt;
    stacks.Fill(&attempt);
    if (engine != nullptr) verdict = engine->Assess(attempt);
    const Settled settled = world->Settle(verdict);
    score->Add(*world, *login, verdict, settled);
    if (engine != nullptr && IsObserved(verdict, login->challenge)) {
      engine->Observe(LoginEvent{attempt, {settled.outcome, login->challenge}}, verdict);
    }
    if (files->events != nullptr) {
      lines.AppendEvent(*login, settled, &files->events->buffer());
      files->events->EndLine();
    }
    if (files->labels != nullptr) {
      AttemptLines::AppendLabel(*login, &files->labels->buffer());
      files->labels->EndLine();
    }
    if (++attempts % kLook == 0) {
      progress.Show(*world, attempts);
      if (Interrupted() || files->failed()) break;
    }
  }
  if (engine != nullptr) engine->Finish();
  score->Finish();
  progress.Clear();
}

}  // namespace

int RunSimulate(std::span<const std::string> arguments, Console& console) {
  SimulateOptions options;
  CLI::App app("Makes labelled login traffic of customers and attackers, the same for the same seed.",
               "stockade simulate");
  AddSimulateOptions(&app, &options);
  app.footer(std::string(kSimulateFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;
  if (const absl::Status status = Read(&options); !status.ok())
    return Fail(console, FromAbsl(status.message()));
  absl::StatusOr<std::unique_ptr<World>> world = World::Create(options.world);
  if (!world.ok()) return Fail(console, FromAbsl(world.status().message()));
  std::unique_ptr<Judge> judge;
  if (options.lockstep) {
    absl::StatusOr<std::unique_ptr<Judge>> made = MakeJudge(options);
    if (!made.ok()) return Fail(console, FromAbsl(made.status().message()));
    judge = *std::move(made);
  }
  // Only now, when nothing else can be wrong: a mistyped option empties no file.
  absl::StatusOr<SimulationFiles> files = OpenFiles(options);
  if (!files.ok()) return Fail(console, FromAbsl(files.status().message()));
  Score score((*world)->options());
  Drive(world->get(), judge != nullptr ? judge->engine.get() : nullptr, &*files, &score, &console);

  int exit_code = Interrupted() ? kExitInterrupted : kExitFine;
  for (LogFile* file : {files->events.get(), files->labels.get()}) {
    if (file == nullptr) continue;
    if (const absl::Status status = file->Close(); !status.ok())
      exit_code = Fail(console, FromAbsl(status.message()));
  }
  const bool out_is_taken = options.output == "-" || options.labels == "-";
  std::ostream& out = out_is_taken ? console.err : console.out;
  if (options.lockstep && options.json) {
    out << ToJson(score) << "\n";
  } else if (options.lockstep) {
    PrintScore(score, options.world.lock_limit, console, out);
  } else if (options.output != "-") {
    out << CountText(score.attempts()) << " attempts of " << CountText(options.world.customers)
        << " customers and " << options.world.attacks.size()
        << (options.world.attacks.size() == 1 ? " attack in " : " attacks in ") << options.world.days
        << " days\n";
  }
  return exit_code;
}

}  // namespace stockade
