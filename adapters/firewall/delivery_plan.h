// What to tell one firewall next: all that delivery decides, without its thread, its clock and its locks.
//
//   Change, Replace ─► plan ─► Next ─► kApply ─► Firewall::Apply ─► Applied ┐
//                       ▲              kList  ─► Firewall::List  ─► Listed  │
//                       │              kWait  ─► until something changes    │
//                       └───────────────────────────────────────────────────┘
//
// It keeps no queue of orders but, for each key, what should stand and what is believed to stand; a key of which the two
// differ waits. So orders coalesce by themselves, a newer one wins over one that failed, and nothing can be lost: not by a
// queue that ran over (Replace says anew what should stand, and what is believed stays known), not by a call that failed
// half way (its keys are then unknown, and waiting). What should stand is what was handed in, carried by the firewall, and
// not over by the wall clock.
//
// - What is to be released goes before what is to be enforced, so that nobody who should pass waits behind a flood. It
//   cannot starve: nothing is released that was not tried to be enforced. Among equals the oldest goes first.
// - Expiry: an order whose time is over by the wall clock is never enforced, and is released then, whether or not the
//   ledger's own time has come so far; where the firewall expires by itself it is let go by itself. Two clocks may differ by
//   kToleranceMs. A wall clock that was set back puts in force again what it had ended.
// - kInvalidArgument: of a batch the bad order is looked for by halves (log2 of its size, each a call), left out, counted
//   and said, and not tried again until it changes. Then batches grow again from one, so that many bad ones cost a call each.
// - Any other error: everything waits for delivery_backoff.h. It is said once, and once that it is over; afterwards all
//   that stands is listed and compared, for who was away may have forgotten. One that does not list is sent everything again.
//   After a failure batches are half as large and go on with those that come next, so that an order on which the other
//   side chokes without a word for it (a name that somebody chose) stops itself and nothing else.
// - Until the first comparison nobody knows what stands: what is taken back by then is released, enforced or not.
// - Compared is at the start (before anything else: what the last run left is adopted, not sent again), every interval,
//   after failures and after Replace, and less often where that takes long (kListRest). What waited at that time is no drift. Of the first comparison nothing is: it shows
//   what happened while nobody watched, and is said. A List that fails does not keep orders from being applied, and one
//   that gave way to a release (kAborted) is no failure.
//
// Memory: a row (delivery_table.h) for each key that should stand or may stand; while the firewall is away some
// batches more than that. Of what a List has too much, queue_max are taken up at a time.
// Cost: Change is a hash look-up, Next and Applied together about a microsecond an order, Replace and Listed one a row.
//
// Call Next, do what it says, report it; Change, Replace and the accessors may come between. Time never goes back but on
// the wall. Not thread-safe. Oracle: a map, in tests/adapters/firewall/delivery_plan_test.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/firewall/delivery_backoff.h"
#include "adapters/firewall/delivery_settings.h"
#include "adapters/firewall/delivery_table.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/standing_orders.h"
#include "engine/decision/expiry_queue.h"

namespace stockade {

struct DeliveryTime {
  int64_t wall_ms = 0;    // since 1970: what `until_ms` is compared with
  int64_t steady_ns = 0;  // since some moment: for waits and delays
};

struct DeliveryStep {
  enum class Kind : uint8_t { kWait, kApply, kList };
  Kind kind = Kind::kWait;
  std::span<const Order> orders = {};  // of kApply; live until Applied
  int64_t wait_ns = 0;                 // of kWait: how long, if nothing changes before
};

class DeliveryPlan {
 public:
  // Firewalls and files keep seconds, and clocks are not one.
  static constexpr int64_t kToleranceMs = 2000;
  // Between two comparisons that are not the interval's: a firewall that fails every other call is not listed all the time.
  static constexpr int64_t kReconcileGapNs = 1'000'000'000;
  // Between two comparisons so many times as long as the first took, so that reading a large firewall, which may be slow
  // and holds up orders, is never more than a tenth of what the delivery and the firewall do.
  static constexpr int64_t kListRest = 9;
  // The same is not said more often.
  static constexpr int64_t kSaidNs = int64_t{10} * 1'000'000'000;

  // `name` is what the log calls it.
  DeliveryPlan(std::string name, const Capabilities& capabilities, const DeliverySettings& settings,
               uint64_t jitter_seed, const DeliveryTime& now);

  // `since_ns`: when it was taken.
  void Change(const StandingChange& change, int64_t since_ns, const DeliveryTime& now);
  // What is in force, all of it.
  void Replace(std::span<const SharedDecision> in_force, const DeliveryTime& now);

  // What may stand though it is not in force (StandingOrders::Gone): where nothing is listed and all is sent again, it is
  // released. After the first Replace.
  void MayStand(std::span<const SharedDecision> gone, const DeliveryTime& now);

  DeliveryStep Next(const DeliveryTime& now);
  void Applied(const absl::Status& status, const DeliveryTime& now);
  void Listed(const absl::StatusOr<std::vector<Enforced>>& listed, const DeliveryTime& now);
  // No more comparisons, and no waiting for what failed before: whoever calls Next now is about to end.
  void PrepareStop(const DeliveryTime& now);

  size_t pending() const noexcept { return table_.waiting(); }
  DeliveryState State(const OrderKey& key) const;
  // All but overflows, which it does not see.
  DeliveryFigures Figures(const DeliveryTime& now) const;
  // What is to be logged, a line each, since the last call.
  std::vector<std::string> TakeSayings();

 private:
  using Token = DeliveryTable::Token;
  struct Cause {
    int64_t since_ns = 0;
    bool timed = false;
  };

  void Want(uint32_t row, const SharedDecision& decision, const Cause& cause);
  void Unwant(uint32_t row, ChangeKind kind, const Cause& cause);
  // Every change of a row goes through here: counts it, queues it, takes note of when it is over, erases it.
  template <typename Mutate>
  void Alter(uint32_t row, const Cause& cause, Mutate&& mutate) {
    CountIn(table_[row], -1);
    mutate(table_[row]);
    Settle(row, cause);
  }
  void Settle(uint32_t row, const Cause& cause);
  void CountIn(const DeliveryRow& row, int sign);
  int64_t DueMs(const DeliveryRow& row) const;
  bool IsGoneByItself(const DeliveryRow& row) const;
  Need NeedOf(const DeliveryRow& row) const;
  void SetNow(const DeliveryTime& now);
  void EndWhatIsOver();

  bool ListIsDue() const;
  int64_t ListDueNs() const;
  void FillBatch();
  bool Waits(Token token) const;
  void Launch(uint32_t row);
  int64_t WaitNs() const;
  Cause CauseAfterCall(uint32_t row) const;
  void Confirm(uint32_t row, Order::Kind kind, const SharedDecision& decision);
  void Doubt(uint32_t row, Order::Kind kind, const SharedDecision& decision);
  void Refuse(uint32_t row, Order::Kind kind, const Decision& decision, const absl::Status& status);
  struct Outage {
    DeliveryBackoff backoff;
    bool said = false;
    int64_t said_ns = INT64_MIN / 2;
  };
  void NoteError(const absl::Status& status);
  void Fail(std::string_view what, const absl::Status& status, Outage* outage);
  bool Recover(std::string_view what, Outage* outage);
  void ComeBack();
  void SendAllAgain();
  // What a List shows of one key, and whether that is drift (delivery_compare.cc).
  void See(uint32_t row, int64_t until_ms);
  void SeeSurplus(const Enforced& enforced);
  void SeeNothing(uint32_t row);
  bool IsAboutToGo(int64_t until_ms) const;  // by itself

  const std::string name_;
  const Capabilities capabilities_;
  const size_t batch_max_;
  const DeliverySettings settings_;
  const int64_t interval_ns_;
  DeliveryTime now_;

  DeliveryTable table_;
  ExpiryQueue<Token> expiries_;
  uint32_t round_ = 0;
  size_t decided_ = 0;
  size_t unconfirmed_ = 0;  // of those decided, and not refused
  size_t refused_ = 0;      // of those decided

  struct Flight {
    Token token;
    Order::Kind kind;
    SharedDecision decision;  // the order's
  };
  std::vector<Flight> flight_;
  std::vector<Order> orders_;
  std::vector<Token> suspects_;  // a batch, or what is left of it, that holds a bad order
  size_t batch_limit_;
  bool walking_ = false;  // the next batch begins where the last ended
  Token next_;

  Outage apply_;
  Outage list_;
  int64_t reconcile_at_ns_;
  int64_t listed_at_ns_ = INT64_MIN / 2;
  int64_t list_began_ns_ = 0;
  int64_t list_rests_until_ns_ = INT64_MIN;
  bool reconcile_soon_ = false;  // once nothing waits
  bool has_replaced_ = false;
  bool has_reconciled_ = false;
  bool resend_ = false;
  int64_t resend_at_ns_ = INT64_MIN;  // not before
  bool stopping_ = false;
  uint64_t found_missing_ = 0;  // by the List at hand
  uint64_t found_surplus_ = 0;

  DeliveryFigures figures_;  // those that only rise, and the last error
  std::vector<std::string> sayings_;
  int64_t refusal_said_ns_ = INT64_MIN / 2;
  uint64_t refusals_unsaid_ = 0;
};

}  // namespace stockade
