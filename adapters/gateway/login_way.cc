#include "adapters/gateway/login_way.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "adapters/http/endpoint_address.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool HasField(const AnswerSettings& answer, const std::pair<std::string, std::string>& field) {
  return std::any_of(answer.headers.begin(), answer.headers.end(), [&](const auto& one) {
    return absl::EqualsIgnoreCase(one.first, field.first) && one.second == field.second;
  });
}

CanAsk OfAnswers(const AnswersSettings& answers) {
  return CanAskFor(LeadsOn(answers.challenge_human, answers.deny),
                   LeadsOn(answers.challenge_identity, answers.deny));
}

}  // namespace

bool LeadsOn(const AnswerSettings& answer, const AnswerSettings& deny) {
  if (!answer.redirect.empty() && answer.redirect != deny.redirect) return true;
  const bool has_own_field = std::any_of(answer.headers.begin(), answer.headers.end(),
                                         [&](const auto& field) { return !HasField(deny, field); });
  if (has_own_field) return true;
  const bool is_prose = absl::StartsWithIgnoreCase(answer.content_type, "text/plain");
  return !is_prose && !answer.body.empty() && answer.body != deny.body;
}

bool ResultsComeBack(const GatewaySettings& settings) {
  return !settings.challenges.secret_file.empty() || IsSet(settings.service.at);
}

CanAsk CanAskBy(LoginWay way, const GatewaySettings& settings) {
  switch (way) {
    case LoginWay::kProxy:
      return ResultsComeBack(settings) ? OfAnswers(settings.answers) : CanAsk::kNeither;
    case LoginWay::kForwardAuth:
    case LoginWay::kExtAuthz:
      return OfAnswers(settings.answers);
    case LoginWay::kAppSec:
      return CanAsk::kHuman;
    case LoginWay::kAuthRequest:
    case LoginWay::kAssess:
      break;
  }
  return CanAsk::kBoth;
}

CanAskByWay CanAskByWays(const GatewaySettings& settings) {
  CanAskByWay can_ask{};
  for (size_t way = 0; way < kLoginWays; ++way) can_ask[way] = CanAskBy(static_cast<LoginWay>(way), settings);
  return can_ask;
}

}  // namespace stockade
