// What a proxy runs on, made whole from its settings before anything of it is used: resolved upstreams, TLS contexts,
// the reader of client addresses. Immutable but for the health of upstreams, and swapped whole: a request that has begun
// on one state ends on it.
//
// Shared among workers; any thread. Errors of Make: the key, and what is wrong with it.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/from_header.h"
#include "adapters/gateway/certificate_finding.h"
#include "adapters/gateway/client_address.h"
#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/settings.h"
#include "adapters/gateway/tls_context.h"
#include "adapters/gateway/unread_answers.h"

namespace stockade {

// A certificate to be judged: for one login, of one account.
struct CertificateQuestion {
  const Address& client;             // who logs in
  const CertificateEvidence& shown;  // by the client of this very connection; kNone on a plain one
  const RequestView& request;        // where a listed proxy may have put what it was shown
  bool peer_is_listed = false;
  const LoginClaim& claim;           // whose login, and what it shows itself
  const EndpointSettings& endpoint;  // which says what a login may show
};
// What the certificate says; kUnchecked where certificates are not looked at. Called by workers, and answers at once.
using CertificateCheck = std::function<CertificateFinding(const CertificateQuestion&)>;

// A challenge that the application says was passed.
struct PassedChallenge {
  ChallengeKind kind = ChallengeKind::kHuman;
  std::string account;
};
// Reads the value of challenges.response_header; nothing if it does not hold. Called by workers, at once.
using ChallengeCheck = std::function<std::optional<PassedChallenge>(std::string_view value)>;

// What the proxy asks of others. Functions may be empty: certificates are then unchecked, tokens are not believed.
struct ProxyParts {
  std::shared_ptr<const LoginExchange> logins;
  GateDesk* desk = nullptr;  // outlives the proxy
  CertificateCheck check_certificate;
  ChallengeCheck check_challenge;
  CanAsk can_ask = CanAsk::kUnsaid;  // CanAskBy(LoginWay::kProxy)
  UnreadAnswers* unread = nullptr;   // outlives the proxy; null: nobody asks
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

struct Upstream {
  UpstreamSettings settings;
  std::string name;                      // "127.0.0.1:8080", for Host of health checks and for logs
  std::vector<SocketAddress> addresses;  // at least one; tried in order
  TlsContext tls;                        // null: plain
  mutable std::atomic<bool> healthy{true};
};

struct ProxyState {
  GatewaySettings settings;
  ProxyParts parts;
  std::vector<TlsContext> listener_tls;  // by listener; null: plain
  std::vector<std::shared_ptr<const Upstream>> upstreams;
  std::unique_ptr<const ClientAddressReader> client_addresses;
  CertificateForm certificate_form = CertificateForm::kNone;

  // `before`: upstreams that are the same stay the same, with their health and their connections. May be null.
  // Reads files and resolves names: call it where waiting hurts nobody.
  static absl::StatusOr<std::shared_ptr<const ProxyState>> Make(GatewaySettings settings, ProxyParts parts,
                                                                const ProxyState* before);
};

// "127.0.0.1:80", "[::1]:80", "unix:/path".
std::string EndpointText(const Endpoint& endpoint);
absl::StatusOr<std::vector<SocketAddress>> ResolveEndpoint(const Endpoint& endpoint, bool to_listen);
// The address of a peer; absent for a unix socket.
Address AddressOf(const sockaddr_storage& storage) noexcept;

}  // namespace stockade
