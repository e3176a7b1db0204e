// Keyed hashing: of passwords (login.password_id) and of names that must not leave in the clear, and of every
// key that a window counts.
//
// SipHash-2-4 with 128 bits of output (Aumasson & Bernstein 2012; the 128-bit variant of the authors'
// reference code). Keyed, so that whoever fills the login form cannot choose what collides; 128 bits, so that
// at a hundred million keys the chance of one collision is below 2^-75 and a window's count can be called
// exact. The key comes from the configuration: the same key gives the same ids, and with it the same bytes of
// output, on every machine. Pure functions, thread-safe, noexcept, no allocation; about 20 ns for 16 bytes
// and 1.2 ns for each further byte. The steps of one hash wait for one another, so that two at once cost little
// more than one: SipHash128Two, for who has two to make. Oracle: the authors' vectors, in
// tests/engine/event/keyed_hash_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/event/byte_hash.h"

namespace stockade {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Hash128& value) {
    return H::combine(std::move(h), value.low, value.high);
  }
};

struct HashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;

  // 32 hexadecimal digits, the 16 key bytes in order. Nothing for any other text.
  static std::optional<HashKey> Parse(std::string_view hex) noexcept;
};

Hash128 SipHash128(const HashKey& key, const void* bytes, size_t size) noexcept;
inline Hash128 SipHash128(const HashKey& key, std::string_view text) noexcept {
  return SipHash128(key, text.data(), text.size());
}

// Both hashes of two inputs, each as SipHash128 gives it.
struct HashInput {
  HashKey key;
  const void* bytes = nullptr;
  size_t size = 0;
};
struct HashPair {
  Hash128 first;
  Hash128 second;
};
HashPair SipHash128Two(const HashInput& first, const HashInput& second) noexcept;

// 32 lower-case hexadecimal digits in the byte order of the reference code: how a login.password_id is spelt.
std::string ToHex(const Hash128& hash);
// The same into a buffer of the caller's, for where nothing may allocate; the view is into it.
struct HexBuffer {
  char bytes[32];
};
std::string_view HexOf(const Hash128& hash, HexBuffer* buffer) noexcept;
// The hash that ToHex wrote, or nothing for any other text. Capitals are read too.
std::optional<Hash128> ParseHash128(std::string_view hex) noexcept;

// Folds an independent hash into a running one: for keys of several fields. Order counts. The inputs are
// already outputs of a keyed hash, so a multiply-mix is enough to keep distinct tuples distinct.
inline Hash128 Combine(const Hash128& a, const Hash128& b) noexcept {
  return Hash128{FoldedProduct(a.low ^ 0x9e3779b97f4a7c15ULL, b.low ^ 0xc2b2ae3d27d4eb4fULL) +
                     (a.high << 23 | a.high >> 41) + b.high,
                 FoldedProduct(a.high ^ 0x165667b19e3779f9ULL, b.high ^ 0xd6e8feb86659fd93ULL) +
                     (a.low << 17 | a.low >> 47) + b.low};
}

// The hash of three words under a key, at a quarter of what SipHash takes: for addresses, networks and numbers, which are always as long.
//
// Multiply-shift in 128 bits (Dietzfelbinger 1996; Thorup, "High Speed Hashing for Integers and Strings", 2015, theorem 2.2), twice.
// It is strongly universal: whatever two inputs somebody chooses, half of the hash is the same for both with a chance of 2^-64, and
// all of it of 2^-128. That holds as long as nobody learns what it gives, so it stays within: what is shown or sent is SipHash128.
// What is mixed in behind changes no chance, for it can be undone; it spreads neighbours over a table.
class WordHash {
 public:
  // `use` keeps apart what is hashed under one key.
  WordHash(const HashKey& key, std::string_view use) noexcept;

  Hash128 operator()(uint64_t a, uint64_t b, uint64_t c) const noexcept {
    return {Half(halves_[0], a, b, c), Half(halves_[1], a, b, c)};
  }
  // Its lower half.
  uint64_t Short(uint64_t a, uint64_t b, uint64_t c) const noexcept { return Half(halves_[0], a, b, c); }

 private:
  using Wide = unsigned __int128;
  using Factors = std::array<Wide, 4>;  // of each word, and what is added

  static uint64_t Half(const Factors& by, uint64_t a, uint64_t b, uint64_t c) noexcept {
    auto high = static_cast<uint64_t>((by[0] * a + by[1] * b + by[2] * c + by[3]) >> 64);
    high = (high ^ high >> 32) * 0xd6e8feb86659fd93ULL;
    return high ^ high >> 32;
  }

  std::array<Factors, 2> halves_;
};

}  // namespace stockade
