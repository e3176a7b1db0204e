// A fast spread of bytes over slots, for tables whose entries are compared byte by byte afterwards: memos and the
// table of plain texts. Not keyed and not collision resistant: whoever makes values collide costs
// himself the short way, never changes an answer. ~0.6 ns for each 16 bytes, taken as two words whose multiplications
// do not wait for one another.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stockade {

inline uint64_t HashBytes(std::string_view value) noexcept {
  const char* p = value.data();
  size_t left = value.size();
  uint64_t hash = left * 0x9e3779b97f4a7c15ULL;
  uint64_t word = 0;
  if (left >= 16) {
    uint64_t other = ~hash;
    for (; left >= 16; p += 16, left -= 16) {
      std::memcpy(&word, p, 8);
      hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
      std::memcpy(&word, p + 8, 8);
      other = (other ^ word) * 0xc4ceb9fe1a85ec53ULL;
      hash ^= hash >> 32;
      other ^= other >> 32;
    }
    hash ^= other * 0x9e3779b97f4a7c15ULL;
  }
  if (left >= 8) {
    std::memcpy(&word, p, 8);
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
    p += 8;
    left -= 8;
  }
  word = 0;
  if (left > 0) std::memcpy(&word, p, left);
  hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 29);
}

}  // namespace stockade
