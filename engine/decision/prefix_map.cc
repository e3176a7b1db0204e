#include "engine/decision/prefix_map.h"

#include <algorithm>

namespace stockade {

void PrefixMap::Lengths::Relist() noexcept {
  present_size = 0;
  for (size_t length = counts.size(); length-- > 0;)
    if (counts[length] > 0) present[present_size++] = static_cast<uint8_t>(length);
}

void PrefixMap::Lengths::Add(uint8_t length) noexcept {
  if (counts[length]++ == 0) Relist();
}

void PrefixMap::Lengths::Drop(uint8_t length) noexcept {
  if (--counts[length] == 0) Relist();
}

bool PrefixMap::Insert(const Prefix& prefix, uint32_t value) {
  if (!prefix.address.present()) return false;
  if (size() >= kPrefixesMax && !Find(prefix)) return false;
  if (prefix.is_single()) {
    singles_[prefix.address] = value;
  } else if (networks_.insert_or_assign(prefix, value).second) {
    LengthsOf(prefix.address).Add(prefix.length);
  }
  return true;
}

bool PrefixMap::Remove(const Prefix& prefix) {
  if (!prefix.address.present()) return false;
  if (prefix.is_single()) return singles_.erase(prefix.address) > 0;
  if (networks_.erase(prefix) == 0) return false;
  LengthsOf(prefix.address).Drop(prefix.length);
  return true;
}

void PrefixMap::Clear() {
  *this = PrefixMap();
}

std::optional<uint32_t> PrefixMap::Find(const Prefix& prefix) const noexcept {
  if (prefix.is_single()) {
    const auto found = singles_.find(prefix.address);
    return found == singles_.end() ? std::nullopt : std::optional<uint32_t>(found->second);
  }
  const auto found = networks_.find(prefix);
  return found == networks_.end() ? std::nullopt : std::optional<uint32_t>(found->second);
}

std::optional<PrefixMap::Match> PrefixMap::FindLongest(const Address& address) const noexcept {
  if (!address.present()) return std::nullopt;
  if (const auto single = singles_.find(address); single != singles_.end())
    return Match{Prefix{address, static_cast<uint8_t>(address.bits())}, single->second};
  const Lengths& lengths = LengthsOf(address);
  for (size_t i = 0; i < lengths.present_size; ++i) {
    const auto network = networks_.find(Prefix::Around(address, lengths.present[i]));
    if (network != networks_.end()) return Match{network->first, network->second};
  }
  return std::nullopt;
}

std::vector<PrefixMap::Match> PrefixMap::Entries() const {
  std::vector<Match> entries;
  entries.reserve(size());
  for (const auto& [address, value] : singles_)
    entries.push_back({Prefix{address, static_cast<uint8_t>(address.bits())}, value});
  for (const auto& [network, value] : networks_) entries.push_back({network, value});
  std::sort(entries.begin(), entries.end(),
            [](const Match& a, const Match& b) { return a.prefix < b.prefix; });
  return entries;
}

size_t PrefixMap::bytes() const noexcept {
  return singles_.capacity() * (sizeof(Address) + sizeof(uint64_t) + 1) +
         networks_.capacity() * (sizeof(Prefix) + sizeof(uint64_t) + 1);
}

}  // namespace stockade
