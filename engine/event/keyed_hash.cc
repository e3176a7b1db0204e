#include "engine/event/keyed_hash.h"

#include <bit>
#include <cstring>

#include "engine/event/digits.h"

namespace stockade {
namespace {

uint64_t LoadLittle(const unsigned char* bytes) noexcept {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

struct State {
  uint64_t v0, v1, v2, v3;

  // "somepseudorandomlygeneratedbytes"; 0xee marks 128 bits of output.
  explicit State(const HashKey& key) noexcept
      : v0(key.k0 ^ 0x736f6d6570736575ULL),
        v1(key.k1 ^ 0x646f72616e646f6dULL ^ 0xee),
        v2(key.k0 ^ 0x6c7967656e657261ULL),
        v3(key.k1 ^ 0x7465646279746573ULL) {}

  void Round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Compress(uint64_t word) noexcept {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  uint64_t Squeeze() noexcept {
    for (int i = 0; i < 4; ++i) Round();
    return Folded();
  }
  uint64_t Folded() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

// The rounds in turn: each fills the time in which the other waits for itself.
void RoundBoth(State* a, State* b) noexcept {
  a->Round();
  b->Round();
}
void CompressBoth(State* a, uint64_t of_a, State* b, uint64_t of_b) noexcept {
  a->v3 ^= of_a;
  b->v3 ^= of_b;
  RoundBoth(a, b);
  RoundBoth(a, b);
  a->v0 ^= of_a;
  b->v0 ^= of_b;
}

// The size of an input, and of its bytes those from `p` on that fill no word.
uint64_t LastWord(const unsigned char* p, size_t size) noexcept {
  uint64_t last = static_cast<uint64_t>(size) << 56;
  const size_t rest = size % 8;
  if (size >= 8 && rest != 0) {
    // The last eight bytes at once, less those that were taken already.
    last |= LoadLittle(p + rest - 8) >> (64 - 8 * rest);
  } else {
    for (size_t i = 0; i < rest; ++i) last |= static_cast<uint64_t>(p[i]) << (8 * i);
  }
  return last;
}

}  // namespace

std::optional<HashKey> HashKey::Parse(std::string_view hex) noexcept {
  if (hex.size() != 32) return std::nullopt;
  std::array<uint64_t, 2> halves{};
  for (size_t i = 0; i < 16; ++i) {
    const int high = HexDigit(hex[2 * i]);
    const int low = HexDigit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    // The reference code reads its key little-endian, so byte i of a half is its i-th lowest.
    halves[i / 8] |= static_cast<uint64_t>(high << 4 | low) << (8 * (i % 8));
  }
  return HashKey{halves[0], halves[1]};
}

Hash128 SipHash128(const HashKey& key, const void* bytes, size_t size) noexcept {
  State state(key);
  const auto* p = static_cast<const unsigned char*>(bytes);
  for (size_t words = size / 8; words > 0; --words, p += 8) state.Compress(LoadLittle(p));
  state.Compress(LastWord(p, size));
  Hash128 hash;
  state.v2 ^= 0xee;
  hash.low = state.Squeeze();
  state.v1 ^= 0xdd;
  hash.high = state.Squeeze();
  return hash;
}

HashPair SipHash128Two(const HashInput& first, const HashInput& second) noexcept {
  State a(first.key);
  State b(second.key);
  const auto* p = static_cast<const unsigned char*>(first.bytes);
  const auto* q = static_cast<const unsigned char*>(second.bytes);
  size_t words_a = first.size / 8;
  size_t words_b = second.size / 8;
  for (; words_a > 0 && words_b > 0; --words_a, --words_b, p += 8, q += 8) {
    CompressBoth(&a, LoadLittle(p), &b, LoadLittle(q));
  }
  for (; words_a > 0; --words_a, p += 8) a.Compress(LoadLittle(p));
  for (; words_b > 0; --words_b, q += 8) b.Compress(LoadLittle(q));
  CompressBoth(&a, LastWord(p, first.size), &b, LastWord(q, second.size));
  HashPair hashes;
  a.v2 ^= 0xee;
  b.v2 ^= 0xee;
  for (int i = 0; i < 4; ++i) RoundBoth(&a, &b);
  hashes.first.low = a.Folded();
  hashes.second.low = b.Folded();
  a.v1 ^= 0xdd;
  b.v1 ^= 0xdd;
  for (int i = 0; i < 4; ++i) RoundBoth(&a, &b);
  hashes.first.high = a.Folded();
  hashes.second.high = b.Folded();
  return hashes;
}

WordHash::WordHash(const HashKey& key, std::string_view use) noexcept {
  // A key of its own for each use, and under it the numbers of the factors.
  const Hash128 own = SipHash128(key, use);
  uint64_t number = 0;
  for (Factors& half : halves_) {
    for (Wide& factor : half) {
      const Hash128 hash = SipHash128({own.low, own.high}, &number, sizeof number);
      factor = Wide{hash.high} << 64 | hash.low;
      ++number;
    }
  }
}

std::string_view HexOf(const Hash128& hash, HexBuffer* buffer) noexcept {
  for (size_t i = 0; i < 16; ++i) {
    const uint64_t byte = (i < 8 ? hash.low : hash.high) >> (8 * (i % 8)) & 0xff;
    buffer->bytes[2 * i] = "0123456789abcdef"[byte >> 4];
    buffer->bytes[2 * i + 1] = "0123456789abcdef"[byte & 0xf];
  }
  return {buffer->bytes, sizeof buffer->bytes};
}

std::optional<Hash128> ParseHash128(std::string_view hex) noexcept {
  const std::optional<HashKey> halves = HashKey::Parse(hex);
  if (!halves) return std::nullopt;
  return Hash128{halves->k0, halves->k1};
}

std::string ToHex(const Hash128& hash) {
  HexBuffer buffer;
  return std::string(HexOf(hash, &buffer));
}

}  // namespace stockade
