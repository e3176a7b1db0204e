#include "adapters/capture/tls_sightings.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "adapters/client_hello/stack_table.h"

namespace stockade {
namespace {

// "t13d1516h2_8daaf6152771_d8a2da3f94cd": what a client is and asks for, its ciphers, its extensions.
constexpr size_t kCiphersAt = 11;
constexpr size_t kCiphersBytes = 12;

// Whether "a|b" has it.
bool HasStack(std::string_view stacks, std::string_view stack) noexcept {
  while (!stacks.empty()) {
    const size_t end = std::min(stacks.find('|'), stacks.size());
    if (stacks.substr(0, end) == stack) return true;
    stacks.remove_prefix(std::min(end + 1, stacks.size()));
  }
  return false;
}

bool IsOneClient(std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (a.size() != kJa4Bytes || b.size() != kJa4Bytes) return false;
  if (a.substr(kCiphersAt) == b.substr(kCiphersAt)) return true;
  const std::string_view stack = StackTable::Shipped().StackOf(a);
  const std::string_view other = StackTable::Shipped().StackOf(b);
  if (stack.empty() || other.empty()) return false;
  const bool is_one = stack == other && stack.find('|') == std::string_view::npos;
  if (is_one) return true;
  return a.substr(kCiphersAt, kCiphersBytes) == b.substr(kCiphersAt, kCiphersBytes) &&
         (stack == other || HasStack(stack, other) || HasStack(other, stack));
}

}  // namespace

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
  if (seen.count == 0 || !IsOneClient(seen.newest[0].fingerprint.ja4, fingerprint.ja4)) {
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
