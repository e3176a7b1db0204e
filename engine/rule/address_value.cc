#include "engine/rule/address_value.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "engine/event/address.h"
#include "engine/event/field.h"
#include "engine/rule/finding.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kAddressName = kKnownFieldNames[static_cast<size_t>(FieldId::kSourceIp)];
constexpr std::string_view kNetworkName = kKnownFieldNames[static_cast<size_t>(FieldId::kSourcePrefix)];

// The network that a text with a length names, whatever bits stand behind it.
std::optional<Prefix> ReadNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  if (const std::optional<Prefix> sound = Prefix::Parse(text)) return sound;
  const std::optional<Address> address = Address::Parse(text.substr(0, slash));
  int length = 0;
  if (!address.has_value() || !absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &length)) return std::nullopt;
  if (length < 0 || length > address->bits()) return std::nullopt;
  return Prefix::Around(*address, length);
}

AddressValue ReadAddress(std::string_view text) {
  AddressValue value{std::string(text), "", ""};
  if (const std::optional<Address> address = Address::Parse(text)) {
    value.text = address->ToString();
  } else if (const std::optional<Prefix> network = ReadNetwork(text)) {
    value.never =
        Concat("the network ", Quoted(text), " never equals an address; write ", kAddressName, "|cidr");
  } else {
    value.never = Concat(Quoted(text), " is no address, and ", kAddressName, " is never anything else");
  }
  return value;
}

AddressValue ReadPrefix(std::string_view text) {
  AddressValue value{std::string(text), "", ""};
  const std::optional<Address> address = Address::Parse(text);
  const std::optional<Prefix> network = address.has_value() ? SourcePrefix(*address) : ReadNetwork(text);
  if (!network.has_value()) {
    value.never = Concat(Quoted(text), " is no network, and ", kNetworkName, " is never anything else");
    return value;
  }
  const Prefix right = SourcePrefix(network->address);
  if (!address.has_value() && network->length != right.length) {
    value.never = Concat(kNetworkName, " is a /", int{right.length}, " here, never ", Quoted(text),
                         "; write ", kAddressName, "|cidr for other networks");
  } else if (address.has_value() || !Prefix::Parse(text).has_value()) {
    value.suggestion = right.ToString();
    value.never = Concat(kNetworkName, " is never ", Quoted(text), "; write ", value.suggestion);
  } else {
    value.text = network->ToString();
  }
  return value;
}

}  // namespace

bool IsAddressField(std::string_view field) noexcept {
  return field == kAddressName || field == kNetworkName;
}

AddressValue ReadAddressValue(std::string_view field, std::string_view text) {
  if (text.find_first_of("*?\\") != std::string_view::npos) return {std::string(text), "", ""};
  return field == kAddressName ? ReadAddress(text) : ReadPrefix(text);
}

}  // namespace stockade
