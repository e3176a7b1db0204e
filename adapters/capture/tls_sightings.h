// Which TLS stack an address was seen with lately: what joins a ClientHello in front of the terminator to a login behind it,
// where no connection and no field says that they belong together.
//
// Joined by address and time: a login is given the fingerprint that its client's address showed within kJoinNs before it, if
// there was one alone. Where an address showed several (an office, a mobile network's NAT), nobody can say whose the login
// was, and it gets none; that is counted (Found::ambiguous), never guessed. Two hellos with one JA4 are one fingerprint: the
// JA3 is then the newest's, for browsers that shuffle their extensions have a new one each time.
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
