// The PROXY protocol, versions 1 and 2: what a load balancer says, ahead of the first byte of a connection, about who
// connected to it. Source: HAProxy, doc/proxy-protocol.txt (2020/03/05); its section numbers are quoted below.
//
//   const ProxyHeaderRead read = ReadProxyHeader(bytes_received_so_far);
//   kMore: read on until read.bytes have arrived, and ask again with all of them · kDone: drop read.bytes, go on ·
//   kBroken: close; there is no way to find where the stream begins.
//
// Call it only where the listener is set to expect a header: "the receiver MUST NOT try to guess whether the header is
// present" (§2). A header is a claim: whether it is believed depends on who sent it (client_address.h).
//
// Strict, because what one reader skips another obeys: v1 is one line of at most 107 bytes that ends in CRLF, with
// single spaces, canonical ports and addresses of the family it names; v2 has its signature, version 2, a known command
// and family, a length that holds its addresses, and TLVs that fill the rest exactly. LOCAL and UNSPEC: the block is
// skipped unread (§2.2), as is all that follows UNKNOWN (§2.1). A CRC32C is verified where one is sent.
//
// Cost: below a microsecond; reads the bytes from the start each time, at most kProxyHeaderBytesMax of them. Allocates
// nothing, noexcept, any thread. Oracles: real HAProxy, and the examples of the document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/event/address.h"

namespace stockade {

// A v1 line with its CRLF: "worst case … 107 chars" (§2.1).
inline constexpr size_t kProxyLineBytesMax = 107;
// A v2 header. Addresses take at most 216 bytes; what real balancers add (name, TLS version, certificate's CN, cloud
// endpoint ids) some hundreds. 4 KiB is room for several, and no buffer that a stranger could have us hold.
inline constexpr size_t kProxyHeaderBytesMax = 16 + 4096;
// More TLVs than any sender has types to send.
inline constexpr int kProxyTlvsMax = 64;

enum class ProxyHeaderError : uint8_t {
  kNone,
  kNoHeader,     // the first bytes are neither version's signature
  kLineTooLong,  // v1: no CRLF within 107 bytes
  kBadLine,      // v1: a bare CR or LF, not the five parts, or an unknown protocol word
  kBadAddress,   // v1: not an address of the family named
  kBadPort,      // v1: not a canonical number up to 65535
  kBadVersion,   // v2: the version is not 2
  kBadCommand,   // v2: neither LOCAL nor PROXY
  kBadFamily,    // v2: a family or transport that the document does not assign
  kBadLength,    // v2: too short for its addresses, or longer than kProxyHeaderBytesMax
  kBadTlv,       // v2: a TLV that reaches past the end, is too short for its type, or one too many
  kBadChecksum,  // v2: CRC32C does not hold, or stands twice
};
std::string_view Name(ProxyHeaderError error) noexcept;

struct ProxyHeader {
  // Who connected to the balancer. Absent: the header names nobody (LOCAL, UNKNOWN, UNSPEC, a unix socket), and the
  // socket's own peer is to be used.
  Address peer;
  uint16_t peer_port = 0;
  // PP2_TYPE_SSL, as the balancer tells it; false where none was sent. For logs: a flag is no certificate, and the gate
  // takes none for one.
  bool tls = false;
  bool client_certificate = false;           // the client showed one, on this connection or in its session
  bool client_certificate_verified = false;  // and the balancer verified it
};

enum class ProxyHeaderState : uint8_t { kMore, kDone, kBroken };

struct ProxyHeaderRead {
  ProxyHeaderState state = ProxyHeaderState::kMore;
  ProxyHeaderError error = ProxyHeaderError::kNone;  // other than kNone where kBroken
  // kDone: the length of the header. kMore: how many bytes, from the start, there must be before an answer is possible;
  // always more than there were, and never a byte behind the header, so that who reads just these leaves what follows
  // (a TLS handshake) in the socket. kBroken: 0.
  size_t bytes = 0;
  ProxyHeader header;  // where kDone
};

// `bytes`: everything the connection sent so far, from its first byte on.
ProxyHeaderRead ReadProxyHeader(std::string_view bytes) noexcept;

// CRC-32C (RFC 3720 appendix B.4), as the header's checksum uses it; for tests that build headers.
uint32_t Crc32c(std::string_view bytes) noexcept;

}  // namespace stockade
