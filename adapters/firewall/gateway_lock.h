// The order gateway itself as a firewall of accounts: an HTTP call (http_post.h: signed, bounded) tells it to lock an
// account's lane, or to ask its next login for proof of identity. For gateways that hold accounts of their own; what stands
// in front of a gateway is told by the other adapters.
//
//   {"account":"alice","lane":"all","action":"lock","until":"2026-11-26T20:15:00.000Z","end_sessions":true,
//    "id":"5f0e91c2aa034b17","rule":"takeover"}
//
//   action   lock, or step_up (then with "kind": "identity" or "human": what is asked for), or release (then with "of":
//            "lock" or "step_up": what is released, and without until). A lock of lane `all` and one of `unfamiliar` are two
//            orders, each released by itself, and so are the two kinds of step_up.
//   lane     unfamiliar (whoever arrives as the account's owner never did) or all
//   end_sessions   of a lock of lane `all`: somebody has got in who is not the owner, and a lock of logins alone would leave him in
//
// One call an account, or with `batched` {"orders":[…]} for all of a batch. The gateway answers 2xx once it keeps it; every
// call may come again, with the same Idempotency-Key where it is the same. Nothing can be listed.
//
// Apply blocks for at most kCallTime; errors are HttpPost's; a failed account does not keep the others of its batch from being
// told. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/http_post.h"

namespace stockade {

struct GatewayLockOptions {
  // url: https://gateway/accounts/{account}/lock; {account} and {action} are filled in, percent-encoded. An account may be
  // called "../x": a gateway that takes %2F for a path's slash, as some do, should read it from the body alone.
  std::string url;
  std::string method = "POST";  // method: POST | PUT | PATCH
  bool batched = false;         // batched: all of a batch in one call; `url` then names no account
  // secret, ca, certificate, key, proxy, …: beside these; answer_time is 3s here
  HttpPostOptions post = Quick();

  static HttpPostOptions Quick() {
    HttpPostOptions quick;
    quick.answer_time = absl::Seconds(3);
    return quick;
  }
};

// InvalidArgument, naming the key. A secret, or `authorization`, or a client certificate is needed.
absl::Status CheckGatewayLockOptions(const GatewayLockOptions& options);

// What one order says.
std::string GatewayLockJson(const Order& order);
// The URL of one order.
std::string GatewayLockUrl(std::string_view url, const Order& order);

class GatewayLock final : public Firewall {
 public:
  static constexpr absl::Duration kCallTime = absl::Seconds(25);

  // `options` have passed CheckGatewayLockOptions.
  explicit GatewayLock(GatewayLockOptions options);

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

 private:
  absl::Status Send(std::string_view url, const std::string& body, int64_t now_ms,
                    std::chrono::steady_clock::time_point deadline);

  GatewayLockOptions options_;
  HttpPost post_;
  DeliveryNames names_;
};

}  // namespace stockade
