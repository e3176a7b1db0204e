// What attempts may have in common: the tuples of D6, as keyed hashes and as text for a person.
//
//   ja4 · ja4 + user agent · header order · header order + ja4 · ASN + ja4 · country + ja4 · password id
//
// A tuple of which the attempt lacks a part is not there, save that a user agent alone stands for the second. The shape
// of the account name, which detectors.md lists too, is none of them: a slip of the finger has a shape, and whoever makes it fails, so
// that a common slip was asked for proof all day while no class of attack lost an attempt by it; names that do not exist are
// counted by pressure.h instead.
//
// TupleHasher remembers the hashes of a browser's texts, which come again and again: not thread-safe; no allocation after
// construction, 150 KiB.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/event/pair_memo.h"

namespace stockade {

enum class TupleKind : uint8_t { kJa4, kAgent, kHeaders, kHeadersJa4, kAsnJa4, kCountryJa4, kPassword };
inline constexpr size_t kTupleKinds = 7;
inline constexpr std::array<std::string_view, kTupleKinds> kTupleNames = {
    "JA4",         "JA4 and user agent", "header order", "header order and JA4",
    "ASN and JA4", "country and JA4",    "password"};
constexpr std::string_view Name(TupleKind kind) noexcept {
  return kTupleNames[static_cast<size_t>(kind)];
}

// By kind; 0: the attempt has no such tuple. No two kinds share a hash.
using TupleTags = std::array<uint64_t, kTupleKinds>;
class TupleHasher {
 public:
  explicit TupleHasher(const HashKey& key) : key_(key) {}
  TupleTags Of(const Attempt& attempt) const noexcept;

 private:
  // 0: there is none.
  struct Browser {
    uint64_t ja4 = 0;
    uint64_t agent = 0;
  };
  uint64_t HashOf(std::string_view text, uint64_t salt) const noexcept;

  HashKey key_;
  mutable PairMemo<Browser> browsers_;
};

// "JA4 t13d1516h2_8daaf6152771_e5627efa2ab1". Of a password nothing but that it was one.
std::string TextOf(const Attempt& attempt, TupleKind kind);

}  // namespace stockade
