// What an operator asks a running gate, over HTTP on a loopback address or a unix socket.
//
//   GET /livez       200 while the process answers at all                                       no token
//   GET /readyz      200 when listeners are up and an upstream is healthy; else 503 and why     no token
//   GET /mode        {"mode":"protect"}
//   PUT /mode        {"mode":"observe"}, or the word alone: from the next attempt on
//   GET /metrics     Prometheus (gate_metrics.h)
//   /decisions, /enforcement, /firewalls, /audit: standing orders, and what carries them out (decision_service.h)
//
// Everything but the first two wants `Authorization: Bearer TOKEN` where a token is set; without one the socket's
// permissions, or being on this machine, must do. Modes and decisions name accounts: this is not for strangers, and a
// request from anywhere but this machine is refused (an address that is not loopback is refused at start, too), and so is
// what a page in a browser sends (it has a field Origin): a token is not always set.
//
// Immutable but for what it calls; any thread.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "adapters/gateway/decision_service.h"
#include "adapters/gateway/settings.h"
#include "adapters/http/service_message.h"
#include "engine/gate/verdict.h"

namespace stockade {

struct AdminParts {
  std::string token;
  std::function<std::string()> not_ready;  // why the gate is not ready; empty: it is
  std::function<Mode()> mode;
  std::function<void(Mode)> set_mode;
  std::function<std::string()> metrics;
  DecisionDeskParts decisions;
};

class AdminDesk {
 public:
  explicit AdminDesk(AdminParts parts) : parts_(std::move(parts)), decisions_(parts_.decisions) {}
  ServiceReply Reply(const ServiceRequest& request) const;

 private:
  bool MayAsk(const ServiceRequest& request) const noexcept;
  ServiceReply AnswerMode(const ServiceRequest& request) const;

  const AdminParts parts_;
  const DecisionDesk decisions_;
};

// The mode of a word, "observe" or {"mode":"observe"}; nothing for any other text.
std::optional<Mode> ParseModeRequest(std::string_view body);

// Errors: an address that others can reach.
absl::Status ValidateAdminAddress(const Endpoint& at);

}  // namespace stockade
