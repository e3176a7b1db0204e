#include "adapters/capture/tls_sightings.h"

#include <iterator>
#include <utility>

namespace stockade {

void TlsSightings::Note(const Address& client, ClientFingerprint fingerprint, int64_t time_ns) {
  if (!client.present() || fingerprint.ja4.empty()) return;
  const auto known = by_address_.find(client);
  if (known == by_address_.end()) {
    if (by_address_.size() == kAddressesMax) {
      by_address_.erase(seen_.front().client);
      seen_.pop_front();
    }
    seen_.emplace_back().client = client;
    by_address_.emplace(client, std::prev(seen_.end()));
  } else {
    seen_.splice(seen_.end(), seen_, known->second);
  }
  Seen& seen = seen_.back();
  if (seen.count == 0 || seen.newest[0].fingerprint.ja4 != fingerprint.ja4) {
    seen.newest[1] = std::move(seen.newest[0]);
    seen.count = seen.count == 0 ? 1 : 2;
  }
  seen.newest[0] = {std::move(fingerprint), time_ns};
}

TlsSightings::Found TlsSightings::Find(const Address& client, int64_t time_ns) const {
  Found found;
  const auto known = by_address_.find(client);
  if (known == by_address_.end()) return found;
  const Seen& seen = *known->second;
  for (int i = 0; i < seen.count; ++i) {
    const Sighting& sighting = seen.newest[static_cast<size_t>(i)];
    if (sighting.time_ns > time_ns + kAheadNsMax || time_ns - sighting.time_ns > kJoinNs) continue;
    if (found.fingerprint != nullptr) return {nullptr, true};
    found.fingerprint = &sighting.fingerprint;
  }
  return found;
}

}  // namespace stockade
