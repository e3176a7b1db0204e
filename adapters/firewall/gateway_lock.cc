#include "adapters/firewall/gateway_lock.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "adapters/firewall/carrier.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kAccountPart = "{account}";
constexpr std::string_view kActionPart = "{action}";
constexpr size_t kBatchedMax = 500;

std::string_view ActionOf(const Order& order) {
  if (order.kind == Order::Kind::kRelease) return "release";
  return order.decision->action == Action::kLock ? "lock" : "step_up";
}

}  // namespace

absl::Status CheckGatewayLockOptions(const GatewayLockOptions& options) {
  const bool names_account = options.url.find(kAccountPart) != std::string::npos;
  const bool names_action = options.url.find(kActionPart) != std::string::npos;
  const size_t host = options.url.find("://");
  const size_t host_end = host == std::string::npos ? host : options.url.find_first_of("/?#", host + 3);
  if (options.url.substr(0, host_end).find('{') != std::string::npos) {
    return absl::InvalidArgumentError(
        "url: {account} and {action} stand in the path or query; in the host, who logs in would choose it");
  }
  if (options.batched && (names_account || names_action))
    return absl::InvalidArgumentError("url: names {account} or {action}, but `batched` calls have many");
  Decision example;
  example.value = "a";
  RETURN_IF_ERROR(CheckPostUrl("url", GatewayLockUrl(options.url, Order{Order::Kind::kEnforce, &example})));
  if (options.method != "POST" && options.method != "PUT" && options.method != "PATCH")
    return absl::InvalidArgumentError("method: POST, PUT or PATCH");
  RETURN_IF_ERROR(CheckPostOptions(options.post));
  if (options.post.secret_file.empty() && options.post.authorization.empty() &&
      options.post.certificate_file.empty()) {
    return absl::InvalidArgumentError(
        "secret: is missing, and `authorization` and `certificate` too; anybody could lock your accounts");
  }
  return absl::OkStatus();
}

std::string GatewayLockUrl(std::string_view url, const Order& order) {
  return absl::StrReplaceAll(ToAbsl(url), {{ToAbsl(kAccountPart), UrlPart(order.decision->value)},
                                           {ToAbsl(kActionPart), ToAbsl(ActionOf(order))}});
}

std::string GatewayLockJson(const Order& order) {
  const Decision& decision = *order.decision;
  const bool lock = decision.action == Action::kLock;
  std::string out = "{\"account\":";
  AppendJsonString(decision.value, &out);
  Append(&out, ",\"lane\":\"", lock && decision.all_lanes ? "all" : "unfamiliar", "\",\"action\":\"",
         ActionOf(order), "\"");
  if (order.kind == Order::Kind::kRelease) {
    Append(&out, ",\"of\":\"", lock ? "lock" : "step_up", "\"");
  } else {
    Append(&out, ",\"until\":\"", FormatTimeMs(decision.until_ms), "\"");
    if (lock && decision.all_lanes) out.append(",\"end_sessions\":true");
  }
  if (!lock) Append(&out, ",\"kind\":\"", Name(decision.challenge_kind), "\"");
  out.append(",\"id\":");
  AppendJsonString(decision.id, &out);
  out.append(",\"rule\":");
  AppendJsonString(decision.rule, &out);
  out.push_back('}');
  return out;
}

GatewayLock::GatewayLock(GatewayLockOptions options) : options_(std::move(options)), post_(options_.post) {}

Capabilities GatewayLock::capabilities() const {
  Capabilities can = CarrierOf({Action::kLock, Action::kChallenge}, {Scope::kAccount});
  // As many as end in time where the gateway takes its time for each, or the batch would never be carried out.
  can.batch_max = options_.batched
                      ? kBatchedMax
                      : static_cast<size_t>(std::max<int64_t>(1, kCallTime / options_.post.answer_time));
  return can;
}

absl::Status GatewayLock::Send(std::string_view url, const std::string& body, int64_t now_ms,
                               std::chrono::steady_clock::time_point deadline) {
  const std::string content = Concat(url, "\n", body);
  const DeliveryNames::Name name = names_.Of(content, now_ms);
  RETURN_IF_ERROR(post_.Send({options_.method, url, body, name.id}, deadline));
  names_.Forget(content);
  return absl::OkStatus();
}

absl::Status GatewayLock::Apply(std::span<const Order> orders, int64_t now_ms) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(kCallTime);
  if (orders.empty()) return absl::OkStatus();
  if (options_.batched) {
    std::string body = "{\"orders\":[";
    for (const Order& order : orders) Append(&body, body.back() == '[' ? "" : ",", GatewayLockJson(order));
    body += "]}";
    return Send(options_.url, body, now_ms, deadline);
  }
  absl::Status worst;
  for (const Order& order : orders) {
    const absl::Status status =
        Send(GatewayLockUrl(options_.url, order), GatewayLockJson(order), now_ms, deadline);
    if (status.ok()) continue;
    // What may yet succeed comes again whole; only then what never will is looked for.
    if (worst.ok() || worst.code() == absl::StatusCode::kInvalidArgument) worst = status;
  }
  return worst;
}

absl::StatusOr<std::vector<Enforced>> GatewayLock::List(int64_t) {
  return absl::UnimplementedError("the order gateway cannot be asked what stands");
}

}  // namespace stockade
