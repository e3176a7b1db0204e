// Proves what each way of logins says it can ask a person for: what its answers can carry, and whether a result can come back.
#include "adapters/gateway/login_way.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

GatewaySettings WithToken() {
  GatewaySettings settings;
  settings.challenges.secret_file = "secret";
  return settings;
}

TEST_CASE("the sidecar asks for nothing that nobody could report as passed", "[gateway][challenge]") {
  GatewaySettings settings;
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kNeither);
  CHECK(CanAskBy(LoginWay::kProxy, WithToken()) == CanAsk::kBoth);
  settings.service.at.port = 9181;
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kBoth);
}

TEST_CASE("a kind whose answer is a denial in other words is not asked for", "[gateway][challenge]") {
  GatewaySettings settings = WithToken();
  AnswerSettings& identity = settings.answers.challenge_identity;
  identity = {403, {}, "Please come to our branch.\n", "text/plain; charset=utf-8", std::nullopt, ""};
  for (const LoginWay way : {LoginWay::kProxy, LoginWay::kForwardAuth, LoginWay::kExtAuthz}) {
    CAPTURE(kLoginWayNames[static_cast<size_t>(way)]);
    CHECK(CanAskBy(way, settings) == CanAsk::kHuman);
  }
  // These do not hand the answer on.
  CHECK(CanAskBy(LoginWay::kAuthRequest, settings) == CanAsk::kBoth);
  CHECK(CanAskBy(LoginWay::kAssess, settings) == CanAsk::kBoth);

  identity.redirect = "/step-up?id={request_id}";
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kBoth);
  identity.redirect = settings.answers.deny.redirect = "/refused";
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kHuman);
  identity.redirect.clear();
  identity.content_type = "text/html";
  identity.body = "<form action=/step-up>";
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kBoth);
  settings.answers.deny.body = identity.body;
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kHuman);
  identity.headers = {{"X-Step-Up", "sms"}};
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kBoth);
  settings.answers.deny.headers = {{"x-step-up", "sms"}};
  CHECK(CanAskBy(LoginWay::kProxy, settings) == CanAsk::kHuman);
}

TEST_CASE("AppSec has a captcha and nothing else, whatever is set", "[gateway][challenge]") {
  CHECK(CanAskBy(LoginWay::kAppSec, GatewaySettings()) == CanAsk::kHuman);
  CHECK(CanAskBy(LoginWay::kAppSec, WithToken()) == CanAsk::kHuman);
  const CanAskByWay all = CanAskByWays(WithToken());
  for (size_t way = 0; way < kLoginWays; ++way)
    CHECK(all[way] == CanAskBy(static_cast<LoginWay>(way), WithToken()));
}

TEST_CASE("narrowing takes from both and gives to neither", "[gateway][challenge]") {
  for (size_t a = 0; a < kCanAskNames.size(); ++a) {
    for (size_t b = 0; b < kCanAskNames.size(); ++b) {
      const auto one = static_cast<CanAsk>(a);
      const auto other = static_cast<CanAsk>(b);
      CAPTURE(Name(one), Name(other));
      CHECK(AsksHuman(Narrowed(one, other)) == (AsksHuman(one) && AsksHuman(other)));
      CHECK(AsksIdentity(Narrowed(one, other)) == (AsksIdentity(one) && AsksIdentity(other)));
    }
    if (a > 0) CHECK(ParseCanAsk(kCanAskNames[a]) == static_cast<CanAsk>(a));
  }
  CHECK_FALSE(ParseCanAsk("").has_value());
  CHECK_FALSE(ParseCanAsk("Human").has_value());
}

}  // namespace
}  // namespace stockade
