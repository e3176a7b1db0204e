#include "adapters/gateway/client_address.h"

#include <array>

#include "adapters/gateway/token.h"
#include "engine/event/digits.h"

namespace stockade {
namespace {

enum class Element : uint8_t { kAddress, kHidden, kBroken };

bool IsSpace(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool IsAlphanumeric(char c) noexcept {
  const char lower = static_cast<char>(c | 0x20);
  return IsDigit(c) || (lower >= 'a' && lower <= 'z');
}

std::string_view Trimmed(std::string_view text) noexcept {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// "_" and letters, digits, ".", "_", "-" (RFC 7239 §6.3).
bool IsObfuscated(std::string_view text) noexcept {
  if (text.size() < 2 || text[0] != '_') return false;
  for (const char c : text)
    if (!IsAlphanumeric(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

bool IsPort(std::string_view text) noexcept {
  if (IsObfuscated(text)) return true;
  if (text.empty() || text.size() > 5) return false;
  for (const char c : text)
    if (!IsDigit(c)) return false;
  return true;
}

// RFC 7239 §6: an address, IPv6 in brackets, "unknown" or "_name", each with or without a port. `bare_v6`: without
// brackets too, as X-Forwarded-For has it.
Element ReadNode(std::string_view text, bool bare_v6, Address* address) noexcept {
  std::string_view name = text;
  if (!text.empty() && text[0] == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return Element::kBroken;
    name = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest[0] != ':' || !IsPort(rest.substr(1)))) return Element::kBroken;
    if (name.find(':') == std::string_view::npos) return Element::kBroken;  // "[1.2.3.4]"
  } else {
    const size_t colon = text.find(':');
    const bool several =
        colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos;
    if (several && !bare_v6) return Element::kBroken;
    if (colon != std::string_view::npos && !several) {
      name = text.substr(0, colon);
      if (!IsPort(text.substr(colon + 1))) return Element::kBroken;
    }
    if (absl::EqualsIgnoreCase(ToAbsl(name), "unknown") || IsObfuscated(name)) return Element::kHidden;
  }
  const std::optional<Address> read = Address::Parse(name);
  if (!read) return Element::kBroken;
  *address = *read;
  return Element::kAddress;
}

// Takes one value, a token or a quoted string, off `rest`; unescapes into `buffer` where it must. A node is short:
// 64 bytes hold the longest address, zone and port that mean anything.
using ValueBuffer = std::array<char, 64>;
bool CutValue(std::string_view* rest, ValueBuffer* buffer, std::string_view* value, bool* fits) noexcept {
  *fits = true;
  if (rest->empty() || rest->front() != '"') {
    size_t end = 0;
    while (end < rest->size() && IsTokenChar((*rest)[end])) ++end;
    *value = rest->substr(0, end);
    rest->remove_prefix(end);
    return end > 0;
  }
  size_t size = 0;
  for (size_t i = 1; i < rest->size(); ++i) {
    char c = (*rest)[i];
    if (c == '"') {
      *value = std::string_view(buffer->data(), size);
      rest->remove_prefix(i + 1);
      return true;
    }
    if (c == '\\') {
      if (++i == rest->size()) return false;
      c = (*rest)[i];
    }
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    if (size < buffer->size()) {
      (*buffer)[size++] = c;
    } else {
      *fits = false;
    }
  }
  return false;
}

// One forwarded-element: pairs between semicolons, in any order, each name once. Only `for` is looked into. White space
// around a semicolon is not in the grammar, and is written by enough proxies to be let pass: the element's borders are
// found already.
Element ReadForwardedElement(std::string_view element, Address* address) noexcept {
  bool has_for = false;
  Element result = Element::kHidden;
  while (!element.empty()) {
    element = Trimmed(element);
    if (!element.empty() && element.front() != ';') {
      const size_t equals = element.find('=');
      if (equals == 0 || equals == std::string_view::npos) return Element::kBroken;
      const std::string_view name = element.substr(0, equals);
      for (const char c : name)
        if (!IsTokenChar(c)) return Element::kBroken;
      element.remove_prefix(equals + 1);
      ValueBuffer buffer;
      std::string_view value;
      bool fits = false;
      if (!CutValue(&element, &buffer, &value, &fits)) return Element::kBroken;
      if (absl::EqualsIgnoreCase(ToAbsl(name), "for")) {
        if (has_for || !fits) return Element::kBroken;
        has_for = true;
        result = ReadNode(value, false, address);
      }
      element = Trimmed(element);
    }
    if (element.empty()) break;
    if (element.front() != ';') return Element::kBroken;
    element.remove_prefix(1);
  }
  return result;
}

// Where the right-most element of a Forwarded list begins. In an element that is well formed quotes come in pairs, and
// the opening one is never escaped (an "=" stands before it): found from the right, it does not depend on anything
// further left.
size_t LastElementStart(std::string_view list) noexcept {
  size_t i = list.size();
  while (i > 0) {
    --i;
    if (list[i] == ',') return i + 1;
    if (list[i] != '"') continue;
    // To the quote that opens it: the nearest one behind an even number of backslashes.
    while (i > 0) {
      --i;
      if (list[i] != '"') continue;
      size_t slashes = 0;
      while (slashes < i && list[i - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
      i -= slashes;
    }
  }
  return 0;
}

// The elements of all lines of one field, from the right.
class ElementsFromRight {
 public:
  ElementsFromRight(std::span<const HeaderField> fields, ForwardingField field) noexcept
      : fields_(fields), field_(field), line_(fields.size()) {}

  // False: there are no more.
  bool Next(std::string_view* element) noexcept {
    if (!in_line_ && !PreviousLine()) return false;
    const size_t start =
        field_ == ForwardingField::kForwarded ? LastElementStart(left_) : left_.rfind(',') + 1;
    *element = Trimmed(left_.substr(start));
    in_line_ = start > 0;
    if (in_line_) left_ = left_.substr(0, start - 1);
    return true;
  }

 private:
  bool PreviousLine() noexcept {
    const absl::string_view name = field_ == ForwardingField::kForwarded ? "forwarded" : "x-forwarded-for";
    while (line_ > 0) {
      --line_;
      if (!absl::EqualsIgnoreCase(ToAbsl(fields_[line_].name), name)) continue;
      left_ = fields_[line_].value;
      return true;
    }
    return false;
  }

  std::span<const HeaderField> fields_;
  ForwardingField field_;
  size_t line_;            // lines from here on are done
  std::string_view left_;  // of the line under way, what is not done
  bool in_line_ = false;
};
static_assert(std::string_view::npos + 1 == 0, "no comma: the element starts at 0");

}  // namespace

std::optional<ForwardingField> ParseForwardingField(std::string_view name) noexcept {
  if (name == "none") return ForwardingField::kNone;
  if (name == "x-forwarded-for") return ForwardingField::kXForwardedFor;
  if (name == "forwarded") return ForwardingField::kForwarded;
  return std::nullopt;
}

std::string_view Name(ClientAddress::Stop stop) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {"peer",   "found",  "list_end",
                                                      "hidden", "broken", "too_many"};
  return kNames[static_cast<size_t>(stop)];
}

ClientAddressReader::ClientAddressReader(std::span<const Prefix> listed_proxies, ForwardingField field)
    : field_(field) {
  for (const Prefix& prefix : listed_proxies) listed_.Insert(prefix, 0);
}

bool ClientAddressReader::Lists(const Address& peer) const noexcept {
  return !peer.present() || listed_.FindLongest(peer).has_value();
}

Address ClientAddressReader::ConnectionPeer(const Address& socket_peer,
                                            const ProxyHeader& header) const noexcept {
  return header.peer.present() && Lists(socket_peer) ? header.peer : socket_peer;
}

ClientAddress ClientAddressReader::Read(const Address& peer,
                                        std::span<const HeaderField> fields) const noexcept {
  ClientAddress client{peer, ClientAddress::Stop::kPeer};
  if (!Lists(peer)) return client;
  client.stop = ClientAddress::Stop::kListEnd;
  if (field_ == ForwardingField::kNone) return client;
  ElementsFromRight elements(fields, field_);
  std::string_view element;
  for (int hops = 0; elements.Next(&element); ++hops) {
    if (hops == kForwardingHopsMax) {
      client.stop = ClientAddress::Stop::kTooMany;
      return client;
    }
    Address hop;
    const Element read = field_ == ForwardingField::kForwarded ? ReadForwardedElement(element, &hop)
                                                               : ReadNode(element, true, &hop);
    if (read != Element::kAddress) {
      client.stop = read == Element::kHidden ? ClientAddress::Stop::kHidden : ClientAddress::Stop::kBroken;
      return client;
    }
    client.address = hop;
    if (!Lists(hop)) {
      client.stop = ClientAddress::Stop::kFound;
      return client;
    }
  }
  return client;
}

}  // namespace stockade
