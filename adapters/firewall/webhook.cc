#include "adapters/firewall/webhook.h"

#include <chrono>
#include <mutex>
#include <utility>

#include "adapters/firewall/carrier.h"
#include "engine/status.h"

namespace stockade {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime Deadline() {
  return std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(Webhook::kCallTime);
}

}  // namespace

absl::Status CheckWebhookOptions(const WebhookOptions& options) {
  RETURN_IF_ERROR(CheckPostUrl("url", options.url));
  RETURN_IF_ERROR(CheckPostOptions(options.post));
  if (options.format == WebhookFormat::kStockade && options.post.secret_file.empty()) {
    return absl::InvalidArgumentError(
        "secret: is missing; without a signature anybody could send orders to your receiver. Make one with "
        "`openssl "
        "rand -hex 32` and give it to both");
  }
  if (options.format == WebhookFormat::kPagerduty && options.routing_key_file.empty())
    return absl::InvalidArgumentError("routing_key: name the file that holds PagerDuty's integration key");
  if (options.batch_max == 0 || options.batch_max > 1000)
    return absl::InvalidArgumentError("batch_max: from 1 to 1000");
  return absl::OkStatus();
}

struct Webhook::State {
  explicit State(WebhookOptions given)
      : options(std::move(given)), orders(options.post), alarms(options.post) {}

  absl::StatusOr<std::string> RoutingKey() const {
    if (options.format != WebhookFormat::kPagerduty) return std::string();
    return ReadSecretFile("routing_key", options.routing_key_file, 1);
  }
  absl::Status SendOrders(std::span<const std::string> texts, int64_t now_ms, SteadyTime deadline);

  WebhookOptions options;
  HttpPost orders;
  DeliveryNames names;
  std::mutex alarms_mutex;
  HttpPost alarms;            // guarded by alarms_mutex, as are
  DeliveryNames alarm_names;  // these
};

Webhook::Webhook(WebhookOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Webhook::~Webhook() = default;

Capabilities Webhook::capabilities() const {
  Capabilities can = CarrierOf(state_->options.actions, state_->options.scopes);
  can.batch_max = state_->options.batch_max;
  return can;
}

absl::Status Webhook::State::SendOrders(std::span<const std::string> texts, int64_t now_ms,
                                        SteadyTime deadline) {
  std::string content;
  for (const std::string& text : texts) content += text;
  const DeliveryNames::Name name = names.Of(content, now_ms);
  const std::string body = StockadeBody({name.id, name.time_ms, {}}, texts);
  RETURN_IF_ERROR(orders.Send({"POST", options.url, body, name.id}, deadline));
  names.Forget(content);
  return absl::OkStatus();
}

absl::Status Webhook::Apply(std::span<const Order> orders, int64_t now_ms) {
  State& state = *state_;
  const SteadyTime deadline = Deadline();
  if (state.options.format == WebhookFormat::kStockade) {
    std::vector<std::string> texts;
    size_t bytes = 0;
    for (const Order& order : orders) {
      std::string text = OrderJson(order);
      if (!texts.empty() && bytes + text.size() > kBodyBytesMax) {
        RETURN_IF_ERROR(state.SendOrders(texts, now_ms, deadline));
        texts.clear();
        bytes = 0;
      }
      bytes += text.size() + 1;
      texts.push_back(std::move(text));
    }
    return texts.empty() ? absl::OkStatus() : state.SendOrders(texts, now_ms, deadline);
  }
  std::vector<Order> told;
  std::string content;
  for (const Order& order : orders) {
    if (order.kind == Order::Kind::kRelease && !state.options.releases) continue;
    told.push_back(order);
    content += OrderJson(order);
  }
  if (told.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string routing_key, state.RoutingKey());
  const DeliveryNames::Name name = state.names.Of(content, now_ms);
  const std::string body = BatchMessage(state.options.format, {name.id, name.time_ms, routing_key}, told);
  RETURN_IF_ERROR(state.orders.Send({"POST", state.options.url, body, name.id}, deadline));
  state.names.Forget(content);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Enforced>> Webhook::List(int64_t) {
  return absl::UnimplementedError("a webhook cannot be asked what stands");
}

absl::Status Webhook::SendAlarm(const Alarm& alarm) {
  State& state = *state_;
  const std::lock_guard lock(state.alarms_mutex);
  ASSIGN_OR_RETURN(const std::string routing_key, state.RoutingKey());
  const std::string content = AlarmMessage(WebhookFormat::kStockade, {}, alarm);
  const DeliveryNames::Name name = state.alarm_names.Of(content, alarm.time_ms);
  const std::string body = AlarmMessage(state.options.format, {name.id, name.time_ms, routing_key}, alarm);
  RETURN_IF_ERROR(state.alarms.Send({"POST", state.options.url, body, name.id}, Deadline()));
  state.alarm_names.Forget(content);
  return absl::OkStatus();
}

}  // namespace stockade
