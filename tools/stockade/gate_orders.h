// The decisions of a running gate, outside of the engine: kept in the store, mirrored for people, carried out by firewalls.
//
//   desk ─► OnChanges ─┬─► StoreWriter ─► store, audit log
//                      └─► StandingOrders ─► a delivery for each firewall
//   people ─► Parts() ─► desk, and what it brings about
//
//   Open  Restore(desk)  Start  (OnChanges | Parts | Note | Samples)*  Stop
//
// Stands between the desk and the books: hears everything and hands it on. What comes inside the desk's lock is queued, never
// waited for. A store that fails stops nothing: decisions stand and are carried out, and whoever gives orders by hand is told that
// they are not on the disk yet.
//
// Threads: Open, Restore, Start and Stop by one owner; everything else by any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/firewall/standing_orders.h"
#include "adapters/gateway/admin_service.h"
#include "adapters/gateway/engine_desk.h"
#include "adapters/gateway/gate_metrics.h"
#include "adapters/store/store_writer.h"
#include "tools/stockade/alarm_post.h"
#include "tools/stockade/carrier.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class GateOrders final : public DeskListener {
 public:
  // An operator waits so long for the disk, and for firewalls to let go.
  static constexpr absl::Duration kDurableWait = absl::Seconds(10);
  static constexpr absl::Duration kCarriedOutWait = absl::Seconds(1);
  // A machine that hands decisions in holds up the bouncers meanwhile.
  static constexpr absl::Duration kHandedInWait = absl::Seconds(2);
  // Firewalls that cannot be asked are told once more, at a start, of what was over so lately: a receiver that was away longer
  // has other worries. At most so many, for each start repeats them.
  static constexpr absl::Duration kToldAgainFor = absl::Hours(24);
  static constexpr size_t kToldAgainMax = 10'000;
  // Copied at a time, of a million that are released.
  static constexpr size_t kReleasedAtOnce = 1000;

  // Opens the store. `next` hears everything too; it and `log` outlive this. Errors: those of the store.
  static absl::StatusOr<std::unique_ptr<GateOrders>> Open(const Config& config, DeskListener* next,
                                                          RunLog* log);
  ~GateOrders() override;

  // What stood when the process ended last: into the desk, before its first attempt. The desk outlives this. Decisions that
  // do not stand any more, for want of room or because somebody vouches for them by now, are told to the store.
  absl::Status Restore(EngineDesk* desk);
  // Firewalls, and the service that bouncers ask. Errors: an address that cannot be had.
  absl::Status Start();
  // Sends and writes what is queued. What went wrong with it.
  std::vector<absl::Status> Stop();

  void OnRecordLine(std::string_view text) override { next_->OnRecordLine(text); }
  void OnVerdict(uint64_t line, const Attempt& attempt, const Verdict& verdict) override {
    next_->OnVerdict(line, attempt, verdict);
  }
  void OnAlert(const Alert& alert) override { next_->OnAlert(alert); }
  void OnDecision(const Decision& decision) override { next_->OnDecision(decision); }
  void OnChanges(std::span<const Change> changes) override;
  void OnAlarm(const Alarm& alarm) override;

  // While the gate observes, firewalls carry nothing out either, as while the kill switch is off.
  void FollowMode(Mode mode);
  // For the audit log: what was done that is no decision.
  void Note(std::string_view by, std::string_view what, std::string_view why, std::string_view text);
  // What people may ask and order.
  DecisionDeskParts Parts();
  std::vector<MetricSample> Samples() const;
  // A line each: the store, and each firewall.
  std::vector<std::string> Describe() const;

 private:
  GateOrders(const Config& config, DeskListener* next, RunLog* log);

  // All that was pushed until now is on the disk. `what`: how it stands with it meanwhile, for the error.
  absl::Status AwaitDurable(std::string_view what, absl::Duration wait = kDurableWait);
  // A newer ticket than all before, whoever comes first.
  void NotePushed(StoreWriter::Ticket ticket);
  // Holds enforcement_mutex_.
  void Enforce();
  // That `await`, given a firewall's delivery and the time that is left, says so of every one; names those of which it has not
  // within kCarriedOutWait.
  absl::Status AwaitCarriedOut(std::string_view what,
                               const std::function<bool(Delivery*, absl::Duration)>& await);
  // Those that stand beyond `now_ms` and are named: of a filter without a value its page, in order; else all, in none.
  std::vector<SharedDecision> Named(const DecisionFilter& filter, int64_t now_ms) const;
  absl::StatusOr<std::vector<AddedDecision>> Add(std::span<const NewDecision> orders, const Actor& actor);
  absl::StatusOr<size_t> Remove(const Removal& removal);
  absl::Status SetEnforcing(bool enforcing, const Actor& actor);
  std::optional<ExplainedDecision> Explain(std::string_view id) const;
  std::vector<FirewallFigures> Figures() const;
  absl::StatusOr<std::vector<AuditLine>> Audit(uint64_t after, size_t limit);
  absl::Status TakeImported(std::vector<ImportedDecision> imported);

  const std::vector<FirewallSettings> settings_;
  const std::optional<SqliteStoreOptions> store_settings_;
  DeskListener* const next_;
  RunLog& log_;
  EngineDesk* desk_ = nullptr;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<StoreWriter> writer_;
  std::unique_ptr<StandingOrders> standing_;
  std::vector<Decision> gone_;  // while restoring: what firewalls may hold still, and must not
  bool restoring_ = false;      // while the store is told nothing, for it said all of this itself
  std::atomic<StoreWriter::Ticket> pushed_ = 0;
  std::vector<Carrier> carriers_;
  std::unique_ptr<AlarmPost> alarms_;
  std::atomic<uint64_t> alarms_raised_ = 0;
  mutable std::mutex enforcement_mutex_;
  Enforcement enforcement_;
  bool observing_ = false;  // under enforcement_mutex_ too
  bool stopped_ = false;
};

}  // namespace stockade
