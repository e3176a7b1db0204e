// A firewall: what carries decisions out, in front of or beside the gate. This is all that Stockade asks of one; each kind
// is an adapter in a file of its own, and delivery.h is what works it.
//
//   delivery ─► Apply(orders)      a batch, as soon as something changed
//            ─► List()             at the start and every interval; what differs from what is in force is applied
//
// An order names a decision by what it does to whom (OrderKey): the ledger keeps one decision for each key, the one that
// lasts longest. `kEnforce` means: afterwards it stands with this expiry, whether or not it stood before, with another
// expiry perhaps. `kRelease`: afterwards it does not stand, whether or not it did. So every order may be repeated, and an
// order that is lost is mended by the next List.
//
// Contract of an adapter:
// - It is called by one thread at a time, which may wait for it: Apply and List block, and end by themselves within
//   kCallTimeMax whatever the other side does.
// - Apply carries out all of a batch or returns why not; then any part of it may stand, and the caller applies again. No
//   key is twice in a batch. Decisions that `capabilities` does not name, and shadows, are never handed to it.
// - A batch that can never be carried out, because of one of its orders, is kInvalidArgument: the caller tries its halves, and
//   in the end leaves that order out and says so. Everything else is tried again later.
// - Construction opens nothing that may fail for a while (a firewall may come up after us): Apply does, when it is needed.
// - What stands there that is not ours (another program's sets, files, keys) is not listed and not touched.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/decision/decision.h"

namespace stockade {

// What a decision does to whom. Two decisions with equal keys are one order to a firewall.
struct OrderKey {
  Scope scope = Scope::kIp;
  Action action = Action::kBlock;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;  // of a challenge; else kHuman
  bool all_lanes = false;                                // of a lock; else false
  std::string value;

  static OrderKey Of(const Decision& decision) {
    const bool challenges = decision.action == Action::kChallenge;
    return {decision.scope, decision.action, challenges ? decision.challenge_kind : ChallengeKind::kHuman,
            decision.action == Action::kLock && decision.all_lanes, decision.value};
  }

  friend bool operator==(const OrderKey&, const OrderKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const OrderKey& key) {
    return H::combine(std::move(h), key.scope, key.action, key.challenge_kind, key.all_lanes, key.value);
  }
};

struct Order {
  enum class Kind : uint8_t { kEnforce, kRelease };
  Kind kind = Kind::kEnforce;
  // Of kRelease: as it stood, or, where a List showed something that nothing is in force for, no more than its key.
  const Decision* decision = nullptr;
};

// One thing that stands, as far as the firewall can tell.
struct Enforced {
  OrderKey key;
  int64_t until_ms = 0;  // 0: it does not know
};

struct Capabilities {
  // Which decisions it carries: bit (1 << Scope) for each action.
  uint8_t scopes[4] = {};  // by Action
  // It lets go by itself when a decision's time is over: no release need come for that, and none does.
  bool expires = false;
  // List tells what stands. Where not, nothing is compared.
  bool lists = false;
  size_t batch_max = 1000;

  static constexpr uint8_t Bit(Scope scope) noexcept {
    return static_cast<uint8_t>(1u << static_cast<int>(scope));
  }
  bool Carries(const Decision& decision) const noexcept {
    return !decision.shadow && (scopes[static_cast<int>(decision.action)] & Bit(decision.scope)) != 0;
  }
};

class Firewall {
 public:
  // What hangs longer is broken; a stop waits for no more than this.
  static constexpr absl::Duration kCallTimeMax = absl::Seconds(30);

  virtual ~Firewall() = default;
  virtual Capabilities capabilities() const = 0;
  // `now_ms`: milliseconds since 1970, for what firewalls are told as time left. Views live during the call.
  virtual absl::Status Apply(std::span<const Order> orders, int64_t now_ms) = 0;
  // Unimplemented where `lists` is false.
  virtual absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) = 0;
  // The same; a List that may last long ends with kAborted soon after `gives_way` has become true, which another thread makes
  // it when somebody is to be released meanwhile.
  virtual absl::StatusOr<std::vector<Enforced>> ListUnless(const std::atomic<bool>& /*gives_way*/,
                                                           int64_t now_ms) {
    return List(now_ms);
  }
};

}  // namespace stockade
