#include "adapters/firewall/delivery_plan.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kNever = INT64_MAX;

// A setting of nothing would be a loop without rest, one without end a sum that overflows.
int64_t Nanoseconds(absl::Duration setting, absl::Duration shortest) {
  return absl::ToInt64Nanoseconds(std::clamp(setting, shortest, absl::Hours(24)));
}

DeliveryBackoff BackoffOf(const DeliverySettings& settings, uint64_t seed) {
  constexpr absl::Duration kShortest = absl::Milliseconds(1);
  return {Nanoseconds(settings.retry_first, kShortest), Nanoseconds(settings.retry_longest, kShortest), seed};
}

}  // namespace

DeliveryPlan::DeliveryPlan(std::string name, const Capabilities& capabilities,
                           const DeliverySettings& settings, uint64_t jitter_seed, const DeliveryTime& now)
    : name_(std::move(name)),
      capabilities_(capabilities),
      batch_max_(std::max<size_t>(capabilities.batch_max, 1)),
      settings_(settings),
      interval_ns_(Nanoseconds(settings.reconcile_interval, absl::Nanoseconds(kReconcileGapNs))),
      now_(now),
      batch_limit_(batch_max_),
      apply_{BackoffOf(settings, jitter_seed)},
      list_{BackoffOf(settings, ~jitter_seed)},
      reconcile_at_ns_(now.steady_ns) {}

// ---- What should stand.

void DeliveryPlan::Change(const StandingChange& change, int64_t since_ns, const DeliveryTime& now) {
  SetNow(now);
  const Decision& decision = *change.decision;
  if (!capabilities_.Carries(decision)) return;
  const OrderKey key = OrderKey::Of(decision);
  const Cause cause{since_ns, true};
  if (change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kExtended) {
    Want(table_.FindOrMake(key), change.decision, cause);
  } else if (const uint32_t row = table_.Find(key); row != DeliveryTable::kNoRow) {
    Unwant(row, change.kind, cause);
  }
}

void DeliveryPlan::Replace(std::span<const SharedDecision> in_force, const DeliveryTime& now) {
  SetNow(now);
  const Cause cause{now.steady_ns, false};
  const bool believed = !has_replaced_ && !capabilities_.lists && !settings_.resend;
  ++round_;
  for (const SharedDecision& decision : in_force) {
    if (!capabilities_.Carries(*decision)) continue;
    const uint32_t row = table_.FindOrMake(OrderKey::Of(*decision));
    table_[row].seen = round_;
    Want(row, decision, cause);
    if (believed && table_[row].wants()) Confirm(row, Order::Kind::kEnforce, decision);
  }
  table_.VisitAll([&](uint32_t row) {
    if (table_[row].wanted != nullptr && table_[row].seen != round_) Unwant(row, ChangeKind::kRemoved, cause);
  });
  has_replaced_ = true;
  reconcile_soon_ = true;
}

void DeliveryPlan::MayStand(std::span<const SharedDecision> gone, const DeliveryTime& now) {
  SetNow(now);
  if (capabilities_.lists || !settings_.resend) return;
  for (const SharedDecision& decision : gone) {
    if (!capabilities_.Carries(*decision)) continue;
    const uint32_t row = table_.FindOrMake(OrderKey::Of(*decision));
    if (table_[row].wanted != nullptr) continue;
    Alter(row, {now_.steady_ns, false}, [&](DeliveryRow& it) {
      it.told = decision;
      it.belief = Belief::kUnknown;
      it.stands_until_ms = decision->until_ms;
    });
  }
}

void DeliveryPlan::Want(uint32_t row, const SharedDecision& decision, const Cause& cause) {
  Alter(row, cause, [&](DeliveryRow& it) {
    const bool same =
        it.wanted != nullptr && it.wanted->id == decision->id && it.wanted->until_ms == decision->until_ms;
    it.wanted = decision;
    it.over = decision->until_ms <= now_.wall_ms;
    it.lapses = false;
    if (capabilities_.lists && !has_reconciled_ && it.belief == Belief::kAbsent) it.belief = Belief::kUnknown;
    if (!same) it.refused = false;
  });
}

void DeliveryPlan::Unwant(uint32_t row, ChangeKind kind, const Cause& cause) {
  Alter(row, cause, [&](DeliveryRow& it) {
    if (it.wanted == nullptr) return;
    if (it.told == nullptr) it.told = it.wanted;
    it.wanted = nullptr;
    it.over = false;
    it.refused = false;
    it.lapses = kind == ChangeKind::kExpired;
  });
}

void DeliveryPlan::Settle(uint32_t row, const Cause& cause) {
  DeliveryRow& it = table_[row];
  if (!it.in_flight && IsGoneByItself(it)) {
    it.belief = Belief::kAbsent;
    it.stood = false;
    if (it.wanted == nullptr) it.refused = false;
  }
  CountIn(it, 1);
  if (it.in_flight) {  // settled when the call is over
    it.changed = true;
    it.changed_ns = cause.since_ns;
    it.changed_timed = cause.timed;
  } else {
    if (const Need need = NeedOf(it); need != it.need) {
      table_.Unqueue(row);
      if (need != Need::kNone) {
        table_.Queue(row, need);
        it.since_ns = cause.since_ns;
        it.timed = cause.timed;
      }
    }
    if (it.need == Need::kNone && it.wanted == nullptr && !it.refused && it.belief == Belief::kAbsent)
      return table_.Erase(row);
  }
  if (const int64_t due_ms = DueMs(it); due_ms != it.due_ms) {
    it.due_ms = due_ms;
    if (due_ms != kNever) expiries_.Push(due_ms, table_.TokenOf(row));
    expiries_.Compact(table_.size(), [&](const auto& item) {
      return table_.IsLive(item.token) && table_[item.token.row].due_ms == item.when_ms;
    });
  }
}

void DeliveryPlan::CountIn(const DeliveryRow& row, int sign) {
  if (!row.wants()) return;
  const auto one = static_cast<size_t>(sign);  // adding -1 of an unsigned number is subtracting
  decided_ += one;
  if (row.refused) {
    refused_ += one;
  } else if (!row.is_right()) {
    unconfirmed_ += one;
  }
}

Need DeliveryPlan::NeedOf(const DeliveryRow& row) const {
  if (row.refused) return Need::kNone;
  if (row.wants()) return row.is_right() ? Need::kNone : Need::kEnforce;
  return row.belief == Belief::kAbsent ? Need::kNone : Need::kRelease;
}

bool DeliveryPlan::IsGoneByItself(const DeliveryRow& row) const {
  if (!capabilities_.expires || row.belief == Belief::kAbsent || row.stands_until_ms == 0) return false;
  return row.stands_until_ms <= now_.wall_ms ||
         (row.lapses && row.wanted == nullptr && row.stands_until_ms <= now_.wall_ms + kToleranceMs);
}

int64_t DeliveryPlan::DueMs(const DeliveryRow& row) const {
  if (row.wants()) return row.wanted->until_ms;
  const bool ends = capabilities_.expires && row.belief != Belief::kAbsent && row.stands_until_ms != 0;
  return ends ? row.stands_until_ms : kNever;
}

void DeliveryPlan::SetNow(const DeliveryTime& now) {
  const bool set_back = now.wall_ms + kToleranceMs < now_.wall_ms;
  now_ = now;
  if (!set_back) return;
  table_.VisitAll([&](uint32_t row) {
    if (!table_[row].over || table_[row].wanted->until_ms <= now_.wall_ms) return;
    Alter(row, {now_.steady_ns, false}, [](DeliveryRow& it) { it.over = false; });
  });
}

void DeliveryPlan::EndWhatIsOver() {
  while (!expiries_.empty() && expiries_.top().when_ms <= now_.wall_ms) {
    const auto item = expiries_.top();
    expiries_.Pop();
    if (!table_.IsLive(item.token) || table_[item.token.row].due_ms != item.when_ms) continue;
    Alter(item.token.row, {now_.steady_ns, false}, [&](DeliveryRow& it) {
      it.due_ms = kNever;
      if (!it.wants()) return;
      it.over = true;
      it.refused = false;
    });
  }
}

// ---- What to do.

DeliveryStep DeliveryPlan::Next(const DeliveryTime& now) {
  SetNow(now);
  EndWhatIsOver();
  if (ListIsDue()) {
    reconcile_soon_ = false;
    list_began_ns_ = now_.steady_ns;
    return {DeliveryStep::Kind::kList};
  }
  if (resend_ && now_.steady_ns >= resend_at_ns_) SendAllAgain();
  if (pending() > 0 && now_.steady_ns >= apply_.backoff.retry_at_ns()) {
    FillBatch();
    return {DeliveryStep::Kind::kApply, orders_};
  }
  return {DeliveryStep::Kind::kWait, {}, WaitNs()};
}

int64_t DeliveryPlan::ListDueNs() const {
  if (!capabilities_.lists || stopping_) return kNever;
  int64_t due_ns = reconcile_at_ns_;
  if (reconcile_soon_ && pending() == 0) due_ns = std::min(due_ns, listed_at_ns_ + kReconcileGapNs);
  return std::max({due_ns, list_.backoff.retry_at_ns(), list_rests_until_ns_});
}

bool DeliveryPlan::ListIsDue() const {
  if (now_.steady_ns < ListDueNs()) return false;
  // Who is to be let go does not wait for it; but first of all what stands must be known.
  const bool releases =
      table_.First(Need::kRelease) != DeliveryTable::kNoRow && now_.steady_ns >= apply_.backoff.retry_at_ns();
  return !releases || !has_reconciled_;
}

int64_t DeliveryPlan::WaitNs() const {
  int64_t until_ns = ListDueNs();
  if (pending() > 0) until_ns = std::min(until_ns, apply_.backoff.retry_at_ns());
  if (resend_) until_ns = std::min(until_ns, resend_at_ns_);
  int64_t wait_ns = until_ns == kNever ? kNever : std::max<int64_t>(until_ns - now_.steady_ns, 0);
  if (!expiries_.empty()) {
    // Anything beyond a day is looked at again in a day.
    constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
    wait_ns =
        std::min(wait_ns, std::clamp<int64_t>(expiries_.top().when_ms - now_.wall_ms, 0, kDayMs) * 1'000'000);
  }
  return wait_ns;
}

void DeliveryPlan::FillBatch() {
  flight_.clear();
  orders_.clear();
  std::erase_if(suspects_, [&](Token token) { return !Waits(token); });
  if (!suspects_.empty()) {
    const size_t half = std::max<size_t>(suspects_.size() / 2, 1);
    for (size_t i = 0; i < half; ++i) Launch(suspects_[i].row);
    return;
  }
  uint32_t row = walking_ && Waits(next_) ? next_.row : table_.First(Need::kRelease);
  if (row == DeliveryTable::kNoRow) row = table_.First(Need::kEnforce);
  while (row != DeliveryTable::kNoRow && flight_.size() < batch_limit_) {
    const DeliveryRow& it = table_[row];
    const uint32_t later = it.later == DeliveryTable::kNoRow && it.need == Need::kRelease
                               ? table_.First(Need::kEnforce)
                               : it.later;
    Launch(row);
    row = later;
  }
  if (row == DeliveryTable::kNoRow) {
    walking_ = false;
  } else {
    next_ = table_.TokenOf(row);
  }
}

bool DeliveryPlan::Waits(Token token) const {
  return token.row != DeliveryTable::kNoRow && table_.IsLive(token) && table_[token.row].need != Need::kNone;
}

void DeliveryPlan::Launch(uint32_t row) {
  DeliveryRow& it = table_[row];
  const bool enforces = it.need == Need::kEnforce;
  it.in_flight = true;
  it.changed = false;
  flight_.push_back({table_.TokenOf(row), enforces ? Order::Kind::kEnforce : Order::Kind::kRelease,
                     enforces || it.told == nullptr ? it.wanted : it.told});
  orders_.push_back({flight_.back().kind, flight_.back().decision.get()});
}

void DeliveryPlan::SendAllAgain() {
  resend_ = false;
  resend_at_ns_ = now_.steady_ns + interval_ns_;
  table_.VisitAll([&](uint32_t row) {
    if (!table_[row].wants() || table_[row].belief != Belief::kStands) return;
    Alter(row, {now_.steady_ns, false}, [](DeliveryRow& it) { it.belief = Belief::kUnknown; });
  });
}

void DeliveryPlan::PrepareStop(const DeliveryTime& now) {
  SetNow(now);
  stopping_ = true;
  resend_ = false;
  apply_.backoff.RetryAt(now.steady_ns);
}

// ---- What can be read.

DeliveryState DeliveryPlan::State(const OrderKey& key) const {
  if ((capabilities_.scopes[static_cast<int>(key.action)] & Capabilities::Bit(key.scope)) == 0)
    return DeliveryState::kNotCarried;
  const uint32_t row = table_.Find(key);
  if (row == DeliveryTable::kNoRow) return DeliveryState::kNothing;
  const DeliveryRow& it = table_[row];
  if (it.refused) return DeliveryState::kRefused;
  if (it.need != Need::kNone) return DeliveryState::kPending;
  return it.wants() ? DeliveryState::kEnforced : DeliveryState::kNothing;
}

DeliveryFigures DeliveryPlan::Figures(const DeliveryTime& now) const {
  DeliveryFigures figures = figures_;
  figures.decided = decided_;
  figures.refused = refused_;
  figures.enforced = decided_ - refused_ - unconfirmed_;
  figures.pending = pending();
  figures.failing = (apply_.backoff.failing() && pending() > 0) || list_.backoff.failing();
  for (const Need need : {Need::kRelease, Need::kEnforce})
    if (const uint32_t row = table_.First(need); row != DeliveryTable::kNoRow)
      figures.lag_ms = std::max(figures.lag_ms, (now.steady_ns - table_[row].since_ns) / 1'000'000);
  return figures;
}

std::vector<std::string> DeliveryPlan::TakeSayings() {
  return std::exchange(sayings_, {});
}

}  // namespace stockade
