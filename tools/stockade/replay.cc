// stockade replay: a log through the engine as if Stockade had stood in front of the gateway that wrote it.
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "adapters/store/ndjson_log.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/familiar_snapshot.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/nothing_read.h"
#include "tools/stockade/program.h"
#include "tools/stockade/progress.h"
#include "tools/stockade/replay_session.h"
#include "tools/stockade/replay_summary.h"

namespace stockade {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kReplayFooter = R"(
Examples:
  stockade replay /var/log/auth.log.1 /var/log/auth.log
  stockade replay --verdicts v.ndjson --decisions d.ndjson logins.ndjson.zst
  zcat logins.*.gz | stockade replay --format ndjson --json -
  stockade replay --login-path /portal/enter /var/log/nginx/access.log
  stockade replay --learn familiar.snapshot logins.2026-0*.ndjson.zst
  stockade replay --familiar familiar.snapshot logins.2026-10.ndjson.zst
  stockade replay -c stockade.yaml --pace x60 --verdicts /dev/stdout yesterday.ndjson

Files that are written, one object of JSON a line:
  verdicts   one a record of the input, in its order; line counts over all inputs as merged
             {"line":17,"verdict":"deny","by":"many_accounts","reason":"…"}
             verdict: allow, throttle, challenge (with "kind": human or identity), deny, unreadable
  decisions  {"time":"…Z","id":"…","action":"block","scope":"ip","value":"203.0.113.9","until":"…Z",
              "rule":"many_accounts","reason":"…","evidence":{…}}; explain --decision takes the id
  alerts     what rules found, with or without a response

Exit codes: 0 the log was replayed · 1 it held no login attempt · 2 wrong arguments or settings, or a file that cannot be read or written
            130 interrupted
)";

struct OutputOptions {
  std::string verdicts;
  std::string decisions;
  std::string alerts;
  std::string learn;
  std::string pace;
  bool json = false;
};

// The files that are written; null where none was asked for.
struct Outputs {
  std::unique_ptr<LogFile> verdicts;
  std::unique_ptr<LogFile> decisions;
  std::unique_ptr<LogFile> alerts;

  bool failed() const {
    for (const LogFile* file : {verdicts.get(), decisions.get(), alerts.get()}) {
      if (file != nullptr && file->failed()) return true;
    }
    return false;
  }
  void Flush() {
    for (LogFile* file : {verdicts.get(), decisions.get(), alerts.get()}) {
      if (file != nullptr) static_cast<void>(file->Flush());  // Close says what went wrong
    }
  }
  std::vector<absl::Status> Close() {
    std::vector<absl::Status> wrong;
    for (LogFile* file : {verdicts.get(), decisions.get(), alerts.get()}) {
      if (file == nullptr) continue;
      if (absl::Status status = file->Close(); !status.ok()) wrong.push_back(std::move(status));
    }
    return wrong;
  }
};

absl::StatusOr<Outputs> OpenOutputs(const OutputOptions& options, const std::vector<std::string>& inputs) {
  Outputs outputs;
  // All names first, then the first file: what is refused has emptied none.
  RETURN_IF_ERROR(
      LogFile::CheckNames({options.verdicts, options.decisions, options.alerts, options.learn}, inputs));
  const auto open = [](const std::string& path, std::unique_ptr<LogFile>* file) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(*file, LogFile::Create(path));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(open(options.verdicts, &outputs.verdicts));
  RETURN_IF_ERROR(open(options.decisions, &outputs.decisions));
  RETURN_IF_ERROR(open(options.alerts, &outputs.alerts));
  return outputs;
}

// How many times faster than it happened; 0: as fast as it goes.
absl::StatusOr<double> ParsePace(const std::string& text) {
  if (text.empty()) return 0.0;
  if (text == "REAL" || text == "real") return 1.0;
  double factor = 0;
  if (text[0] == 'x' && absl::SimpleAtod(text.substr(1), &factor) && factor > 0 && std::isfinite(factor))
    return factor;
  return absl::InvalidArgumentError(Concat("--pace: ", Quoted(text), " is neither REAL nor a factor as x60"));
}

// Holds events back until it is their time.
class Pace {
 public:
  explicit Pace(double factor) : factor_(factor) {}

  bool on() const noexcept { return factor_ > 0; }
  // How long to wait for an event of this time; zero or less: not at all.
  Clock::duration Ahead(int64_t time_ns) {
    if (!started_) {
      started_ = true;
      begin_ = Clock::now();
      first_ns_ = time_ns;
    }
    const double due = static_cast<double>(time_ns - first_ns_) / factor_;
    if (!(due < 9e18)) return Clock::duration::max() / 2;
    return begin_ + std::chrono::nanoseconds(static_cast<int64_t>(due)) - Clock::now();
  }

 private:
  double factor_;
  bool started_ = false;
  Clock::time_point begin_;
  int64_t first_ns_ = 0;
};

class Replay final : public EngineListener {
 public:
  // Places of unreadable records that are named; the rest is counted.
  static constexpr int kPlacesShown = 5;

  Replay(Outputs* outputs, double pace, Console* console)
      : outputs_(*outputs), pace_(pace), console_(*console) {}

  void Attach(ReplaySession* session) {
    session_ = session;
    progress_.emplace(&console_, &session->source().counters());
  }

  void OnAlert(const Alert& alert) override {
    summary_.AddAlert(alert);
    if (outputs_.alerts == nullptr) return;
    AppendAlert(alert, &outputs_.alerts->buffer());
    outputs_.alerts->EndLine();
  }
  void OnDecision(const Decision& decision) override {
    summary_.AddDecision(decision);
    if (outputs_.decisions == nullptr) return;
    outputs_.decisions->buffer() += ToJson(decision);
    outputs_.decisions->EndLine();
  }

  void OnAlarm(const Alarm& alarm) override { summary_.AddAlarm(alarm); }

  bool OnBatch() {
    progress_->Show();
    return !Interrupted() && !outputs_.failed();
  }
  void OnUnreadable(const Record& record) {
    if (outputs_.verdicts != nullptr) {
      AppendUnreadable(record.position, &outputs_.verdicts->buffer());
      outputs_.verdicts->EndLine();
    }
    if (places_shown_++ >= kPlacesShown) return;
    progress_->Clear();
    console_.err << PrintableText(session_->inputs().inputs[record.input].name) << ":" << record.line << ": "
                 << ErrorText(record, session_->inputs().inputs[record.input].format);
    if (record.offset > 0) console_.err << " (at byte " << record.offset << ")";
    console_.err << "\n";
    if (places_shown_ == kPlacesShown) console_.err << "further unreadable records are counted only\n";
  }
  bool BeforeAssess(const Record& record) {
    if (!pace_.on()) [[likely]]
      return true;
    // A batch may hold hours: whoever interrupts a wait wants none of what stands behind it.
    WaitFor(record.event.attempt.time_ns);
    return !Interrupted();
  }
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches) {
    summary_.AddVerdict(record.event, verdict, reaches);
    if (outputs_.verdicts == nullptr) return;
    AppendVerdict(record.position, verdict, &outputs_.verdicts->buffer());
    outputs_.verdicts->EndLine();
  }
  void OnOutcome(const Record& record) { summary_.AddOutcome(record.event.aftermath.outcome); }
  void AfterRecord(const Record&) {}

  const ReplaySummary& summary() const noexcept { return summary_; }
  void ClearProgress() { progress_->Clear(); }

 private:
  void WaitFor(int64_t time_ns) {
    // Short naps, so that Ctrl-C is heard and the progress moves.
    constexpr Clock::duration kNap = std::chrono::milliseconds(100);
    bool flushed = false;
    while (!Interrupted()) {
      const Clock::duration ahead = pace_.Ahead(time_ns);
      if (ahead <= Clock::duration::zero()) return;
      if (!flushed) outputs_.Flush();  // whoever follows the files sees what has happened so far
      flushed = true;
      progress_->Show();
      std::this_thread::sleep_for(std::min(ahead, kNap));
    }
  }

  Outputs& outputs_;
  Pace pace_;
  Console& console_;
  ReplaySession* session_ = nullptr;
  std::optional<Progress> progress_;
  ReplaySummary summary_;
  int places_shown_ = 0;
};

// What a gate's record told that this replay could not follow, or that a reader should know.
void SayWhatRecordsSay(const RecordNotes& notes, Console* console) {
  if (notes.begun > 1) {
    console->err << "stockade: " << notes.begun
                 << " gates began in this record, each with empty windows; replayed as one\n";
  }
  if (notes.reloads > 0) {
    console->err << "stockade: rules or settings were reloaded, first at line " << notes.first_reload
                 << ": a replay has one set of rules, and from there on it may differ from what happened\n";
  }
  if (notes.unread_decisions > 0) {
    console->err << "stockade: " << notes.unread_decisions
                 << " decisions that somebody gave by hand cannot be read, first at line "
                 << notes.first_unread_decision
                 << "; from there on this replay may differ from what happened\n";
  }
  if (notes.without_outcome > 0) {
    console->err << "stockade: " << notes.without_outcome
                 << " attempts were let through and the record ends before their outcome\n";
  }
}

// Whether the replay began as the gate did, and knew nothing that came later.
void SayWhatWasFamiliar(const ReplaySession& session, int64_t first_ms, Console* console) {
  const std::optional<FamiliarFacts>& began = session.familiar();
  const std::string& recorded = session.notes().familiar;
  if (!recorded.empty() && (!began.has_value() || ToHex(began->id) != recorded)) {
    console->err << "stockade: the gate that wrote this record began with a snapshot of who is at home, id "
                 << recorded << ", and this replay with " << (began.has_value() ? "another" : "none")
                 << ", so that it may differ from what happened; name it: --familiar, the gate kept it as "
                    "SNAPSHOT.begun\n";
  }
  if (began.has_value() && recorded.empty() && began->as_of_ms > first_ms) {
    console->err << "stockade: the snapshot is as of " << TimeText(began->as_of_ms)
                 << " and the logs begin earlier: it knows what came after them, and flatters the result\n";
  }
}

}  // namespace

int RunReplay(std::span<const std::string> arguments, Console& console) {
  ReplayOptions options;
  OutputOptions output;
  CLI::App app("Reads login logs and shows what Stockade would have done.", "stockade replay");
  AddReplayOptions(&app, &options);
  app.add_option("--verdicts", output.verdicts, "Write the answer to each record here")->type_name("FILE");
  app.add_option("--decisions", output.decisions, "Write every standing order here")->type_name("FILE");
  app.add_option("--alerts", output.alerts, "Write every finding of a rule here")->type_name("FILE");
  app.add_option("--learn", output.learn,
                 "Learn from these logs who is at home, as they happened (--observe), and write a snapshot "
                 "of it here, for "
                 "--familiar and for familiar.snapshot of run")
      ->type_name("FILE");
  app.add_option("--pace", output.pace, "As fast as it happened, REAL, or N times faster, xN (at full speed)")
      ->type_name("REAL|xN");
  app.add_flag("--json", output.json, "Print the summary as JSON");
  app.footer(std::string(kReplayFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  if (!output.learn.empty()) options.observe = true;
  const absl::StatusOr<double> pace = ParsePace(output.pace);
  if (!pace.ok()) return Fail(console, FromAbsl(pace.status().message()));
  absl::StatusOr<ReplaySession> session = ReplaySession::Open(options);
  if (!session.ok()) return Fail(console, FromAbsl(session.status().message()));
  for (const FormatDoubt& doubt : session->format_doubts()) {
    console.err << PrintableText(session->config().source.format_file) << ":" << doubt.line << ":"
                << doubt.column << ": warning: " << doubt.key << ": " << PrintableText(doubt.what) << "\n";
  }
  Outputs outputs;
  Replay replay(&outputs, *pace, &console);
  if (const absl::Status status = session->Start(&replay); !status.ok()) {
    return Fail(console, FromAbsl(status.message()));
  }
  // Only now, when nothing else can be wrong: a mistyped option empties no file.
  std::vector<std::string> read_files = options.inputs;
  for (const std::string& file : {options.config_file, options.text_format}) read_files.push_back(file);
  read_files.insert(read_files.end(), options.rules.begin(), options.rules.end());
  absl::StatusOr<Outputs> opened = OpenOutputs(output, read_files);
  if (!opened.ok()) return Fail(console, FromAbsl(opened.status().message()));
  outputs = *std::move(opened);
  std::unique_ptr<FamiliarFile> learnt;
  if (!output.learn.empty()) {
    absl::StatusOr<std::unique_ptr<FamiliarFile>> file = FamiliarFile::Open(output.learn);
    if (!file.ok()) return Fail(console, FromAbsl(file.status().message()));
    learnt = *std::move(file);
  }
  replay.Attach(&*session);

  const Clock::time_point begin = Clock::now();
  const absl::Status read = DriveReplay(&*session, &replay);
  ReplayRun run;
  run.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  run.mode = session->notes().mode.value_or(session->config().engine.mode);
  run.observe = options.observe;
  run.interrupted = Interrupted();
  run.memory_ceiling = session->config().engine.memory_bytes;
  replay.ClearProgress();

  int exit_code = run.interrupted ? kExitInterrupted : kExitFine;
  std::vector<absl::Status> unwritten = outputs.Close();
  // Of a part of the logs nothing is kept: it would look like all of them.
  if (learnt != nullptr && read.ok() && !run.interrupted && replay.summary().attempts() > 0) {
    const absl::StatusOr<WrittenSnapshot> written =
        WriteSnapshot(learnt.get(), session->config().engine.hash_key,
                      [&](FamiliarWriter* writer) { return session->engine().CopyFamiliar(writer); });
    if (written.ok()) {
      run.learnt = *written;
      console.err << "stockade: learnt who is at home on " << CountText(written->accounts)
                  << " accounts: " << PrintableText(learnt->path()) << ", " << BytesText(written->bytes)
                  << "\n";
    } else {
      unwritten.push_back(written.status());
    }
  }
  // Where a file went to standard output, the summary is for the person at the terminal.
  const bool out_is_taken = output.verdicts == "-" || output.decisions == "-" || output.alerts == "-";
  std::ostream& out = out_is_taken ? console.err : console.out;
  const SourceCounters& source = session->source().counters();
  const EngineCounters counters = session->engine().counters();
  SayWhatRecordsSay(session->notes(), &console);
  SayWhatWasFamiliar(*session, replay.summary().first_ns() / 1'000'000, &console);
  if (output.json) {
    out << replay.summary().ToJson(run, session->inputs().inputs, source, counters,
                                   session->source().figures())
        << "\n";
  } else {
    replay.summary().Print(run, session->inputs().inputs, source, counters, session->source().figures(),
                           console, out);
  }
  if (read.ok() && !run.interrupted && replay.summary().attempts() == 0) {
    ExplainNothingRead(&*session, &console);
    exit_code = kExitFindings;
  }
  if (!read.ok()) exit_code = Fail(console, FromAbsl(read.message()));
  for (const absl::Status& status : unwritten) exit_code = Fail(console, FromAbsl(status.message()));
  return exit_code;
}

}  // namespace stockade
