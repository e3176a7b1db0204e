#include "adapters/gateway/proxy_state.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool Same(const Endpoint& a, const Endpoint& b) {
  return a.host == b.host && a.port == b.port && a.unix_path == b.unix_path;
}

bool Same(const UpstreamSettings& a, const UpstreamSettings& b) {
  if (!Same(a.at, b.at) || a.connections_max != b.connections_max || a.tls.has_value() != b.tls.has_value())
    return false;
  return !a.tls || (a.tls->ca_file == b.tls->ca_file && a.tls->server_name == b.tls->server_name &&
                    a.tls->verify == b.tls->verify);
}

absl::StatusOr<std::shared_ptr<const Upstream>> MakeUpstream(const UpstreamSettings& settings) {
  auto upstream = std::make_shared<Upstream>();
  upstream->settings = settings;
  upstream->name = settings.at.is_unix() ? std::string("localhost") : EndpointText(settings.at);
  if (settings.connections_max < 1)
    return absl::InvalidArgumentError(
        Concat("gateway.upstreams.connections_max: ", settings.connections_max, " is below 1"));
  auto addresses = ResolveEndpoint(settings.at, false);
  if (!addresses.ok())
    return absl::Status(addresses.status().code(),
                        Concat("gateway.upstreams.address: ", FromAbsl(addresses.status().message())));
  upstream->addresses = *std::move(addresses);
  if (settings.tls) {
    ASSIGN_OR_RETURN(upstream->tls, MakeUpstreamTls(*settings.tls));
  }
  return upstream;
}

}  // namespace

std::string EndpointText(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return "unix:" + endpoint.unix_path;
  const bool bare_v6 = endpoint.host.find(':') != std::string::npos && !endpoint.host.starts_with('[');
  return Concat(bare_v6 ? "[" : "", endpoint.host, bare_v6 ? "]" : "", ":", endpoint.port);
}

absl::StatusOr<std::vector<SocketAddress>> ResolveEndpoint(const Endpoint& endpoint, bool to_listen) {
  std::vector<SocketAddress> addresses;
  if (endpoint.is_unix()) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (endpoint.unix_path.size() >= sizeof path.sun_path)
      return absl::InvalidArgumentError(Concat(EndpointText(endpoint), ": longer than ",
                                               sizeof path.sun_path - 1,
                                               " bytes, which no unix socket may be"));
    std::memcpy(path.sun_path, endpoint.unix_path.data(), endpoint.unix_path.size());
    SocketAddress address;
    std::memcpy(&address.storage, &path, sizeof path);
    address.size = sizeof path;
    addresses.push_back(address);
    return addresses;
  }
  std::string host = endpoint.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = to_listen ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(endpoint.port).c_str(),
                                &hints, &found);
  if (error != 0)
    return absl::InvalidArgumentError(Concat(EndpointText(endpoint), ": ", gai_strerror(error)));
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    addresses.push_back(address);
  }
  freeaddrinfo(found);
  return addresses;
}

Address AddressOf(const sockaddr_storage& storage) noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return Address::V4(ntohl(v4.sin_addr.s_addr));
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return Address::V6(std::span<const uint8_t, 16>(v6.sin6_addr.s6_addr, 16));
  }
  return {};
}

absl::StatusOr<std::shared_ptr<const ProxyState>> ProxyState::Make(GatewaySettings settings, ProxyParts parts,
                                                                   const ProxyState* before) {
  auto state = std::make_shared<ProxyState>();
  if (settings.listeners.empty()) return absl::InvalidArgumentError("gateway.listen: no listener");
  if (settings.upstreams.empty()) return absl::InvalidArgumentError("gateway.upstreams: no upstream");
  if (parts.logins == nullptr || parts.desk == nullptr)
    return absl::InvalidArgumentError("gateway: without logins and a desk there is nothing to guard");
  for (const ListenerSettings& listener : settings.listeners) {
    TlsContext tls;
    if (listener.tls) {
      ASSIGN_OR_RETURN(tls, MakeListenerTls(*listener.tls, settings.certificates.anchor_files));
    }
    state->listener_tls.push_back(std::move(tls));
  }
  for (const UpstreamSettings& upstream : settings.upstreams) {
    std::shared_ptr<const Upstream> made;
    for (size_t i = 0; before != nullptr && i < before->upstreams.size() && made == nullptr; ++i) {
      // A file of certificates may have changed under the same name, so upstreams with one are made anew.
      if (Same(before->upstreams[i]->settings, upstream) && !upstream.tls) made = before->upstreams[i];
    }
    if (made == nullptr) {
      ASSIGN_OR_RETURN(made, MakeUpstream(upstream));
    }
    state->upstreams.push_back(std::move(made));
  }
  const auto field = ParseForwardingField(settings.client_address_header);
  if (!field)
    return absl::InvalidArgumentError(Concat("gateway.client_address_header: \"",
                                             settings.client_address_header,
                                             "\" is none of x-forwarded-for, forwarded, none"));
  state->client_addresses = std::make_unique<ClientAddressReader>(settings.trusted_proxies, *field);
  const auto form = ParseCertificateForm(settings.certificates.from_header);
  if (!form)
    return absl::InvalidArgumentError(Concat("gateway.certificates.from_header: \"",
                                             settings.certificates.from_header, "\" is none of ",
                                             kCertificateFormList));
  state->certificate_form = *form;
  // From anybody else they do not go on to the application either.
  for (const std::string* name : {&settings.tls_fingerprint.ja3_header, &settings.tls_fingerprint.ja4_header})
    if (!name->empty()) settings.identity_headers.push_back(*name);
  state->settings = std::move(settings);
  state->parts = std::move(parts);
  return state;
}

}  // namespace stockade
