// Internet addresses as the engine counts them, the prefixes they lie in, and the ladder of prefixes on which
// evidence is gathered.
//
// One address has one form: IPv4-mapped IPv6 (::ffff:0:0/96, RFC 4291 §2.5.5.2) and NAT64 under the well-known prefix
// (64:ff9b::/96, RFC 6052 §2.1) fold to the IPv4 address inside, so that one customer behind two spellings is one key.
// Zone ids ("%eth0") name an interface of the log's own host and are dropped. Values; 17 bytes; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stockade {

class Address {
 public:
  // Room for the longest text form, with a prefix length: "ffff:…:ffff/128".
  static constexpr size_t kTextBytesMax = 48;

  constexpr Address() = default;  // absent: not an address at all, equal only to itself

  // Reads dotted IPv4 (four decimal parts, no leading zeros: "010" is octal to some and decimal to others), or any
  // IPv6 text form of RFC 4291 §2.2, with an optional zone id. Brackets and ports are not part of an address. Anything
  // else gives nothing. ~20 ns for IPv4.
  static std::optional<Address> Parse(std::string_view text) noexcept;
  static Address V4(uint32_t host_order) noexcept;
  // 16 bytes in network order, folded.
  static Address V6(std::span<const uint8_t, 16> bytes) noexcept;

  bool present() const noexcept { return family_ != 0; }
  bool is_v4() const noexcept { return family_ == 4; }
  bool is_v6() const noexcept { return family_ == 6; }
  int bits() const noexcept { return family_ == 4 ? 32 : 128; }
  // Bit i from the left (0 is the most significant), for i < bits().
  bool bit(int i) const noexcept;
  // The 32-bit IPv4 value in host order. Only where is_v4().
  uint32_t v4() const noexcept { return static_cast<uint32_t>(low_); }
  // The two halves in host order. For IPv4 high is 0 and low the value.
  uint64_t high() const noexcept { return high_; }
  uint64_t low() const noexcept { return low_; }

  // Writes the text form (RFC 5952 for IPv6) without a terminating zero; returns its length. `out` holds at least
  // kTextBytesMax bytes. Writes nothing and returns 0 for an absent address.
  size_t Format(char* out) const noexcept;
  std::string ToString() const;

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Address& a) {
    return H::combine(std::move(h), a.high_, a.low_, a.family_);
  }

 private:
  friend struct
      Prefix;  // a network wider than /96 around the NAT64 prefix starts at an address that must not fold
  constexpr Address(uint64_t high, uint64_t low, uint8_t family) : high_(high), low_(low), family_(family) {}

  uint64_t high_ = 0;
  uint64_t low_ = 0;
  uint8_t family_ = 0;  // 0 absent, 4, 6
};

// A network: an address whose bits behind `length` are zero. A single address is a prefix of full length.
struct Prefix {
  Address address;
  uint8_t length = 0;

  // "192.0.2.0/24", "2001:db8::/32", or a bare address. Bits behind the length must be zero (a person who writes
  // 192.0.2.7/24 may have meant either); nothing is given otherwise. A mapped or NAT64 prefix folds where its length
  // is at least 96.
  static std::optional<Prefix> Parse(std::string_view text) noexcept;
  // The network of `length` bits around an address; a length beyond its bits is cut to them.
  static Prefix Around(const Address& address, int length) noexcept;

  bool Contains(const Address& other) const noexcept;
  bool is_single() const noexcept { return length == address.bits(); }
  std::string ToString() const;  // a single address without its length

  friend bool operator==(const Prefix&, const Prefix&) = default;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Prefix& p) {
    return H::combine(std::move(h), p.address, p.length);
  }
};

// The rungs on which evidence about a source is counted, narrowest first; the ASN rung above them is a number, not a
// prefix. v4: one address, the /24 that one allocation or one site usually fills. v6: one host, one subnet (/64),
// one home (/56), one site or small provider block (/48).
inline constexpr std::array<uint8_t, 2> kLadderV4 = {32, 24};
inline constexpr std::array<uint8_t, 4> kLadderV6 = {128, 64, 56, 48};

// The prefix lengths of an address's ladder.
inline std::span<const uint8_t> Ladder(const Address& address) noexcept {
  return address.is_v4() ? std::span<const uint8_t>(kLadderV4) : std::span<const uint8_t>(kLadderV6);
}

// The field source.prefix: one rung above the address itself, /24 or /64.
inline Prefix SourcePrefix(const Address& address) noexcept {
  return Prefix::Around(address, address.is_v4() ? 24 : 64);
}

}  // namespace stockade
