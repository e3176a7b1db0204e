// The part of DeliveryPlan that compares what stands with what should.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "adapters/firewall/delivery_plan.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What is known of an order of which there is no decision.
SharedDecision OfKey(const OrderKey& key, int64_t until_ms) {
  auto decision = std::make_shared<Decision>();
  decision->scope = key.scope;
  decision->action = key.action;
  decision->challenge_kind = key.challenge_kind;
  decision->all_lanes = key.all_lanes;
  decision->value = key.value;
  decision->until_ms = until_ms;
  if (NamesAddresses(key.scope)) {
    if (const std::optional<Prefix> prefix = Prefix::Parse(key.value)) decision->prefix = *prefix;
  }
  return decision;
}

// Of any two numbers: one is whatever a firewall says.
bool AreNear(int64_t a_ms, int64_t b_ms) {
  const uint64_t apart_ms = a_ms > b_ms ? static_cast<uint64_t>(a_ms) - static_cast<uint64_t>(b_ms)
                                        : static_cast<uint64_t>(b_ms) - static_cast<uint64_t>(a_ms);
  return apart_ms <= DeliveryPlan::kToleranceMs;
}

}  // namespace

void DeliveryPlan::Listed(const absl::StatusOr<std::vector<Enforced>>& listed, const DeliveryTime& now) {
  SetNow(now);
  ++figures_.calls;
  listed_at_ns_ = now_.steady_ns;
  list_rests_until_ns_ = now_.steady_ns + kListRest * (now_.steady_ns - list_began_ns_);
  if (absl::IsAborted(listed.status())) {  // for a release that came in meanwhile
    reconcile_soon_ = true;
    return;
  }
  if (!listed.ok()) {
    NoteError(listed.status());
    Fail("lists of what stands", listed.status(), &list_);
    reconcile_soon_ = true;
    return;
  }
  Recover("lists of what stands", &list_);
  reconcile_at_ns_ = now_.steady_ns + interval_ns_;
  ++round_;
  found_missing_ = found_surplus_ = 0;
  for (const Enforced& enforced : *listed) {
    if (const uint32_t row = table_.Find(enforced.key); row != DeliveryTable::kNoRow) {
      if (table_[row].seen != round_) See(row, enforced.until_ms);
    } else {
      SeeSurplus(enforced);
    }
  }
  table_.VisitAll([&](uint32_t row) {
    if (table_[row].seen != round_ && table_[row].belief != Belief::kAbsent) SeeNothing(row);
  });
  if (found_missing_ + found_surplus_ > 0) {
    sayings_.push_back(Concat(name_, ": ", found_missing_, " missing or with another expiry, ",
                              found_surplus_, " too many", has_reconciled_ ? "" : " at the start",
                              "; put right"));
  }
  if (has_reconciled_) {
    figures_.drift_missing += found_missing_;
    figures_.drift_surplus += found_surplus_;
  }
  has_reconciled_ = true;
  figures_.reconciled_at_ms = now_.wall_ms;
}

void DeliveryPlan::See(uint32_t row, int64_t until_ms) {
  const bool waited = table_[row].need != Need::kNone;
  table_[row].seen = round_;
  // Over by our clock, and by the firewall's in a moment.
  if (!waited && !table_[row].wants() && IsAboutToGo(until_ms)) return;
  Alter(row, {now_.steady_ns, false}, [&](DeliveryRow& it) {
    const bool is_another = it.belief == Belief::kStands && it.told != nullptr && it.wanted != nullptr &&
                            it.told->id != it.wanted->id;
    it.belief = Belief::kStands;
    it.stood = true;
    it.stands_until_ms = until_ms;
    if (it.wants() && !is_another && (until_ms == 0 || AreNear(until_ms, it.wanted->until_ms))) {
      it.told = it.wanted;
      it.stands_until_ms = it.wanted->until_ms;
    }
  });
  if (waited || !table_[row].live || table_[row].need == Need::kNone) return;
  ++(table_[row].need == Need::kEnforce ? found_missing_ : found_surplus_);
}

bool DeliveryPlan::IsAboutToGo(int64_t until_ms) const {
  return capabilities_.expires && until_ms != 0 && until_ms <= now_.wall_ms + kToleranceMs;
}

void DeliveryPlan::SeeSurplus(const Enforced& enforced) {
  const SharedDecision decision = OfKey(enforced.key, enforced.until_ms);
  if (!capabilities_.Carries(*decision)) return;
  // About to go by itself; perhaps the ledger has just said that its time is over.
  if (IsAboutToGo(enforced.until_ms)) return;
  if (found_surplus_ >= std::max<size_t>(settings_.queue_max, 1)) {
    reconcile_soon_ = true;
    return;
  }
  ++found_surplus_;
  const uint32_t row = table_.FindOrMake(enforced.key);
  table_[row].seen = round_;
  Alter(row, {now_.steady_ns, false}, [&](DeliveryRow& it) {
    it.told = decision;
    it.belief = Belief::kStands;
    it.stood = true;
    it.stands_until_ms = enforced.until_ms;
  });
}

void DeliveryPlan::SeeNothing(uint32_t row) {
  const DeliveryRow& before = table_[row];
  // Let go a moment earlier than our clock would have.
  if (before.need == Need::kNone && IsAboutToGo(before.stands_until_ms)) return;
  const bool waited = before.need != Need::kNone;
  Alter(row, {now_.steady_ns, false}, [](DeliveryRow& it) {
    it.belief = Belief::kAbsent;
    it.stood = false;
    if (it.wanted == nullptr) it.refused = false;
  });
  if (!waited && table_[row].live && table_[row].need == Need::kEnforce) ++found_missing_;
}

}  // namespace stockade
