#include "tools/simulation/networks.h"

#include <array>

namespace stockade {
namespace {

constexpr std::string_view kTaiwan = "TW";
// Where hacked routers stand, roughly as proxy networks sell them: the front of the list oftener.
constexpr std::array<std::string_view, 40> kCountries = {
    "US", "BR", "IN", "ID", "VN", "RU", "PH", "TH", "MX", "TR", "UA", "EG", "BD", "PK",
    "CO", "AR", "ZA", "MA", "DZ", "PL", "RO", "IT", "ES", "FR", "DE", "GB", "MY", "KR",
    "JP", "KZ", "IR", "IQ", "PE", "CL", "VE", "EC", "KE", "NG", "LK", "GR"};

constexpr uint32_t Octet(uint32_t first) noexcept {
  return first << 24;
}

// 3fff:0bbb:ssss:nn00::/56 and the 72 bits behind it.
Address V6(uint32_t block, uint32_t site, uint32_t net, uint64_t host) noexcept {
  const uint64_t high =
      uint64_t{0x3fff} << 48 | uint64_t{block & 0xfff} << 32 | uint64_t{site & 0xffff} << 16 | (net & 0xffff);
  std::array<uint8_t, 16> bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<uint8_t>(host >> (56 - 8 * i));
  }
  return Address::V6(bytes);
}

// An index drawn by weights that sum to 100.
template <size_t N>
uint32_t DrawByWeight(const std::array<uint32_t, N>& weights, Chance* chance) noexcept {
  auto left = static_cast<uint32_t>(chance->Below(100));
  for (uint32_t i = 0; i + 1 < N; ++i) {
    if (left < weights[i]) return i;
    left -= weights[i];
  }
  return N - 1;
}

}  // namespace

uint32_t DrawHomeProvider(Chance* chance) noexcept {
  constexpr std::array<uint32_t, kHomeProviders> kWeights = {58, 22, 13, 7};
  return DrawByWeight(kWeights, chance);
}

uint32_t DrawCarrier(Chance* chance) noexcept {
  constexpr std::array<uint32_t, kCarriers> kWeights = {52, 27, 21};
  return DrawByWeight(kWeights, chance);
}

Origin HomeV4(uint32_t provider, uint32_t line) noexcept {
  return {Address::V4(Octet(240) | provider << 22 | (line & (kHomeAddresses - 1))), 64496 + provider,
          kTaiwan};
}

Origin HomeV6(uint32_t provider, uint32_t line, Chance* chance) noexcept {
  // 64 homes to a /48: the first 16 bits of the line are its site.
  return {V6(provider << 8, line >> 6, (line & 63) << 8, chance->Next()), 64496 + provider, kTaiwan};
}

Origin Mobile(uint32_t carrier, uint32_t region, bool v6, Chance* chance) noexcept {
  if (v6) {
    const uint64_t host = chance->Next();
    const auto net = static_cast<uint32_t>(chance->Below(65'536));
    return {V6(carrier << 8 | 0x10, region, net, host), 64501 + carrier, kTaiwan};
  }
  const auto shared = static_cast<uint32_t>(chance->Below(64));
  return {Address::V4(Octet(241) | carrier << 22 | region << 8 | (64 + shared)), 64501 + carrier, kTaiwan};
}

Origin Office(uint32_t office) noexcept {
  return {Address::V4(Octet(242) | (office & 0xffff) << 8 | (10 + office % 200)), 64508, kTaiwan};
}

Origin Abroad(Chance* chance) noexcept {
  const auto network = static_cast<uint32_t>(chance->Below(64));
  return {Address::V4(Octet(249) | network << 16 | static_cast<uint32_t>(chance->Below(64))),
          65'000 + network, kCountries[network % kCountries.size()]};
}

Origin ForeignHome(Chance* chance) noexcept {
  const auto line = static_cast<uint32_t>(chance->Below(uint64_t{1} << 26));
  const uint32_t provider = line >> 15;
  // A provider is of one country; the square brings the front of the list forward.
  const uint64_t pick = Chance::Mix(provider) % (kCountries.size() * kCountries.size());
  uint64_t country = 0;
  while ((country + 1) * (country + 1) <= pick) ++country;
  return {Address::V4(Octet(244) + line), 4'200'000'000u + provider,
          kCountries[kCountries.size() - 1 - country]};
}

Origin DomesticHome(Chance* chance) noexcept {
  const uint32_t provider = DrawHomeProvider(chance);
  return HomeV4(provider, static_cast<uint32_t>(chance->Below(kHomeAddresses)));
}

Origin DataCentre(uint32_t centre, uint32_t host) noexcept {
  return {Address::V4(Octet(248) | (centre % kDataCentres) << 19 | (host & 0x7ffff)), 65536 + centre % 16,
          kCountries[centre % 8]};
}

Origin DataCentreV6(uint32_t centre, uint32_t site, Chance* chance) noexcept {
  const auto net = static_cast<uint32_t>(chance->Below(65'536));
  return {V6(0x800 | (centre % kDataCentres), site, net, chance->Next()), 65536 + centre % 16,
          kCountries[centre % 8]};
}

}  // namespace stockade
