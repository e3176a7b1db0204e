// stockade run: the sidecar in front of a gateway, until it is told to stop.
#include <csignal>
#include <ctime>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/program.h"
#include "tools/stockade/running_gate.h"

namespace stockade {
namespace {

constexpr std::string_view kRunFooter = R"(
Signals:
  HUP          reload settings, rules and certificates; what is broken is refused and named, and the old stays
  TERM, INT    stop: no new connections, logins under way end, then the books are closed; a second one does not wait

Examples:
  stockade run -c stockade.yaml
  stockade run -c stockade.yaml --mode observe --decisions decisions.ndjson
  stockade run -c stockade.yaml --record today.ndjson        and later: stockade replay -c stockade.yaml today.ndjson

Files that are written, one object of JSON a line: those of replay, and the record, from which replay gives the same
verdicts and decisions, byte for byte, with the same settings and rules.

Exit codes: 0 stopped as asked · 2 wrong arguments or settings, an address that cannot be had, or a file that could not be
            written to its end
)";

// The signals that the loop waits for; every thread that starts after this leaves them to it.
class Signals {
 public:
  Signals() {
    sigemptyset(&awaited_);
    for (const int number : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&awaited_, number);
    pthread_sigmask(SIG_BLOCK, &awaited_, &before_);
    signal(SIGPIPE, SIG_IGN);
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next one, or 0 after a second without.
  int Wait() const {
    const timespec second = {1, 0};
    const int number = sigtimedwait(&awaited_, nullptr, &second);
    return number > 0 ? number : 0;
  }
  // From now on a second one ends the process as ever.
  void LetGo() const {
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &stopping, nullptr);
  }

 private:
  sigset_t awaited_;
  sigset_t before_;
};

}  // namespace

int RunRun(std::span<const std::string> arguments, Console& console) {
  RunOptions options;
  BookFiles files;
  CLI::App app("Stands in front of a login gateway: decides on every login before the password is checked.",
               "stockade run");
  app.add_option("-c,--config", options.config_file, "Settings (stockade.yaml) with a section `gateway`")
      ->type_name("FILE")
      ->required();
  app.add_option("--rules", options.rules,
                 "Rules instead of those of the settings: a folder or a file; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app.add_option("--mode", options.mode,
                 "observe, protect, certificate-only or established-only, whatever the settings say")
      ->type_name("MODE");
  app.add_option("--record", files.record, "Write every attempt with its outcome here, as replay reads it")
      ->type_name("FILE");
  app.add_option("--verdicts", files.verdicts, "Write the answer to each attempt here")->type_name("FILE");
  app.add_option("--decisions", files.decisions, "Write every standing order here")->type_name("FILE");
  app.add_option("--alerts", files.alerts, "Write every finding of a rule here")->type_name("FILE");
  app.footer(std::string(kRunFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const Signals signals;
  RunLog log(&console.err);
  absl::StatusOr<std::unique_ptr<RunningGate>> started = RunningGate::Start(options, files, &log);
  if (!started.ok()) return Fail(console, FromAbsl(started.status().message()));
  RunningGate& gate = **started;
  console.out << "stockade " << Version() << " runs; Ctrl-C stops it\n";
  gate.Describe(files, &console.out);
  console.out.flush();

  int number = 0;
  while (number != SIGTERM && number != SIGINT) {
    number = signals.Wait();
    if (number == SIGHUP) gate.Reload();
    gate.Tick();
  }
  log.Say("stopping: logins under way end first; a second signal does not wait");
  signals.LetGo();
  int exit_code = kExitFine;
  for (const absl::Status& wrong : gate.Stop()) {
    log.Error(FromAbsl(wrong.message()));
    exit_code = kExitUsage;
  }
  log.Say("stopped");
  return exit_code;
}

}  // namespace stockade
