// Who is asking: the address of the client behind the proxies that an operator has listed.
//
//   peer   = reader.ConnectionPeer(socket_peer, proxy_header)   once a connection
//   client = reader.Read(peer, request.fields)                  once a request
//
// The walk begins at the peer and goes left through X-Forwarded-For or Forwarded, one hop a listed proxy: each element
// was written by the proxy at the hop to its right, so it is worth as much as that proxy. The first hop that is not
// listed is the client: the right-most untrusted one. What stands further left, the client itself may have written, and
// is never looked at. A peer that is not listed is the client, whatever it sends.
//
// An element that cannot be read, or names nobody ("unknown", "_hidden"), stops the walk at the hop that wrote it: the
// last address that somebody listed vouched for. Going on to the left instead would let a client choose its address
// wherever it can make a proxy write one bad element. The price: such requests count as the proxy's own, which is why
// the end of every walk is said (Stop), to be counted and shown.
//
// X-Forwarded-For: an address, or with a port "1.2.3.4:80", "[::1]:80"; several lines are one list (RFC 9110 §5.3); an
// empty element is a bad one. Forwarded: RFC 7239, as it stands there: brackets and ports must be quoted, a parameter
// stands once, an element without `for` names nobody. Elements are found from the right, so that an open quote on the
// left, in what the client sent, cannot swallow what a proxy appended.
//
// Addresses fold as everywhere (engine/event/address.h). A peer without an address came over a unix socket; the file's
// permissions decided who that may be, and it counts as listed.
//
// Immutable; any thread at once. Read allocates nothing: some 30 ns where the peer is not listed, 100 to 200 ns a hop.
// Oracle: tests/adapters/gateway/client_address_test.cc walks lists that it made itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "adapters/gateway/proxy_protocol.h"
#include "adapters/http/http_message.h"
#include "engine/decision/prefix_map.h"
#include "engine/event/address.h"

namespace stockade {

// The field that listed proxies write (client_address_header). One, not several: a proxy appends to the field it knows
// and passes the other one on as the client sent it.
enum class ForwardingField : uint8_t { kNone, kXForwardedFor, kForwarded };
// "none", "x-forwarded-for", "forwarded"; nothing for any other text.
std::optional<ForwardingField> ParseForwardingField(std::string_view name) noexcept;

// Listed proxies in a row that a walk goes through. Real chains have two to four; a client that writes listed addresses
// itself gets no further.
inline constexpr int kForwardingHopsMax = 16;

// Fields that say who the client is, in lower case. Whoever passes a request on takes those off that an unlisted peer
// sent, before it writes its own.
inline constexpr std::string_view kForwardingFields[] = {"forwarded", "x-forwarded-for", "x-real-ip"};

struct ClientAddress {
  enum class Stop : uint8_t {
    kPeer,     // the peer is not listed: it is the client
    kFound,    // a hop that is not listed
    kListEnd,  // every hop is listed: the left-most (or the peer, where no field came)
    kHidden,   // the element left of `address` names nobody
    kBroken,   // the element left of `address` cannot be read
    kTooMany,  // kForwardingHopsMax listed hops in a row
  };
  Address address;  // absent only where the peer was, and nothing better was found
  Stop stop = Stop::kPeer;
};
std::string_view Name(ClientAddress::Stop stop) noexcept;

class ClientAddressReader {
 public:
  ClientAddressReader(std::span<const Prefix> listed_proxies, ForwardingField field);

  // Whether this peer may say who its client is, and which certificate it showed. True for an absent address.
  bool Lists(const Address& peer) const noexcept;

  // The peer of a connection that began with a PROXY header: the one it names, if the socket's peer is listed and it
  // names one; else the socket's.
  Address ConnectionPeer(const Address& socket_peer, const ProxyHeader& header) const noexcept;

  ClientAddress Read(const Address& peer, std::span<const HeaderField> fields) const noexcept;

 private:
  PrefixMap listed_;
  ForwardingField field_;
};

}  // namespace stockade
