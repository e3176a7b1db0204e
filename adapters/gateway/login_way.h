// The ways by which logins come to the gate, and what each can ask a person for: a test whether a human is there, or who he is.
//
//   way            a kind can be asked for where                                          the result comes back
//   proxy          its answer leads somewhere, and a result can come back                 by the application's token or /v1/challenge
//   auth-request   always: X-Stockade-Kind says which, and nginx's error_page shows it    by /v1/challenge
//   forward-auth   its answer, which goes to the client whole, leads somewhere            by /v1/challenge
//   ext-authz      the same                                                               by /v1/challenge
//   appsec         human alone: the protocol has one word for both, `captcha`             to the bouncer, which shows it and lets by
//   assess         always; the caller may say less of each login (login.can_ask)          by /v1/challenge
//
// An answer leads somewhere if a client can do with it what he cannot with a denial: a redirect, a field of its own (the default's
// Stockade-Challenge is one), or content that is no plain prose. Whether somebody stands at the other end of it nobody here can
// know: `detectors.challenges` says less where nobody does. It never says more: the engine takes what both allow.
//
// Logins that are only seen (live sources, captures) are asked for nothing and say nothing of it.
//
// Pure; any thread; cheap, but for load time: hand the result on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "adapters/gateway/settings.h"
#include "engine/event/outcome.h"

namespace stockade {

enum class LoginWay : uint8_t { kProxy, kAuthRequest, kForwardAuth, kExtAuthz, kAppSec, kAssess };
inline constexpr std::array<std::string_view, 6> kLoginWayNames = {
    "proxy", "auth-request", "forward-auth", "ext-authz", "appsec", "assess"};
inline constexpr size_t kLoginWays = kLoginWayNames.size();
using CanAskByWay = std::array<CanAsk, kLoginWays>;

// Whether a client can go on from `answer` as he cannot from `deny`.
bool LeadsOn(const AnswerSettings& answer, const AnswerSettings& deny);
// Whether anybody can tell the gate that a challenge of the proxy's was passed.
bool ResultsComeBack(const GatewaySettings& settings);

CanAsk CanAskBy(LoginWay way, const GatewaySettings& settings);
CanAskByWay CanAskByWays(const GatewaySettings& settings);

}  // namespace stockade
