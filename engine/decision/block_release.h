// Lets go of a block that has turned out to be customers: kHomesMin accounts whose owners, at home on them, got in from behind it.
//
// Owners who come from where they always come pass a block at the gate (assess.h), so a block that was wrong, or that outlived its
// attacker, shows itself. What people ordered is not touched.
//
// At most kBlocks are watched, those where somebody was seen last; what is forgotten too early is let go of later. Some 30 ns, and
// only for who comes from behind a block. Deterministic; not thread-safe. Source: detectors.md, D7 (e).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/decision/decision.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

class BlockRelease {
 public:
  static constexpr size_t kHomesMin = 3;
  static constexpr size_t kBlocks = 256;

  // An owner got in from behind this block. `account`: his keyed hash. Whether he is the last it takes.
  bool NoteHome(const Decision& block, uint64_t account) noexcept;

 private:
  struct Watched {
    uint64_t block = 0;  // 0: free
    std::array<uint64_t, kHomesMin> homes = {};
  };
  std::array<Watched, kBlocks> watched_;
};

}  // namespace stockade
