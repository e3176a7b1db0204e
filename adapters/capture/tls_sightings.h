// Which TLS stack an address was seen with lately: what joins a ClientHello in front of the terminator to a login behind it,
// where no connection and no field says that they belong together.
//
// Joined by address and time: a login is given the fingerprint that its client's address showed within kJoinNs before it, if
// there was one alone. Where an address showed several (an office, a mobile network's NAT), nobody can say whose the login
// was, and it gets none; that is counted (Found::ambiguous), never guessed.
//
// Hellos that are one client's, whose newest then counts:
// - with one JA4; the JA3 is another each time, where a browser shuffles its extensions;
// - whose JA4s are the same known stack's (client_hello/stack_table.h): a session resumed or another ALPN changes a JA4, and
//   not whose it is. Where the table knows one of them by its ciphers alone, and these may be of several stacks, the other must
//   be among them and have the same ciphers;
// - with the same ciphers and the same extensions, and another version, server name or ALPN.
// A browser over HTTP/3 offers the three suites that everyone does: nothing says that it is the one over TCP, and both
// together are ambiguous.
//
// Memory: at most kAddressesMax addresses of some 300 bytes; the one seen longest ago gives way. Cost: a look-up. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <list>

#include "absl/container/flat_hash_map.h"
#include "adapters/client_hello/client_fingerprint.h"
#include "engine/event/address.h"

namespace stockade {

class TlsSightings {
 public:
  // Terminators keep a connection open for 75 s (nginx) to some minutes; a login later on it is joined to nothing.
  static constexpr int64_t kJoinNs = int64_t{300} * 1'000'000'000;
  // Hello and login come over two ports of a mirror; what is behind by more is not the cause of what was before.
  static constexpr int64_t kAheadNsMax = 100'000'000;
  static constexpr size_t kAddressesMax = 65536;

  TlsSightings() = default;
  TlsSightings(TlsSightings&&) = default;  // a copy's index would point into the original

  void Note(const Address& client, ClientFingerprint fingerprint, int64_t time_ns);

  struct Found {
    const ClientFingerprint* fingerprint = nullptr;  // until the next Note
    bool ambiguous = false;
  };
  Found Find(const Address& client, int64_t time_ns) const;

  size_t addresses() const noexcept { return by_address_.size(); }

 private:
  struct Sighting {
    ClientFingerprint fingerprint;
    int64_t time_ns = 0;
  };
  // The two newest that differ: with two in the time there is no answer, and a third changes nothing.
  struct Seen {
    Address client;
    std::array<Sighting, 2> newest;
    int count = 0;
  };
  std::list<Seen> seen_;  // the longest ago in front
  absl::flat_hash_map<Address, std::list<Seen>::iterator> by_address_;
};

}  // namespace stockade
