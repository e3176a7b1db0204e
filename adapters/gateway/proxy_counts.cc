#include "adapters/gateway/proxy_counts.h"

#include <iterator>

namespace stockade {
namespace {

constexpr std::string_view kNames[] = {
    "connections",
    "connections_open",
    "connections_over_limit",
    "connections_over_source",
    "accept_errors",
    "tls_failed",
    "tls_handshakes",
    "proxy_header_bad",
    "requests",
    "request_bytes",
    "answer_bytes",
    "logins",
    "logins_unreadable",
    "logins_too_large",
    "logins_held",
    "certificates_late",
    "allow",
    "throttle",
    "challenge",
    "deny",
    "reached",
    "engine_trouble",
    "outcome_unknown",
    "challenge_tokens_good",
    "challenge_tokens_bad",
    "header_timeouts",
    "body_timeouts",
    "body_too_slow",
    "body_too_large",
    "upstream_connects",
    "upstream_connect_errors",
    "upstream_retries",
    "upstream_broken",
    "upstream_bad_answers",
    "upstream_timeouts",
    "upstream_busy",
    "clients_gone",
    "upgrades",
    "answered",
};
static_assert(std::size(kNames) == kCountKinds);
static_assert(static_cast<size_t>(Count::kAnswered) + 1 == kCountKinds);

}  // namespace

std::string_view Name(Count count) noexcept {
  return kNames[static_cast<size_t>(count)];
}

}  // namespace stockade
