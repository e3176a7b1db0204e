#include "adapters/http/endpoint_address.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "engine/event/address.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

// sun_path of a socket address, with its zero byte.
constexpr size_t kUnixPathBytesMax = 107;

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
         });
}

}  // namespace

absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text) {
  const auto refuse = [text](std::string_view what) {
    return absl::InvalidArgumentError(Concat("'", PrintableText(text), "'", what));
  };
  Endpoint endpoint;
  if (text.starts_with("unix:")) {
    endpoint.unix_path = text.substr(5);
    if (!endpoint.unix_path.starts_with('/') || endpoint.unix_path.size() > kUnixPathBytesMax)
      return refuse(
          Concat(" is no socket; write unix:/run/stockade.sock, at most ", kUnixPathBytesMax, " bytes"));
    return endpoint;
  }
  if (text.find("://") != std::string_view::npos)
    return refuse(" is a URL; write host:port, as 127.0.0.1:8080, and tls beside it");
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(text.substr(colon + 1)), &port) ||
      port < 1 || port > 65535 || text[colon + 1] == '+')
    return refuse(" has no port from 1 to 65535; write 127.0.0.1:8080 or [::1]:8080");
  endpoint.port = static_cast<uint16_t>(port);
  std::string_view host = text.substr(0, colon);
  if (host.empty()) return refuse(" has no address; write 0.0.0.0 or [::] for all of this machine's");
  if (host.find(':') != std::string_view::npos) {
    if (!host.starts_with('[') || !host.ends_with(']'))
      return refuse(" is an IPv6 address without brackets; write [::1]:8080");
    host = host.substr(1, host.size() - 2);
    if (!Address::Parse(host)) return refuse(" holds no IPv6 address");
  } else if (!Address::Parse(host) && !IsHostName(host)) {
    return refuse(" is neither an address nor a name");
  }
  endpoint.host = host;
  return endpoint;
}

std::string ToString(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return Concat("unix:", endpoint.unix_path);
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return Concat(v6 ? "[" : "", endpoint.host, v6 ? "]" : "", ":", endpoint.port);
}

bool IsLoopback(const Endpoint& endpoint) {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  const auto address = Address::Parse(endpoint.host);
  static const Prefix kV4 = *Prefix::Parse("127.0.0.0/8");
  static const Prefix kV6 = *Prefix::Parse("::1");
  return address && (kV4.Contains(*address) || kV6.Contains(*address));
}

}  // namespace stockade
