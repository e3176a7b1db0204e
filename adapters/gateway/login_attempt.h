// A login that was read, as the attempt that the engine is asked about: one way for the proxy, which holds it, and for
// captures, which only see it. What comes from elsewhere (time, TLS fingerprint, geography) is left to the caller.
//
// The attempt's views are into its arguments, which must outlive it. Allocates nothing.
#pragma once

#include <string>
#include <string_view>

#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/settings.h"
#include "engine/event/login_event.h"

namespace stockade {

// `path`: of the request, as it came.
inline Attempt AttemptOf(const LoginClaim& claim, const EndpointSettings& endpoint, std::string_view path,
                         const Address& client, CertificateStatus certificate) {
  // An empty text of a claim is an absent field; rules can ask for both, and a claim cannot say "empty".
  const auto or_absent = [](const std::string& text) {
    return text.empty() ? std::string_view() : std::string_view(text);
  };
  Attempt attempt;
  attempt.source = client;
  if (claim.has_account) attempt.account = std::string_view(claim.account.data(), claim.account.size());
  if (claim.has_user_agent)
    attempt.user_agent = std::string_view(claim.user_agent.data(), claim.user_agent.size());
  attempt.path = path;
  attempt.request_id = or_absent(claim.request_id);
  attempt.password_id = or_absent(claim.password_id);
  attempt.device = or_absent(claim.device);
  attempt.channel = or_absent(endpoint.channel);
  attempt.header_order = or_absent(claim.header_order);
  attempt.certificate = certificate;
  attempt.certificate_present = certificate != CertificateStatus::kUnchecked;
  return attempt;
}

}  // namespace stockade
