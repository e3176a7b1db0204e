// Whose password a campaign knew: strangers who got in lately, and which campaigns they turned out to belong to.
//
// A campaign is condemned after some attempts, and the right passwords may have been among the first. So the last kKept successes of
// strangers are kept for kKeepMs, with what they have in common with others; whatever is condemned names those that had it since the
// campaign began, and from then on each new one at once.
//
// Some 700 bytes each. O(kKept) where something is condemned. Allocates; runs where a stranger gets in. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/detect/tuples.h"
#include "engine/event/address.h"
#include "engine/event/login_event.h"

namespace stockade {

// What was condemned, and on what.
struct Condemned {
  uint64_t tag = 0;  // of a tuple; 0: `rung` says
  TupleKind kind = TupleKind::kJa4;
  Prefix rung;
  float score = 0;       // the evidence, when it last was
  int64_t begun_ms = 0;  // of a tuple: when it began to fail
};

class TakeoverWatch {
 public:
  static constexpr size_t kKept = 1024;
  static constexpr int64_t kKeepMs = int64_t{24} * 3600 * 1000;
  // What a campaign has in common says nothing of who had it before the campaign began, or once it has faded: two half-lives of
  // the campaign finder after it was last condemned. An address is one's own for as long as it is kept.
  static constexpr int64_t kTupleKeepMs = int64_t{4} * 3600 * 1000;
  // So long before its first failure a campaign may have known a password.
  static constexpr int64_t kBeforeFirstMs = int64_t{15} * 60 * 1000;
  // Campaigns that are remembered; an older one gives way.
  static constexpr size_t kCampaignsMax = 256;

  // Whether an attempt belongs to what was condemned.
  static bool Holds(const Condemned& what, const TupleTags& tags, const Address& source) noexcept;

  // A stranger got in. Inside a campaign that is known: that one, until the next call; then he is not kept, but named already.
  // Otherwise null.
  const Condemned* NoteSuccess(const LoginEvent& event, const TupleTags& tags, int64_t now_ms);
  // Condemned: a tuple, or a rung of addresses. False: it was already. Otherwise appends those who got in with it.
  bool Condemn(const Condemned& what, int64_t now_ms, std::vector<OwnedEvent>* inside);

 private:
  struct Kept {
    int64_t time_ms = INT64_MIN;
    TupleTags tags{};
    OwnedEvent event;
  };
  struct Campaign {
    int64_t keep_ms() const noexcept { return what.tag != 0 ? kTupleKeepMs : kKeepMs; }

    Condemned what;
    int64_t time_ms = INT64_MIN;  // of the last that was condemned with it
  };

  std::vector<Kept> kept_;
  size_t next_ = 0;
  std::vector<Campaign> campaigns_;
};

}  // namespace stockade
