// Decisions by webhook: to a program that carries them out (format `stockade`, signed), or to people (slack, teams,
// pagerduty). What is sent is webhook_text.h's, how, and how it is signed and checked, http_post.h's.
//
// A receiver of format `stockade` gets every order of a batch, in messages of at most kBodyBytesMax, and answers 2xx once it
// keeps them. What it did not take comes again, under the same `id`; orders may be repeated without harm. Nothing can be
// listed. People get one message a batch, with what was decided, and releases only where `releases` says so.
//
// Apply blocks for at most kCallTime. SendAlarm may come from any thread, beside Apply; its errors are HttpPost's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/http_post.h"
#include "adapters/firewall/webhook_text.h"

namespace stockade {

struct WebhookOptions {
  std::string url;                                  // url: https://host/path
  WebhookFormat format = WebhookFormat::kStockade;  // format: stockade | slack | teams | pagerduty
  std::string routing_key_file;                     // routing_key: of PagerDuty, the file that holds it
  HttpPostOptions post;                             // secret, ca, certificate, key, proxy, …: beside these
  std::vector<Action> actions;                      // actions: a list; empty: all
  std::vector<Scope> scopes;                        // scopes: a list; empty: all
  bool releases = false;                            // releases: people are told of them too
  size_t batch_max = 500;                           // batch_max: orders of one Apply, at most 1000
};

// InvalidArgument, naming the key. Format `stockade` needs a secret.
absl::Status CheckWebhookOptions(const WebhookOptions& options);

class Webhook final : public Firewall {
 public:
  // Of one message: what nginx takes by default (client_max_body_size). One order alone may be larger.
  static constexpr size_t kBodyBytesMax = (size_t{1} << 20) - 1024;
  static constexpr absl::Duration kCallTime = absl::Seconds(25);

  // `options` have passed CheckWebhookOptions.
  explicit Webhook(WebhookOptions options);
  ~Webhook() override;

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

  absl::Status SendAlarm(const Alarm& alarm);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockade
