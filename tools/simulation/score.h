// How somebody in front of a simulated gateway did: the metrics M1 to M5 of detectors.md 3, counted while a world runs in
// lock-step. What is judged are verdicts and what came of them; detectors and rules are not asked.
//
// An attack is judged by attempts on accounts of others; its cover on accounts of its own is counted apart. Customers are
// judged by attempts of their own; programs of theirs, aggregators and clients left behind,
// which can pass no challenge, are counted apart.
//
// For settling (settling.h) nine bytes an attack attempt are kept until Finish.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/gate/verdict.h"
#include "tools/simulation/attempt.h"
#include "tools/simulation/campaign_course.h"
#include "tools/simulation/customer_score.h"
#include "tools/simulation/world.h"

namespace stockade {

struct CampaignScore : CampaignFigures {
  AttackClass kind = AttackClass::kBurst;
  uint64_t cover = 0;
};

struct LockScore {
  uint64_t by_strangers = 0;  // a stranger in the streak: M4
  // The same, but what completed the streak was a wrong password of the customer's own after he had proved who he is: only a gateway
  // that takes a proof for a reset of its counter prevents those.
  uint64_t after_proof = 0;
  uint64_t by_owner = 0;
  uint64_t customers_locked_by_strangers = 0;  // different ones
};

class Score {
 public:
  explicit Score(const WorldOptions& options);

  // After Settle, before the next Next.
  void Add(const World& world, const SimulatedAttempt& login, const Verdict& verdict, const Settled& settled);
  // Call once, last.
  void Finish();

  const std::vector<CampaignScore>& campaigns() const noexcept { return campaigns_; }
  const CustomerScore& customers(Period period, bool history) const noexcept {
    return customers_[static_cast<size_t>(period)][history ? 1 : 0];
  }
  // Of all periods, by the lane that the verdict names.
  const CustomerScore& customers_in(Lane lane) const noexcept { return by_lane_[static_cast<size_t>(lane)]; }
  const CustomerScore& programs() const noexcept { return programs_; }
  const LockScore& locks() const noexcept { return locks_; }
  uint64_t attempts() const noexcept { return attempts_; }

 private:
  std::vector<CampaignScore> campaigns_;
  std::vector<CampaignCourse> courses_;
  std::array<std::array<CustomerScore, 2>, 3> customers_ = {};
  std::array<CustomerScore, 4> by_lane_ = {};
  CustomerScore programs_;
  LockScore locks_;
  std::vector<bool> locked_;
  uint64_t attempts_ = 0;
};

// The same as one object of JSON.
std::string ToJson(const Score& score);

}  // namespace stockade
