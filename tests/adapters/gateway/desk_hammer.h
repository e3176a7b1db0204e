// One of several threads that use a desk at once, at random.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/adapters/gateway/desk_scene.h"

namespace stockade {

// A block or challenge on one of the hammer's addresses or networks, for up to an hour, as an operator gives it.
inline Decision HandOrder(std::mt19937* random, int64_t now_ns) {
  Decision decision;
  const Address source =
      Address::V4(static_cast<uint32_t>(0xc0000200u + (((*random)() % 6) << 8) + (*random)() % 4));
  decision.prefix = Prefix::Around(source, (*random)() % 4 == 0 ? 24 : 32);
  decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
  decision.value = decision.prefix.ToString();
  decision.action = (*random)() % 2 == 0 ? Action::kBlock : Action::kThrottle;
  decision.until_ms = now_ns / 1'000'000 + 1 + static_cast<int64_t>((*random)() % 3'600'000);
  decision.rule = "by hand";
  decision.reason = "a \"guess\"";
  return decision;
}

// Several threads ask, tell, abandon, forget, pass challenges, switch modes, give and take orders by hand, and switch
// enforcement, at random.
inline void Hammer(DeskScene* scene, unsigned seed, int attempts) {
  std::mt19937 random(seed);
  std::vector<uint64_t> tickets;
  constexpr Outcome kOutcomes[] = {Outcome::kSuccess, Outcome::kBadPassword, Outcome::kBadPassword,
                                   Outcome::kUnknownAccount, Outcome::kUnknown};
  for (int i = 0; i < attempts; ++i) {
    scene->now_ns += static_cast<int64_t>(random() % 400) * 1'000'000;
    const auto dice = random() % 1000;
    if (dice < 5) scene->now_ns += 3600 * DeskScene::kSecond;
    if (dice == 5) scene->now_ns -= 7200 * DeskScene::kSecond;
    if (dice >= 6 && dice < 10) scene->now_ns -= 30 * DeskScene::kSecond;
    if (dice == 10) scene->desk->SetMode(static_cast<Mode>(random() % 4));
    if (dice > 10 && dice < 40) scene->desk->SetMode(Mode::kProtect);
    if (dice >= 40 && dice < 55) {
      scene->desk->Order({HandOrder(&random, scene->now_ns), HandOrder(&random, scene->now_ns)}, "operator",
                         "");
    }
    if (dice >= 55 && dice < 60) {
      const std::vector<Decision> standing = scene->desk->StandingDecisions();
      if (!standing.empty())
        scene->desk->Release(std::span(&standing[random() % standing.size()], 1), "operator", "a mistake");
    }
    if (dice >= 60 && dice < 65) scene->desk->SetEnforcing(dice > 61);
    const std::string account = "c" + std::to_string(random() % 12) + (random() % 50 == 0 ? "\xff" : "");
    const std::string device = random() % 2 == 0 ? "d" + account : "";
    const Address source =
        Address::V4(static_cast<uint32_t>(0xc0000200u + ((random() % 6) << 8) + random() % 4));
    if (dice > 600 && dice < 750) {
      scene->desk->NoteChallengePassed(static_cast<ChallengeKind>(random() % 2), account, source, device);
    }
    Attempt attempt;
    attempt.source = source;
    attempt.account = account;
    if (!device.empty()) attempt.device = device;
    attempt.user_agent = "agent/1.0 \"q\"";
    if (random() % 3 == 0) attempt.can_ask = static_cast<CanAsk>(random() % kCanAskNames.size());
    if (random() % 4 == 0)
      attempt.certificate = static_cast<CertificateStatus>(random() % kCertificateNames.size());
    const GateAnswer answer = scene->desk->Assess(attempt);
    if (answer.reaches) tickets.push_back(answer.ticket);
    while (tickets.size() > 8 || (!tickets.empty() && random() % 2 == 0)) {
      const size_t at = random() % tickets.size();
      if (random() % 20 == 0) {
        scene->desk->Abandon(tickets[at]);
      } else if (random() % 20 != 0) {  // else forgotten: its time will be over
        scene->desk->Observe(tickets[at], kOutcomes[random() % std::size(kOutcomes)]);
      }
      tickets[at] = tickets.back();
      tickets.pop_back();
    }
  }
}

}  // namespace stockade
