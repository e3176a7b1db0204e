// A fast spread of bytes over slots, for tables whose entries are compared byte by byte afterwards: memos and the
// table of plain texts. Not keyed and not collision resistant: whoever makes values collide costs
// himself the short way, never changes an answer.
//
// Two words of eight bytes at a time, multiplied with each other, the halves of the product folded together: ~9
// instructions for each 16 bytes. The tail is read as the last 16 bytes, some of them a second time. After wyhash
// (Wang Yi, public domain, https://github.com/wangyi-fudan/wyhash), whose quality as a hash is neither needed nor
// claimed here.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stockade {

// The product of both, its halves folded together: every bit of the result hangs on every bit of each, as long as
// neither is 0.
inline uint64_t FoldedProduct(uint64_t a, uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t HashBytes(std::string_view value) noexcept {
  constexpr uint64_t kFirst = 0xa0761d6478bd642f;
  constexpr uint64_t kSecond = 0xe7037ed1a0b428db;
  const auto word = [](const char* at) noexcept {
    uint64_t eight;
    std::memcpy(&eight, at, sizeof eight);
    return eight;
  };
  const auto half = [](const char* at) noexcept {
    uint32_t four;
    std::memcpy(&four, at, sizeof four);
    return uint64_t{four};
  };
  const char* at = value.data();
  const size_t size = value.size();
  uint64_t hash = kFirst ^ size;
  if (size > 16) {
    const char* const last = at + size - 16;
    for (; at < last; at += 16) hash = FoldedProduct(word(at) ^ hash, word(at + 8) ^ kSecond);
    return FoldedProduct(word(last) ^ hash, word(last + 8) ^ kSecond);
  }
  uint64_t begin = 0;
  uint64_t end = 0;
  if (size >= 8) {
    begin = word(at);
    end = word(at + size - 8);
  } else if (size >= 4) {
    begin = half(at);
    end = half(at + size - 4);
  } else if (size > 0) {
    begin = static_cast<unsigned char>(at[0]);
    end = uint64_t{static_cast<unsigned char>(at[size / 2])} << 8 | static_cast<unsigned char>(at[size - 1]);
  }
  return FoldedProduct(begin ^ hash, end ^ kSecond);
}

}  // namespace stockade
