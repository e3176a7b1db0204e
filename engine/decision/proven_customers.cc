#include "engine/decision/proven_customers.h"

#include <algorithm>
#include <bit>

#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kMsPerMinute = 60'000;

bool IsRung(const Prefix& prefix) noexcept {
  const auto ladder = Ladder(prefix.address);
  return std::find(ladder.begin(), ladder.end(), prefix.length) != ladder.end();
}

int32_t NewestMinute(const ProvenCustomers::Source& source) noexcept {
  return source.place == 0 ? INT32_MIN : *std::max_element(source.minutes.begin(), source.minutes.end());
}

// The n-th network of this size from this one on.
Prefix NthBeside(const Prefix& first, size_t n) noexcept {
  const Address& address = first.address;
  if (address.is_v4())
    return Prefix::Around(Address::V4(address.v4() + static_cast<uint32_t>(n << (32 - first.length))),
                          first.length);
  std::array<uint8_t, 16> bytes{};
  const uint64_t high = address.high() + (n << (64 - first.length));
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
  return Prefix::Around(Address::V6(bytes), first.length);
}

uint32_t MarkOf(uint64_t place) noexcept {
  const auto mark = static_cast<uint32_t>(place >> 32);
  return mark == 0 ? 1 : mark;
}

}  // namespace

ProvenCustomers::ProvenCustomers(const HashKey& key, size_t customers_max, size_t active_max)
    : key_(key),
      places_(key, "places"),
      customers_max_(std::max<size_t>(customers_max, 64)),
      sources_(std::bit_floor(std::max<size_t>(customers_max * kCustomerBytes / 4 / sizeof(Source), 64))),
      active_(active_max) {}

uint64_t ProvenCustomers::PlaceOf(Scope scope, uint64_t a, uint64_t b, uint32_t length) const noexcept {
  const uint64_t place = places_.Short(a, b, static_cast<uint64_t>(scope) << 32 | length);
  return place == 0 ? 1 : place;
}

uint64_t ProvenCustomers::PlaceOf(const Prefix& prefix) const noexcept {
  return PlaceOf(Scope::kRange, prefix.address.high(), prefix.address.low(),
                 static_cast<uint32_t>(prefix.address.bits() << 8) | prefix.length);
}

uint64_t ProvenCustomers::PlaceOf(const Decision& decision) const noexcept {
  switch (decision.scope) {
    case Scope::kIp:
    case Scope::kRange:
      return PlaceOf(decision.prefix);
    case Scope::kAsn: {
      uint64_t asn = 0;
      for (const char c : decision.value) asn = asn * 10 + static_cast<uint64_t>(c - '0');
      return PlaceOf(Scope::kAsn, asn, 0, 0);
    }
    case Scope::kFingerprint:
      return PlaceOf(Scope::kFingerprint, ParseHash128(decision.value).value_or(Hash128{}).low, 0, 0);
    case Scope::kAccount:
      break;
  }
  return 0;
}

ProvenCustomers::Places ProvenCustomers::PlacesOf(const Address& source, uint32_t asn,
                                                  uint64_t fingerprint) const noexcept {
  Places places;
  size_t size = 0;
  if (source.present())
    for (const uint8_t length : Ladder(source))
      places.rungs[size++] = PlaceOf(Prefix::Around(source, length));
  if (asn != 0) places.as = PlaceOf(Scope::kAsn, asn, 0, 0);
  if (fingerprint != 0) places.browser = PlaceOf(Scope::kFingerprint, fingerprint, 0, 0);
  return places;
}

void ProvenCustomers::Count(const Places& places, bool comes) {
  const auto count = [&](uint64_t place) {
    if (place == 0) return;
    if (comes) {
      ++counts_[place];
    } else if (const auto found = counts_.find(place); found != counts_.end() && --found->second == 0) {
      counts_.erase(found);
    }
  };
  for (const uint64_t rung : places.rungs) count(rung);
  count(places.as);
  count(places.browser);
}

void ProvenCustomers::Forget(int64_t now_ms) {
  newest_ms_ = std::max(newest_ms_, now_ms);
  while (!turns_.empty()) {
    const bool crowded = customers_.size() > customers_max_;
    if (!crowded && turns_.top().when_ms > newest_ms_) return;
    const auto found = customers_.find(turns_.top().token);
    const int64_t until_ms = found->second.time_ms + kSpanMs;
    const uint64_t account = found->first;
    turns_.Pop();
    if (!crowded && until_ms > newest_ms_) {
      turns_.Push(until_ms, account);
    } else {
      Count(PlacesOf(found->second), false);
      customers_.erase(found);
    }
    if (!turns_.empty()) customers_.prefetch(turns_.top().token);  // whose turn is next, mostly not now
  }
}

void ProvenCustomers::Note(const Attempt& attempt, int64_t time_ms, const Hashes& known) {
  const uint64_t account =
      known.account != nullptr ? known.account->low : SipHash128(key_, attempt.account).low;
  Forget(time_ms);
  const auto [place, is_new] = customers_.try_emplace(account);
  Customer& customer = place->second;
  customer.time_ms = std::max(customer.time_ms, time_ms);
  uint64_t fingerprint = 0;
  if (known.fingerprint != nullptr) {
    fingerprint = known.fingerprint->low;
  } else if (HasFingerprint(attempt)) {
    fingerprint = FingerprintHash(key_, attempt.ja4, attempt.user_agent).low;
  }
  const bool comes_as_before =
      customer.source == attempt.source && customer.asn == attempt.asn && customer.fingerprint == fingerprint;
  if (!is_new && comes_as_before && time_ms - customer.shared_ms < kSpanMs) return;
  const Places places = PlacesOf(attempt.source, attempt.asn, fingerprint);
  for (const uint64_t rung : places.rungs) __builtin_prefetch(&sources_[BucketBegin(rung)]);
  active_.Prefetch(account);
  if (is_new) {
    customer.time_ms = time_ms;
    turns_.Push(time_ms + kSpanMs, account);
  } else if (!comes_as_before) {
    Count(PlacesOf(customer), false);
  }
  if (is_new || !comes_as_before) {
    customer.source = attempt.source;
    customer.asn = attempt.asn;
    customer.fingerprint = fingerprint;
    Count(places, true);
  }
  customer.shared_ms = time_ms;
  active_.Note(account, places.as == 0 ? 0 : MarkOf(places.as),
               places.browser == 0 ? 0 : MarkOf(places.browser), time_ms);
  const auto tag = static_cast<uint32_t>(account >> 32);
  for (const uint64_t rung : places.rungs)
    if (rung != 0) NoteShared(rung, tag == 0 ? 1 : tag, time_ms);
  if (customers_.size() > customers_max_) Forget(time_ms);
}

ProvenCustomers::Source* ProvenCustomers::FindOrOldest(uint64_t place) noexcept {
  Source* const bucket = &sources_[BucketBegin(place)];
  Source* oldest = bucket;
  for (Source* way = bucket; way < bucket + kWays; ++way) {
    if (way->place == place) return way;
    if (NewestMinute(*way) < NewestMinute(*oldest)) oldest = way;
  }
  return oldest;
}

void ProvenCustomers::NoteShared(uint64_t place, uint32_t account, int64_t time_ms) {
  const auto minute = static_cast<int32_t>(time_ms / kMsPerMinute);
  Source* const source = FindOrOldest(place);
  if (source->place != place) {
    *source = Source{};
    source->place = place;
    source->minutes.fill(INT32_MIN);
  }
  size_t at = 0;
  for (size_t i = 0; i < kSharedMax; ++i) {
    if (source->accounts[i] == account) {
      at = i;
      break;
    }
    if (source->minutes[i] < source->minutes[at]) at = i;
  }
  source->accounts[at] = account;
  source->minutes[at] = std::max(minute, source->minutes[at]);
}

bool ProvenCustomers::CopySources(size_t count, size_t* next, std::vector<Source>* out) const {
  const size_t end = std::min(sources_.size(), *next + count);
  for (; *next < end; ++*next)
    if (sources_[*next].place != 0) out->push_back(sources_[*next]);
  return end < sources_.size();
}

bool ProvenCustomers::Restore(const Source& source) noexcept {
  Source* const to = FindOrOldest(source.place);
  if (to->place == source.place) return false;
  if (to->place == 0 || NewestMinute(*to) <= NewestMinute(source)) *to = source;
  return true;
}

void ProvenCustomers::ClearSources() noexcept {
  std::fill(sources_.begin(), sources_.end(), Source{});
}

size_t ProvenCustomers::total(int64_t now_ms) {
  Forget(now_ms);
  return customers_.size();
}

size_t ProvenCustomers::Touched(const Decision& decision, int64_t now_ms) {
  Forget(now_ms);
  if (NamesAddresses(decision.scope) && !IsRung(decision.prefix)) return CountInside(decision.prefix);
  const auto found = counts_.find(PlaceOf(decision));
  return found == counts_.end() ? 0 : found->second;
}

size_t ProvenCustomers::CountInside(const Prefix& network) const {
  return static_cast<size_t>(std::count_if(customers_.begin(), customers_.end(), [&](const auto& one) {
    return one.second.source.present() && network.Contains(one.second.source);
  }));
}

void ProvenCustomers::FindShared(uint64_t place, int64_t now_ms, std::vector<uint32_t>* found) const {
  const Source* const bucket = &sources_[BucketBegin(place)];
  const int64_t oldest_minute = (now_ms - kSharedSpanMs) / kMsPerMinute;
  for (const Source* way = bucket; way < bucket + kWays; ++way) {
    if (way->place != place) continue;
    for (size_t i = 0; i < kSharedMax; ++i) {
      if (way->minutes[i] <= oldest_minute || found->size() == kSharedMax) continue;
      if (std::find(found->begin(), found->end(), way->accounts[i]) == found->end())
        found->push_back(way->accounts[i]);
    }
    return;
  }
}

size_t ProvenCustomers::SharedWithin(const Prefix& network, int64_t now_ms) const {
  // The widest rung that lies within it. Within a /64 of IPv6 there are too many hosts to ask: it is judged as a whole.
  uint8_t rung = 0;
  for (const uint8_t length : Ladder(network.address))
    if (length > network.length && (rung == 0 || length < rung)) rung = length;
  if (network.address.is_v6() && rung == 128) rung = 64;
  std::vector<uint32_t> found;
  const Prefix first = Prefix::Around(network.address, rung);
  const size_t rungs = network.length >= rung ? 1 : size_t{1} << (rung - network.length);
  for (size_t i = 0; i < rungs && found.size() < kSharedMax; ++i)
    FindShared(PlaceOf(NthBeside(first, i)), now_ms, &found);
  return found.size();
}

size_t ProvenCustomers::SharedBy(const Decision& decision, int64_t now_ms) {
  if (!NamesAddresses(decision.scope)) return 0;
  const Prefix& network = decision.prefix;
  if (IsRung(network)) {
    std::vector<uint32_t> found;
    FindShared(PlaceOf(network), now_ms, &found);
    return found.size();
  }
  const int widest = Ladder(network.address).back() - std::countr_zero(kRungsMax);
  if (network.length < widest) return std::min(Touched(decision, now_ms), kSharedMax);
  return SharedWithin(network, now_ms);
}

ActiveCustomers::Count ProvenCustomers::TouchedActive(const Decision& decision, size_t shared,
                                                      int64_t now_ms) {
  if (NamesAddresses(decision.scope)) return {shared, false};
  const uint64_t place = PlaceOf(decision);
  return place == 0 ? ActiveCustomers::Count{} : active_.With(MarkOf(place), now_ms);
}

}  // namespace stockade
