#include "engine/decision/block_release.h"

#include <algorithm>

namespace stockade {

bool BlockRelease::NoteHome(const Decision& block, uint64_t account) noexcept {
  // Ids are keyed hashes already: this one only has to spread them.
  const uint64_t name = SipHash128({0, 0}, block.id).low | 1;
  Watched& watched = watched_[(name >> 8) % kBlocks];
  if (watched.block != name) watched = {name, {}};
  for (uint64_t& home : watched.homes) {
    if (home == account) return false;
    if (home != 0) continue;
    home = account;
    return &home == &watched.homes.back();
  }
  return false;
}

}  // namespace stockade
