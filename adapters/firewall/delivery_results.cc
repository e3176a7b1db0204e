// The part of DeliveryPlan that takes what came of a call: what is believed then, what is tried again, what is said.
#include <algorithm>
#include <utility>

#include "adapters/firewall/delivery_plan.h"
#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Texts come from firewalls, and values from whoever fills in a login form: neither may begin a line of its own.
std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(Printed(text), &quoted);
  return quoted;
}

std::string Describe(const absl::Status& status) {
  return Concat(absl::StatusCodeToString(status.code()), " ", Quoted(FromAbsl(status.message())));
}

std::string Describe(const Decision& decision) {
  return Concat(Name(decision.action), " on ", Name(decision.scope), " ", Quoted(decision.value));
}

}  // namespace

void DeliveryPlan::Applied(const absl::Status& status, const DeliveryTime& now) {
  SetNow(now);
  ++figures_.calls;
  std::vector<Flight> flight = std::move(flight_);
  flight_.clear();
  orders_.clear();
  const bool invalid = absl::IsInvalidArgument(status);
  if (!status.ok()) NoteError(status);
  if (status.ok() || invalid) {
    if (Recover("orders", &apply_)) ComeBack();
  } else {
    Fail("orders", status, &apply_);
    batch_limit_ = std::max<size_t>(batch_limit_ / 2, 1);
    walking_ = true;
  }
  for (const Flight& one : flight) {
    DeliveryRow& it = table_[one.token.row];
    it.in_flight = false;
    if (status.ok()) {
      ++figures_.applied;
      if (it.timed) figures_.delay.Add(now_.steady_ns - it.since_ns);
      Confirm(one.token.row, one.kind, one.decision);
    } else if (invalid && flight.size() == 1) {
      Refuse(one.token.row, one.kind, *one.decision, status);
    } else {
      Doubt(one.token.row, one.kind, one.decision);
    }
  }
  if (status.ok()) {
    batch_limit_ = std::min(batch_limit_ > batch_max_ / 2 ? batch_max_ : 2 * batch_limit_, batch_max_);
    // They were its first half, if it was being searched.
    suspects_.erase(suspects_.begin(),
                    suspects_.begin() + static_cast<ptrdiff_t>(std::min(flight.size(), suspects_.size())));
  } else if (invalid) {
    suspects_.clear();
    if (flight.size() == 1) {
      batch_limit_ = 1;
    } else {
      for (const Flight& one : flight)
        if (table_.IsLive(one.token)) suspects_.push_back(one.token);
    }
  }
}

// Of what a row needs after a call.
DeliveryPlan::Cause DeliveryPlan::CauseAfterCall(uint32_t row) const {
  const DeliveryRow& it = table_[row];
  return it.changed ? Cause{it.changed_ns, it.changed_timed} : Cause{now_.steady_ns, false};
}

void DeliveryPlan::Confirm(uint32_t row, Order::Kind kind, const SharedDecision& decision) {
  Alter(row, CauseAfterCall(row), [&](DeliveryRow& it) {
    it.changed = false;
    // Whatever it needs now is another order, which began to wait when it changed.
    table_.Unqueue(row);
    it.stood = kind == Order::Kind::kEnforce;
    it.belief = it.stood ? Belief::kStands : Belief::kAbsent;
    it.stands_until_ms = it.stood ? decision->until_ms : 0;
    it.told = decision;
  });
}

void DeliveryPlan::Doubt(uint32_t row, Order::Kind kind, const SharedDecision& decision) {
  Alter(row, CauseAfterCall(row), [&](DeliveryRow& it) {
    it.changed = false;
    if (kind == Order::Kind::kEnforce) {
      // Whichever of the two stands: of the one that lasts longer it must be known.
      const bool unending = it.belief != Belief::kAbsent && it.stands_until_ms == 0;
      const int64_t stood_until_ms = it.belief == Belief::kAbsent ? 0 : it.stands_until_ms;
      it.stands_until_ms = unending ? 0 : std::max(stood_until_ms, decision->until_ms);
      it.told = decision;
    }
    it.belief = Belief::kUnknown;
  });
}

void DeliveryPlan::Refuse(uint32_t row, Order::Kind kind, const Decision& decision,
                          const absl::Status& status) {
  ++figures_.refusals;
  if (now_.steady_ns - refusal_said_ns_ >= kSaidNs) {
    sayings_.push_back(
        Concat(name_, ": cannot ", kind == Order::Kind::kEnforce ? "enforce " : "release ",
               Describe(decision), ": ", Describe(status), "; left out until it changes",
               refusals_unsaid_ == 0 ? "" : Concat(", as were ", refusals_unsaid_, " others")));
    refusal_said_ns_ = now_.steady_ns;
    refusals_unsaid_ = 0;
  } else {
    ++refusals_unsaid_;
  }
  Alter(row, CauseAfterCall(row), [&](DeliveryRow& it) {
    it.refused = !std::exchange(it.changed, false);
    // What cannot be carried out does not stand, save what stood before.
    if (kind == Order::Kind::kEnforce && !it.stood) it.belief = Belief::kAbsent;
    // Only a List could tell when that is over.
    if (kind == Order::Kind::kRelease && it.refused && !capabilities_.lists) {
      it.belief = Belief::kAbsent;
      it.refused = it.stood = false;
    }
  });
}

void DeliveryPlan::NoteError(const absl::Status& status) {
  ++figures_.failed_calls;
  figures_.last_error = Printed(FromAbsl(status.message()));
  figures_.last_error_at_ms = now_.wall_ms;
}

void DeliveryPlan::Fail(std::string_view what, const absl::Status& status, Outage* outage) {
  outage->backoff.Fail(now_.steady_ns);
  if (outage->said || now_.steady_ns - outage->said_ns < kSaidNs) return;
  outage->said = true;
  outage->said_ns = now_.steady_ns;
  sayings_.push_back(Concat(name_, ": ", what, " fail: ", Describe(status), "; tried again until it works (",
                            pending(), " orders wait)"));
}

bool DeliveryPlan::Recover(std::string_view what, Outage* outage) {
  if (!outage->backoff.failing()) return false;
  outage->backoff.Succeed();
  if (std::exchange(outage->said, false)) {
    const int64_t ms = (now_.steady_ns - outage->backoff.failing_since_ns()) / 1'000'000;
    sayings_.push_back(Concat(name_, ": ", what, " work again, after ", FormatSpanMs(ms)));
  }
  return true;
}

// Who was away may have forgotten all.
void DeliveryPlan::ComeBack() {
  reconcile_soon_ = true;
  resend_ = !capabilities_.lists && settings_.resend;
}

}  // namespace stockade
