#include "tools/stockade/familiar_keeper.h"

#include <utility>

#include "absl/time/clock.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/console.h"
#include "tools/stockade/familiar_snapshot.h"

namespace stockade {

absl::StatusOr<std::unique_ptr<FamiliarKeeper>> FamiliarKeeper::Open(const FamiliarSettings& settings,
                                                                     const HashKey& key, EngineDesk* desk,
                                                                     RunLog* log) {
  ASSIGN_OR_RETURN(auto file, FamiliarFile::Open(settings.snapshot));
  return std::unique_ptr<FamiliarKeeper>(new FamiliarKeeper(settings, key, std::move(file), desk, log));
}

FamiliarKeeper::FamiliarKeeper(const FamiliarSettings& settings, const HashKey& key,
                               std::unique_ptr<FamiliarFile> file, EngineDesk* desk, RunLog* log)
    : settings_(settings), key_(key), file_(std::move(file)), desk_(*desk), log_(*log), saved_(absl::Now()) {}

FamiliarKeeper::~FamiliarKeeper() {
  static_cast<void>(Stop());  // whoever wants to know has called it
}

void FamiliarKeeper::Load(bool keeps_begun) {
  const absl::StatusOr<FamiliarFacts> facts =
      ReadSnapshot(file_->path(), [this](const auto& next) { return desk_.LoadFamiliar(next); });
  if (facts.ok()) {
    loaded_ = SnapshotText(*facts);
    bytes_ = facts->bytes;
    accounts_ = facts->accounts;
    if (!keeps_begun) return;
    if (const absl::StatusOr<std::string> begun = file_->KeepBegun(); !begun.ok())
      log_.Warn(
          Concat(FromAbsl(begun.status().message()), "; the record of this run cannot be replayed exactly"));
    return;
  }
  if (absl::IsNotFound(facts.status())) {
    loaded_ = "nobody yet";
    return;
  }
  loaded_ = "nobody: its snapshot was refused";
  std::string text = Concat(FromAbsl(facts.status().message()));
  const absl::StatusOr<std::string> aside = file_->PutAside();
  Append(&text, "; ", aside.ok() ? Concat("it is now ", *aside) : std::string(aside.status().message()),
         ". The gate runs and knows no customer: during an attack more of them are challenged");
  log_.Error(text);
  refusal_.emplace();
  refusal_->time_ms = absl::ToUnixMillis(absl::Now());
  refusal_->kind = "familiar_refused";
  refusal_->text = std::move(text);
}

void FamiliarKeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void FamiliarKeeper::Run() {
  std::unique_lock lock(mutex_);
  while (
      !stop_asked_.wait_for(lock, absl::ToChronoNanoseconds(settings_.every), [this] { return stopping_; })) {
    lock.unlock();
    const absl::Status saved = Save();
    lock.lock();
    // Once when it begins: a disk that is full is full for hours.
    const bool was_failing = std::exchange(failing_, !saved.ok());
    if (!saved.ok() && !was_failing)
      log_.Error(Concat(FromAbsl(saved.message()),
                        "; who is familiar is not kept over a restart until that is mended"));
    if (saved.ok() && was_failing) log_.Say(Concat(file_->path(), ": is written again"));
  }
}

absl::Status FamiliarKeeper::Save() {
  const absl::Time begin = absl::Now();
  const absl::StatusOr<WrittenSnapshot> written =
      WriteSnapshot(file_.get(), key_, [this](FamiliarWriter* writer) { return desk_.CopyFamiliar(writer); });
  const std::lock_guard lock(mutex_);
  if (!written.ok()) {
    ++errors_;
    return written.status();
  }
  saved_ = absl::Now();
  took_ = saved_ - begin;
  bytes_ = written->bytes;
  accounts_ = written->accounts;
  return absl::OkStatus();
}

absl::Status FamiliarKeeper::Stop() {
  if (!thread_.joinable()) return absl::OkStatus();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
  return Save();
}

std::vector<MetricSample> FamiliarKeeper::Samples() const {
  using Type = MetricSample::Type;
  const std::lock_guard lock(mutex_);
  return {
      {"stockade_familiar_snapshot_age_seconds",
       "Since who is familiar was last written to disk, or read from it at the start",
       Type::kGauge,
       {},
       absl::ToDoubleSeconds(absl::Now() - saved_)},
      {"stockade_familiar_snapshot_bytes", "Of that snapshot", Type::kGauge, {}, static_cast<double>(bytes_)},
      {"stockade_familiar_snapshot_accounts",
       "In that snapshot",
       Type::kGauge,
       {},
       static_cast<double>(accounts_)},
      {"stockade_familiar_snapshot_seconds",
       "That the last snapshot took to write; logins went on meanwhile",
       Type::kGauge,
       {},
       absl::ToDoubleSeconds(took_)},
      {"stockade_familiar_snapshot_errors_total",
       "Snapshots that could not be written",
       Type::kCounter,
       {},
       static_cast<double>(errors_)},
      {"stockade_familiar_refused",
       "1 where the snapshot could not be used at the start, and the gate began knowing nobody",
       Type::kGauge,
       {},
       refusal_.has_value() ? 1.0 : 0.0}};
}

std::string FamiliarKeeper::Describe() const {
  return Concat(loaded_, "; writes ", file_->path(), " every ", absl::FormatDuration(settings_.every));
}

}  // namespace stockade
