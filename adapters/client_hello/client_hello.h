// A TLS ClientHello, read: what a client offers before anything is agreed, and so what it is known by.
//
// Strict about the frame (every length inside its message, the extensions exactly to its end): whoever sends another is
// refused by the servers of this world, and no login comes of it. Lenient about extensions, where servers differ: one whose
// body cannot be read counts as empty, of one that stands there twice the first is read, and has_broken_extension says so.
// So nobody hides his fingerprint by a fault that his server forgives.
//
// The views are into the message given, which must outlive them. Allocates nothing; noexcept; any thread. Cost 0.1 µs for a
// browser's. Bounds: a message is at most kHelloBytesMax for whoever collects one; Parse itself is linear in it.
// Sources: RFC 8446 §4.1.2 and §4.2, RFC 5246 §7.4.1.2, RFC 6066 §3 (server_name), RFC 7301 (ALPN), RFC 8701 (GREASE),
// RFC 9147 §5.3 (DTLS). Oracle: tests/adapters/client_hello, against what curl-impersonate, Arkime and Suricata say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stockade {

// The longest that is collected from a stream. Browsers send 0.5 to 2 KiB, with ECH, two post-quantum shares and a fat
// session ticket 6; OpenSSL would take 131,396. What is longer is named, not read.
inline constexpr size_t kHelloBytesMax = size_t{64} << 10;

// What it came over: the first letter of a JA4.
enum class HelloTransport : uint8_t { kTcp, kQuic, kDtls };

// 16-bit numbers as they stand in the message.
class WireNumbers {
 public:
  WireNumbers() = default;
  // `bytes` of even length; of odd length the last is not seen.
  explicit WireNumbers(std::string_view bytes) : bytes_(bytes) {}

  size_t size() const noexcept { return bytes_.size() / 2; }
  bool empty() const noexcept { return size() == 0; }
  uint16_t operator[](size_t index) const noexcept {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes_[2 * index]) << 8 |
                                 static_cast<uint8_t>(bytes_[2 * index + 1]));
  }

 private:
  std::string_view bytes_;
};

// Extensions with which this reader can do something.
inline constexpr uint16_t kServerNameExtension = 0;
inline constexpr uint16_t kSupportedGroupsExtension = 10;
inline constexpr uint16_t kPointFormatsExtension = 11;
inline constexpr uint16_t kSignatureAlgorithmsExtension = 13;
inline constexpr uint16_t kAlpnExtension = 16;
inline constexpr uint16_t kSupportedVersionsExtension = 43;

// A value that clients make up so that servers do not grow rigid: 0x0a0a, 0x1a1a … 0xfafa.
constexpr bool IsGrease(uint16_t value) noexcept {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

struct ClientHello {
  uint16_t legacy_version = 0;  // 0x0303 for TLS 1.2 and all later
  std::string_view session_id;
  WireNumbers cipher_suites;
  std::string_view compression_methods;
  bool has_extensions = false;  // a message may end before them; TLS 1.0 clients did
  std::string_view extensions;  // as they stand there; VisitExtensions

  WireNumbers supported_groups;
  std::string_view point_formats;
  WireNumbers signature_algorithms;
  WireNumbers supported_versions;
  std::string_view alpn;         // the list of names, each behind its length; FirstAlpn
  bool has_server_name = false;  // the extension is there, whatever stands in it
  std::string_view server_name;  // the first host_name
  bool has_broken_extension = false;
};

enum class HelloError : uint8_t {
  kNone,
  kNotClientHello,  // a handshake message of another type
  kTruncated,       // a length reaches past the end
  kTrailing,        // bytes behind the end
  kBadLength,       // a length that cannot be: odd ciphers, no compression method, a session id above 32
};
// "truncated", for counters and tests.
std::string_view Name(HelloError error) noexcept;

// `message`: the handshake message, with its four bytes of type and length; for DTLS the message put together, its header
// without sequence and fragment, four bytes too.
HelloError ParseClientHello(std::string_view message, HelloTransport transport, ClientHello* hello) noexcept;

// The first name that a client offers, "h2"; empty where it offers none. GREASE is passed over.
std::string_view FirstAlpn(const ClientHello& hello) noexcept;

// Calls visit(uint16_t type, std::string_view body) for each extension, in the order of the message.
template <typename Visit>
void VisitExtensions(const ClientHello& hello, Visit visit) {
  std::string_view left = hello.extensions;
  while (left.size() >= 4) {
    const WireNumbers head(left.substr(0, 4));
    const size_t size = head[1];
    if (left.size() - 4 < size) return;  // never in a hello that was parsed
    visit(head[0], left.substr(4, size));
    left.remove_prefix(4 + size);
  }
}

}  // namespace stockade
