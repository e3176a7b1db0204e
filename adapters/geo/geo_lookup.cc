#include "adapters/geo/geo_lookup.h"

#include <utility>

namespace stockade {
namespace {

// AA, AB, … ZZ: an attempt holds views.
constexpr std::array<char, size_t{26} * 26 * 2> MakeLetters() {
  std::array<char, size_t{26} * 26 * 2> letters{};
  for (size_t i = 0; i < size_t{26} * 26; ++i) {
    letters[2 * i] = static_cast<char>('A' + i / 26);
    letters[2 * i + 1] = static_cast<char>('A' + i % 26);
  }
  return letters;
}
constexpr std::array<char, size_t{26}* 26 * 2> kLetters = MakeLetters();

std::string_view CountryText(uint16_t country) noexcept {
  const size_t at = size_t{26} * (static_cast<size_t>(country >> 8) - 'A') + (country & 0xffU) - 'A';
  return {&kLetters[2 * at], 2};
}

constexpr int kV4Length = 24;
constexpr int kV6Length = 48;

// The network that is remembered, families apart.
uint64_t NetworkOf(const Address& source) noexcept {
  if (source.is_v4()) return uint64_t{1} << 62 | source.v4() >> (32 - kV4Length);
  return uint64_t{1} << 63 | source.high() >> (64 - kV6Length);
}

}  // namespace

GeoLookup::Place GeoLookup::Walk(const Address& source, bool* same_around) noexcept {
  Place place;
  const int length = source.is_v4() ? kV4Length : kV6Length;
  bool broken = false;
  *same_around = true;
  const auto ask = [&](const GeoDatabase* database) -> uint32_t {
    if (database == nullptr) return 0;
    const GeoDatabase::Found found = database->Find(source);
    broken = broken || found.broken;
    *same_around = *same_around && !found.broken && found.length <= length;
    return found.value;
  };
  place.asn = ask(databases_.asn.get());
  place.country = static_cast<uint16_t>(ask(databases_.country.get()));
  counts_.broken += broken ? 1 : 0;
  return place;
}

void GeoLookup::Fill(Attempt* attempt) noexcept {
  const bool wants_asn = attempt->asn == 0 && databases_.asn != nullptr;
  const bool wants_country = attempt->country.data() == nullptr && databases_.country != nullptr;
  if (!attempt->source.present() || (!wants_asn && !wants_country)) return;
  ++counts_.asked;
  const uint64_t network = NetworkOf(attempt->source);
  Place& place = places_[(network * 0x9e3779b97f4a7c15) >> 52];
  Place told = place;
  if (place.network == network) {
    ++counts_.remembered;
  } else {
    bool same_around = false;
    told = Walk(attempt->source, &same_around);
    told.network = network;
    if (same_around) place = told;
  }
  if (wants_asn) attempt->asn = told.asn;
  if (wants_country && told.country != 0) attempt->country = CountryText(told.country);
}

void GeoLookup::Use(GeoDatabases databases) noexcept {
  databases_ = std::move(databases);
  places_.fill(Place{});
}

}  // namespace stockade
