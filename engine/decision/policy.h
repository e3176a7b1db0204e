// From an alert to a decision: what the rule's response asks for, made narrow, lasting and harmless enough to
// stand.
//
// - The target's value comes from the event that raised the alert. One that does not say gives no decision.
// - It lasts `for`, times `factor` for every repeat that is remembered, at most `up-to`. A repeat is an alert of the
//   same rule on the same value after the last decision was over and within `up-to` of its end.
// - The narrowest rung: an order on a network within which a single address failed lately is one on that address
//   (RungWitness). In IPv6, where one host has as many addresses as it likes, an order on an address within a /64 of which
//   kChildrenMin others stand blocked is one on the /64, and so from /64 to /56 to /48. IPv4 is never widened: the next
//   address belongs to somebody else, and rules that count over a network say so themselves.
// - Who would be hurt: what touches the allowlist is challenged instead of blocked or locked; so is an address or network
//   where kSharedAccountsMin customers are at home (an office, a carrier's NAT); and so is what would touch more proven
//   customers than the caps allow, which raises an alarm besides (harm_cap.h).
// - A block or lock of an account is a lock, of the unfamiliar lane unless the rule says all lanes and somebody who is no
//   familiar of the account has just got in: nobody locks a customer out but the customer, and a takeover. A lock of
//   anything else is a challenge: there are no lanes to close.
// - Made while the engine observes, or by a rule in shadow, it is a shadow: shown, never carried out, never widened.
// - Its id is 16 hex digits of the keyed hash of rule, scope, value and time. Same events, same ids.
//
// Runs when an alert is raised; allocates. NoteProven and NoteFailure run for each such outcome. Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "engine/decision/alarm.h"
#include "engine/decision/alert.h"
#include "engine/decision/allowlist.h"
#include "engine/decision/decision.h"
#include "engine/decision/harm_cap.h"
#include "engine/decision/proven_customers.h"
#include "engine/decision/repeat_memory.h"
#include "engine/decision/rung_witness.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

// What a user may set of it: the section `policy` of the settings.
struct PolicySettings {
  HarmLimits harm;             // harm
  size_t shared_accounts = 3;  // shared_accounts: customers that make a source a shared one; 1 to 4
  absl::flat_hash_set<std::string> in_shadow;  // shadow: rules whose decisions are shown and not carried out
};

// What policy must know of the moment beside the alert.
struct Circumstances {
  const Allowlist& allowlist;
  bool observing = false;        // the engine observes: every decision is a shadow
  bool stranger_inside = false;  // the event is a success in the unfamiliar or half lane
  // How many blocks on addresses or networks of one rung stand within this network. Null: none.
  std::function<size_t(const Prefix&)> blocks_within = {};
};

class Policy {
 public:
  // A quarter of a million repeaters, 30 MiB.
  static constexpr size_t kRepeatersMax = size_t{1} << 18;
  // Customers of one hour: 131,072, 40 MiB. Larger brokers' hours are sampled by the newest.
  static constexpr size_t kCustomersMax = size_t{1} << 17;
  // No decision lasts longer: ten years are for ever, and times stay far from overflow.
  static constexpr int64_t kDurationMsMax = int64_t{3650} * 24 * 3600 * 1000;
  // With the newcomer three children of a rung are guilty, which makes the parent guilty (detectors.md, D3).
  static constexpr size_t kChildrenMin = 2;

  explicit Policy(const HashKey& key, size_t repeaters_max = kRepeatersMax,
                  size_t customers_max = kCustomersMax, PolicySettings settings = {},
                  size_t active_max = ProvenCustomers::kActiveMax);

  // The decision an alert asks for; nothing where the alert has no response or its event no such target. It
  // is the caller's to propose to the ledger, and to tell of only if the ledger took it; then Made counts its harm.
  // `alarm` is filled where a person should know.
  std::optional<Decision> Decide(const Alert& alert, const Circumstances& now, std::optional<Alarm>* alarm);
  // The same for an order given by hand or taken in from elsewhere, whose rule says where it came from: fills its id if it has
  // none, and eases it where it would do harm.
  void Admit(const Circumstances& now, Decision* decision, std::optional<Alarm>* alarm);
  // It stands now: counts whom it touches.
  void Made(const Decision& decision);

  // A customer got in who certainly is one; a password was wrong, or worse.
  void NoteProven(const Attempt& attempt, int64_t time_ms, const ProvenCustomers::Hashes& known = {}) {
    customers_.Note(attempt, time_ms, known);
  }
  void NoteFailure(const Address& source, int64_t time_ms) noexcept {
    if (source.present()) witness_.NoteFailure(source, time_ms);
  }
  // Hints that this source's failure may be noted soon.
  void PrefetchFailure(const Address& source) const noexcept {
    if (source.present()) witness_.Prefetch(source);
  }

  // For snapshots.
  ProvenCustomers& customers() noexcept { return customers_; }

  // Other settings, while running. What was counted stays.
  void Set(PolicySettings settings);

  // What a decision of an earlier run was, so that its target counts as a repeater. `response`: its rule's.
  void Remember(const Decision& decision, const Response& response, int64_t now_ms);

 private:
  // Turns what would hurt customers into a challenge, saying why.
  void Ease(const Circumstances& now, Decision* decision, std::optional<Alarm>* alarm);
  // The rung of the ladder that the alert's order is given on.
  void ChooseRung(const Circumstances& now, const Address& source, Decision* decision);
  Hash128 NameHash(const Decision& decision) const;

  HashKey key_;
  PolicySettings settings_;
  RepeatMemory repeats_;
  ProvenCustomers customers_;
  HarmCap harm_;
  RungWitness witness_;
};

// The id of a decision: of its rule, scope, value and time, under the engine's key.
std::string DecisionId(const HashKey& key, const Decision& decision);

// One sentence for a person: what was seen, in which span, against which condition.
std::string ReasonOf(const Alert& alert);

// `for` of a response after so many repeats.
int64_t DurationMs(const Response& response, int repeats) noexcept;

}  // namespace stockade
