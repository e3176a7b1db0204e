// Challenges that were passed and not used yet: who, from where, with which device, and how long that is believed.
//
// The application shows a challenge and says that it was passed; the customer then tries to log in again. So one passed
// challenge lets one attempt through, and no more: Take forgets what it finds. Keyed by the account as it was typed, the
// network of the address (/24, /64: phones change their address between two requests) and the device, all three, so that
// a challenge passed by the owner opens nothing for a stranger.
//
// Bounded: of more than kRememberedMax the ones noted first go, whoever they are; the application notes, not the client,
// so that a flood of them is a flood of people who passed. About 200 bytes each. Not thread-safe: the desk holds it.
// Time is an argument, in nanoseconds since 1970.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "engine/decision/alert.h"
#include "engine/event/address.h"

namespace stockade {

class ChallengeMemory {
 public:
  static constexpr size_t kRememberedMax = 65536;

  // One person at one place.
  struct Passer {
    std::string_view account;
    Address source;
    std::string_view device;  // empty: none was shown
  };

  void Note(ChallengeKind kind, const Passer& who, int64_t until_ns);
  // Whether a passed challenge stands for what is asked: the same kind, or identity where human is asked, for who has
  // shown who he is is no machine. Uses it up.
  bool Take(ChallengeKind asked, const Passer& who, int64_t now_ns);
  // Whether Take would say so now; uses nothing up.
  bool Knows(ChallengeKind asked, const Passer& who, int64_t now_ns) const;

  size_t size() const noexcept { return entries_.size(); }
  uint64_t pushed_out() const noexcept { return pushed_out_; }  // forgotten before their time

 private:
  struct Entry {
    std::string key;
    int64_t until_ns = 0;
  };
  using Entries = std::list<Entry>;
  using Index = absl::flat_hash_map<absl::string_view, Entries::iterator>;  // by the entry's own key

  static std::string KeyOf(ChallengeKind kind, const Passer& who);
  // What Take would use up.
  Index::const_iterator FindStanding(ChallengeKind asked, const Passer& who, int64_t now_ns) const;
  void Forget(Entries::iterator entry);

  Entries entries_;  // in the order they were noted
  Index index_;
  uint64_t pushed_out_ = 0;
};

}  // namespace stockade
