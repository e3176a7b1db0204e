// The bytes of a snapshot: what the engine knows of who is at home, kept over a restart.
//
//   head    56 bytes:  "STKFAMIL", u32 version, u32 0, 16 key id, i64 as of (event time, ms), u64 buckets, u64 0
//           16 bytes:  its seal
//   parts   8 bytes:   u32 kind, u32 size; then `size` bytes, then 16 bytes of seal; in this order:
//     1 shares     8 of them, one a kind of token and a row: u8 kind, u8 row, u64 sum, then 2^16 counters, each a varint; behind a 0
//                  a varint says how many further ones are 0
//     2 step-ups   any number, 16 bytes each: u64 tag, i64 until (ms)
//     3 sources    any number, 40 bytes each: u64 place, 4 × u32 account, 4 × i32 minute (decision/proven_customers.h)
//     4 accounts   any number: u64 tag, u8 which, u16 count, u16 quarter, u16 certified, u8 which of its two buckets, then for each place that `which` names, from
//                  its lowest bit: u32 token, u16 count, u16 quarter (account_record.h). Bits 0–3: networks, 4–6: devices, 7: `certified` says
//                  something
//     5 end        the last: u64 accounts, u64 parts before it
//
// All numbers little-endian; a varint is LEB128, at most 5 bytes. Version: of all of this, of how tokens are made of an attempt
// (Lanes), and places of an address (ProvenCustomers); whoever changes one of them counts it up. No older one is read: it is learnt again within days.
//
// Seals: the seal of the head is SipHash-2-4-128 of its 56 bytes, that of a part of the seal before it, its kind, size and bytes; all
// under a key made of the engine's. So each part is checked before it is looked at, no part can be left out, repeated or moved, and
// the seal of the end is one of the whole file, which is its id too. Nobody without the key makes a stranger familiar by writing to
// the file. The key itself is not in it, and no name either: accounts, networks and devices are keyed hashes of 64 and 32 bits.
// Without the key they say nothing; with it whoever guesses a name can check the guess, so that a snapshot is as secret as the key.
// Key id: a hash under the key, so that a snapshot of another key is called that, not broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/event/keyed_hash.h"

namespace stockade {

inline constexpr std::string_view kFamiliarMagic = "STKFAMIL";
inline constexpr uint32_t kFamiliarVersion = 3;
inline constexpr size_t kFamiliarHeadBytes = 56;
inline constexpr size_t kFamiliarSealBytes = 16;
// Of one part. The largest that is written: a row of 2^16 counters of 5 bytes.
inline constexpr size_t kFamiliarPartBytesMax = size_t{512} << 10;

enum class FamiliarPart : uint32_t { kShares = 1, kStepUps, kSources, kAccounts, kEnd };

// Keys apart, so that no seal is a hash of anything else.
inline Hash128 FamiliarKeyId(const HashKey& key) noexcept {
  return SipHash128({key.k0 ^ 0x6b65790000000000, key.k1}, kFamiliarMagic);
}
inline HashKey FamiliarSealKey(const HashKey& key) noexcept {
  return {key.k0 ^ 0x7365616c00000000, key.k1};
}

// Numbers out of bytes that may end too early: then everything after is 0, and `failed`.
class LittleReader {
 public:
  explicit LittleReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  template <typename T>
  T Take() noexcept {
    if (bytes_.size() < sizeof(T)) {
      failed_ = true;
      bytes_ = {};
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes_[i])) << (8 * i);
    bytes_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  Hash128 TakeHash() noexcept {
    const auto low = Take<uint64_t>();
    return {low, Take<uint64_t>()};
  }
  uint32_t TakeVarint() noexcept {
    uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto byte = Take<uint8_t>();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) {
        if (value > UINT32_MAX) failed_ = true;
        return static_cast<uint32_t>(value);
      }
    }
    failed_ = true;
    return 0;
  }
  bool is_empty() const noexcept { return bytes_.empty(); }
  bool failed() const noexcept { return failed_; }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

template <typename T>
void AppendLittle(T value, std::string* out) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
  out->append(bytes, sizeof bytes);
}
inline void AppendHash(const Hash128& hash, std::string* out) {
  AppendLittle(hash.low, out);
  AppendLittle(hash.high, out);
}
inline void AppendVarint(uint32_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

}  // namespace stockade
