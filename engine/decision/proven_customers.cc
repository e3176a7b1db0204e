#include "engine/decision/proven_customers.h"

#include <algorithm>
#include <bit>

#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A turn has to be looked at that many turns before it comes for its customer's record to be there.
constexpr size_t kTurnsAhead = 8;
// Where so many in a row are of the last hour nearly all are, and the oldest leaves instead.
constexpr size_t kSearchMax = 256;

bool IsRung(const Prefix& prefix) noexcept {
  const auto ladder = Ladder(prefix.address);
  return std::find(ladder.begin(), ladder.end(), prefix.length) != ladder.end();
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
      customers_max_(std::clamp<size_t>(customers_max, 64, kNobody)),
      sources_(customers_max * kCustomerBytes / 4),
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

ProvenCustomers::CustomerNumber ProvenCustomers::Find(uint64_t account) const noexcept {
  const CustomerNumber* const number = numbers_.Find(account);
  return number != nullptr && customers_[*number].account == account ? *number : kNobody;
}

ProvenCustomers::CustomerNumber ProvenCustomers::NumberOf(uint64_t account) {
  CustomerNumber number = Find(account);
  if (number != kNobody) return number;
  if (customers_.size() < customers_max_) {
    // Doubled up to what is the most, and not beyond.
    if (customers_.size() == customers_.capacity())
      customers_.reserve(std::clamp<size_t>(2 * customers_.size(), 64, customers_max_));
    number = static_cast<CustomerNumber>(customers_.size());
    customers_.emplace_back();
  } else {
    number = MakeRoom();
    customers_[number] = {};
  }
  customers_[number].account = account;
  numbers_.FindOrMake(
      account, [this](uint64_t name, CustomerNumber of) { return customers_[of].account == name; }) = number;
  return number;
}

ProvenCustomers::CustomerNumber ProvenCustomers::MakeRoom() {
  const size_t searched_max = counted_ == customers_.size() ? 0 : kSearchMax;
  for (size_t searched = 0; searched < searched_max; ++searched) {
    hand_ = hand_ + 1 < customers_.size() ? hand_ + 1 : 0;
    if (!customers_[hand_].is_counted) return static_cast<CustomerNumber>(hand_);
  }
  while (turns_.empty()) OpenShelf(opened_ + 1);
  const CustomerNumber oldest = turns_.top().token;
  turns_.Pop();
  Leave(oldest);
  return oldest;
}

void ProvenCustomers::Count(const Places& places, bool comes) {
  const auto count = [&](uint64_t place) {
    if (place == 0) return;
    uint32_t& number = counts_.FindOrMake(place, [](uint64_t, uint32_t many) { return many != 0; });
    number += comes ? 1 : UINT32_MAX;  // one less
  };
  for (const uint64_t rung : places.rungs) count(rung);
  count(places.as);
  count(places.browser);
}

void ProvenCustomers::Leave(CustomerNumber number) {
  Customer& customer = customers_[number];
  customer.is_counted = false;
  --counted_;
  Count(customer.places, false);
}

void ProvenCustomers::PutTurn(CustomerNumber number) {
  const int64_t until_ms = customers_[number].time_ms + kSpanMs;
  const int64_t shelf = ShelfAt(until_ms);
  if (shelf > opened_ && shelf - opened_ < static_cast<int64_t>(kShelves)) {
    ShelfOf(shelf).push_back(number);
  } else {
    turns_.Push(until_ms, number);  // soon, or of a wild clock
  }
}

void ProvenCustomers::OpenShelf(int64_t shelf) {
  opened_ = shelf;
  opening_.swap(ShelfOf(shelf));
  for (size_t i = 0; i < opening_.size(); ++i) {
    if (i + kTurnsAhead < opening_.size()) __builtin_prefetch(&customers_[opening_[i + kTurnsAhead]]);
    const CustomerNumber number = opening_[i];
    const int64_t until_ms = customers_[number].time_ms + kSpanMs;
    if (ShelfAt(until_ms) <= shelf) {
      leaving_.push_back({until_ms, number});
    } else {
      PutTurn(number);
    }
  }
  opening_.clear();
  // In order they wait in the queue's row.
  std::sort(leaving_.begin(), leaving_.end(), [](const Turn& a, const Turn& b) {
    return a.when_ms != b.when_ms ? a.when_ms < b.when_ms : a.token < b.token;
  });
  for (const Turn& turn : leaving_) turns_.Push(turn.when_ms, turn.token);
  leaving_.clear();
}

void ProvenCustomers::Forget(int64_t now_ms) {
  newest_ms_ = std::max(newest_ms_, now_ms);
  const int64_t shelf = ShelfAt(newest_ms_);
  if (opened_ < shelf) {
    // After a night each is opened once.
    opened_ = std::max(opened_, shelf - static_cast<int64_t>(kShelves));
    while (opened_ < shelf) OpenShelf(opened_ + 1);
  }
  while (!turns_.empty() && turns_.top().when_ms <= newest_ms_) {
    const CustomerNumber number = turns_.top().token;
    turns_.Pop();
    if (customers_[number].time_ms + kSpanMs > newest_ms_) {
      PutTurn(number);
    } else {
      Leave(number);
    }
    // Of those who leave next, mostly not now.
    if (const Turn* const next = turns_.Following(0); next != nullptr) PrefetchCounts(next->token);
    if (const Turn* const later = turns_.Following(2); later != nullptr)
      __builtin_prefetch(&customers_[later->token].places);
  }
}

ProvenCustomers::CustomerNumber ProvenCustomers::PrefetchCustomer(const Hash128& account) const noexcept {
  const CustomerNumber* const number = numbers_.Find(NameOf(account));
  if (number == nullptr) return kNobody;
  __builtin_prefetch(&customers_[*number]);
  __builtin_prefetch(&customers_[*number].places);
  return *number;
}

void ProvenCustomers::PrefetchCounts(CustomerNumber number) const noexcept {
  for (const uint64_t rung : customers_[number].places.rungs)
    if (rung != 0) counts_.Prefetch(rung);
}

void ProvenCustomers::PrefetchPlaces(CustomerNumber number, const Address& source,
                                     int64_t time_ms) const noexcept {
  if (number >= customers_.size()) return;
  const Customer& customer = customers_[number];
  const bool comes_as_before = customer.source == source;
  if (!customer.is_counted || !comes_as_before) PrefetchCounts(number);
  if (IsNoted(customer, time_ms) && comes_as_before) return;
  active_.Prefetch(customer.account);
  if (!comes_as_before) return;  // where to is worked out in its turn
  for (const uint64_t rung : customer.places.rungs)
    if (rung != 0) sources_.Prefetch(rung);
}

void ProvenCustomers::Note(const Attempt& attempt, int64_t time_ms, const Hashes& known) {
  const uint64_t account =
      NameOf(known.account != nullptr ? *known.account : SipHash128(key_, attempt.account));
  uint64_t fingerprint = 0;
  if (known.fingerprint != nullptr) {
    fingerprint = known.fingerprint->low;
  } else if (HasFingerprint(attempt)) {
    fingerprint = FingerprintHash(key_, attempt.ja4, attempt.user_agent).low;
  }
  Forget(time_ms);
  const bool is_hinted = known.customer < customers_.size() && customers_[known.customer].account == account;
  const CustomerNumber number = is_hinted ? known.customer : NumberOf(account);
  Customer& customer = customers_[number];
  const bool comes_as_before =
      customer.source == attempt.source && customer.asn == attempt.asn && customer.fingerprint == fingerprint;
  const bool was_counted = customer.is_counted;
  customer.time_ms = was_counted ? std::max(customer.time_ms, time_ms) : time_ms;
  if (!was_counted) {
    customer.is_counted = true;
    ++counted_;
    PutTurn(number);
  }
  const bool is_noted = comes_as_before && IsNoted(customer, time_ms);
  if (was_counted && is_noted) return;

  const Places before = customer.places;
  if (!comes_as_before) {
    customer.source = attempt.source;
    customer.asn = attempt.asn;
    customer.fingerprint = fingerprint;
    customer.places = PlacesOf(attempt.source, attempt.asn, fingerprint);
    PrefetchCounts(number);
  }
  const Places& places = customer.places;
  if (!is_noted) {
    // All on their way before the first is needed.
    for (const uint64_t rung : places.rungs)
      if (rung != 0) sources_.Prefetch(rung);
    customer.noted_ms = time_ms;
    active_.Note(account, places.as == 0 ? 0 : MarkOf(places.as),
                 places.browser == 0 ? 0 : MarkOf(places.browser), time_ms);
    const auto tag = static_cast<uint32_t>(account >> 32);
    for (const uint64_t rung : places.rungs)
      if (rung != 0) sources_.Note(rung, tag == 0 ? 1 : tag, time_ms);
  }
  if (was_counted && comes_as_before) return;
  if (was_counted) Count(before, false);
  Count(places, true);
}

void ProvenCustomers::SetNow(int64_t now_ms) noexcept {
  newest_ms_ = now_ms;
  // What waits on a shelf is looked at too early then, which costs a look.
  opened_ = std::min(opened_, ShelfAt(now_ms));
  active_.SetNow(now_ms);
}

size_t ProvenCustomers::total(int64_t now_ms) {
  Forget(now_ms);
  return counted_;
}

size_t ProvenCustomers::Touched(const Decision& decision, int64_t now_ms) {
  Forget(now_ms);
  if (NamesAddresses(decision.scope) && !IsRung(decision.prefix)) return CountInside(decision.prefix);
  const uint64_t place = PlaceOf(decision);
  const uint32_t* const count = place == 0 ? nullptr : counts_.Find(place);
  return count == nullptr ? 0 : *count;
}

size_t ProvenCustomers::CountInside(const Prefix& network) const {
  return static_cast<size_t>(std::count_if(customers_.begin(), customers_.end(), [&](const auto& one) {
    return one.is_counted && one.source.present() && network.Contains(one.source);
  }));
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
    sources_.Find(PlaceOf(NthBeside(first, i)), now_ms, &found);
  return found.size();
}

size_t ProvenCustomers::SharedBy(const Decision& decision, int64_t now_ms) {
  if (!NamesAddresses(decision.scope)) return 0;
  const Prefix& network = decision.prefix;
  if (IsRung(network)) {
    std::vector<uint32_t> found;
    sources_.Find(PlaceOf(network), now_ms, &found);
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
