// What replay and explain share: the options that say what is replayed and with what, everything they open,
// and the loop that drives the engine. Both go through here, so that explain tells of the very run that
// replay made.
//
//   ReplayOptions options;                       AddReplayOptions(&app, &options); app.parse(…);
//   auto session = ReplaySession::Open(options); session->Start(&listener); DriveReplay(&*session, &watcher);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/client_hello/stack_lookup.h"
#include "adapters/source/open_inputs.h"
#include "adapters/source/text_format.h"
#include "engine/engine.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/rule_pack.h"
#include "tools/stockade/waiting_attempts.h"

namespace CLI {
class App;
}

namespace stockade {

// As given on the command line; what is given here wins over the configuration.
struct ReplayOptions {
  std::string config_file;         // empty: the defaults
  std::vector<std::string> rules;  // empty: those of the configuration
  std::string format;
  std::string text_format;
  std::string memory;
  std::string timezone;
  std::vector<std::string> login_paths;  // instead of those of the configuration
  std::optional<int> year;
  GeoSettings geo;
  std::string familiar;  // a snapshot of who is at home, to begin with; empty: nobody is known
  bool observe = false;  // let everything through, as the system did that wrote the log
  bool rules_only = false;
  std::vector<std::string> inputs;
  std::vector<std::string>
      shown;  // what people call them, where that is not how they are opened; empty: it is
  std::vector<SettingOverride> overrides;  // settings that are tried
};

// Those that say what is read and with what; AddReplayOptions has --observe besides.
void AddLogOptions(CLI::App* app, ReplayOptions* options);
void AddReplayOptions(CLI::App* app, ReplayOptions* options);

// The settings of these options: the file's, `overrides` over them, the command line's over both. Errors: anything wrong with them.
absl::StatusOr<Config> ReadSettings(const ReplayOptions& options);

class ReplaySession {
 public:
  // Reads the configuration and the rules. Errors: anything wrong with them or with an option.
  static absl::StatusOr<ReplaySession> Open(const ReplayOptions& options);

  // Opens the inputs at their begin and makes an engine that has seen nothing. May be called again, where the
  // inputs are files; the engine and inputs before are gone then. `listener` outlives the session or the next
  // Start.
  absl::Status Start(EngineListener* listener);

  const ReplayOptions& options() const noexcept { return options_; }
  const Config& config() const noexcept { return config_; }
  const LoadedRules& rules() const noexcept { return rules_; }
  Engine& engine() noexcept { return *engine_; }
  const OpenedInputs& inputs() const noexcept { return inputs_; }
  Source& source() noexcept { return *inputs_.source; }
  RecordNotes& notes() noexcept { return notes_; }
  const RecordNotes& notes() const noexcept { return notes_; }
  // Tells attempts what they leave out and what the engine is to know of them: the AS and country of their source, where there
  // are files of such, and their TLS stack. Before each is hinted at or assessed. Texts that it gives outlive the batch.
  void Complete(Attempt* attempt) {
    if (geo_ != nullptr) geo_->Fill(attempt);
    stacks_->Fill(attempt);
  }
  void Complete(Batch* batch) {
    for (Record& record : batch->records)
      if (record.ok() && record.kind == RecordKind::kAttempt) Complete(&record.event.attempt);
  }
  // The snapshot that the engine began with; not there: none.
  const std::optional<FamiliarFacts>& familiar() const noexcept { return familiar_; }
  // What is probably not meant in the format file, where there is one.
  const std::vector<FormatDoubt>& format_doubts() const noexcept { return format_doubts_; }

 private:
  ReplayOptions options_;
  Config config_;
  LoadedRules rules_;
  std::unique_ptr<Engine> engine_;
  OpenedInputs inputs_;
  RecordNotes notes_;
  std::unique_ptr<GeoLookup> geo_;
  std::unique_ptr<StackLookup> stacks_ = std::make_unique<StackLookup>();
  std::optional<FamiliarFacts> familiar_;
  std::vector<FormatDoubt> format_doubts_;
};

// Gives the engine the decision that a record says somebody gave, restored or took out; one that cannot be read is noted.
void FollowDecision(const Record& record, ReplaySession* session);

// Drives all records through the engine. A Watcher sees it happen:
//   bool OnBatch();                   before each batch; false ends the run as if the inputs ended here
//   void OnUnreadable(const Record&);
//   bool BeforeAssess(const Record&); false ends the run as if the inputs ended before this record
//   void OnVerdict(const Record&, const Verdict&, bool reaches);   the verdict's views live during this call
//   void OnOutcome(const Record&);    of an attempt that was seen before, and whose outcome a record brings now, before
//                                     its Observe
//   void AfterRecord(const Record&);  after Observe, where there was one; of an attempt that reaches the password check
//                                     and whose outcome comes later (Record::number), after OnOutcome and Observe
// Returns what the source said when it failed; the engine was finished and the watcher saw everything up to
// there. A template, so that an attempt costs no indirect call.
template <typename Watcher>
void FollowRecord(const Record& record, ReplaySession* session, WaitingAttempts* waiting, Watcher* watcher) {
  RecordNotes& notes = session->notes();
  switch (record.kind) {
    case RecordKind::kOutcome:
      if (const std::unique_ptr<WaitingAttempt> attempt = waiting->Take(record)) {
        watcher->OnOutcome(attempt->record);
        session->engine().Observe(attempt->record.event, attempt->verdict);
        watcher->AfterRecord(attempt->record);
      }
      break;
    case RecordKind::kAbandoned:
      waiting->Take(record);
      break;
    case RecordKind::kMode:
      notes.mode = static_cast<Mode>(record.number);
      session->engine().SetMode(*notes.mode);
      break;
    case RecordKind::kReloaded:
      if (notes.reloads++ == 0) notes.first_reload = record.position;
      break;
    case RecordKind::kOrdered:
    case RecordKind::kRestored:
    case RecordKind::kReleased:
      FollowDecision(record, session);
      break;
    case RecordKind::kEnforcing:
      session->engine().SetEnforcing(record.number != 0);
      break;
    case RecordKind::kBegun:
      ++notes.begun;
      break;
    case RecordKind::kFamiliar:
      notes.familiar = record.text;
      break;
    case RecordKind::kAttempt:
      break;
  }
}

template <typename Watcher>
absl::Status DriveReplay(ReplaySession* session, Watcher* watcher) {
  // Far enough ahead for memory to answer (some 100 ns at 1 µs an attempt would be one; several attempts'
  // lines may be under way at once), near enough that nothing fetched is evicted again before it is used.
  constexpr size_t kAhead = 8;
  Engine& engine = session->engine();
  Source& source = session->source();
  const bool observe_all = session->options().observe;
  // Also of attempts that are observed as copies, at another time: what was worked out for whoever lay there before is void.
  const auto hint = [&engine](const Record& record) {
    if (record.ok() && record.kind == RecordKind::kAttempt) engine.Prefetch(record.event);
  };
  WaitingAttempts waiting;
  Batch batch;
  absl::Status ended;
  bool stopped = false;
  while (!stopped && watcher->OnBatch()) {
    const absl::StatusOr<bool> more = source.Read(&batch);
    if (!more.ok()) ended = more.status();
    if (!more.ok() || !*more) break;
    const size_t size = batch.records.size();
    session->Complete(&batch);
    for (size_t i = 0; i < size && i < kAhead; ++i) hint(batch.records[i]);
    for (size_t i = 0; i < size; ++i) {
      if (i + kAhead < size) hint(batch.records[i + kAhead]);
      const Record& record = batch.records[i];
      if (!record.ok()) {
        watcher->OnUnreadable(record);
        continue;
      }
      if (record.kind != RecordKind::kAttempt) [[unlikely]] {
        FollowRecord(record, session, &waiting, watcher);
        continue;
      }
      if (!watcher->BeforeAssess(record)) {
        stopped = true;
        break;
      }
      const Verdict verdict =
          record.witnessed ? engine.Witness(record.event.attempt) : engine.Assess(record.event.attempt);
      const bool reaches =
          observe_all || record.witnessed || ReachesPasswordCheck(verdict, record.event.aftermath.challenge);
      watcher->OnVerdict(record, verdict, reaches);
      if (reaches && record.number != 0) [[unlikely]] {
        waiting.Keep(record, verdict);
        continue;
      }
      if (reaches || IsObserved(verdict, record.event.aftermath.challenge))
        engine.Observe(record.event, verdict);
      watcher->AfterRecord(record);
    }
  }
  session->notes().without_outcome = waiting.size();
  engine.Finish();
  return ended;
}

}  // namespace stockade
