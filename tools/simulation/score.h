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
#include "tools/simulation/customer_score.h"
#include "tools/simulation/world.h"

namespace stockade {

struct CampaignScore {
  AttackClass kind = AttackClass::kBurst;
  uint64_t attempts = 0;  // without cover
  uint64_t reached = 0;   // the password check: M1
  uint64_t reached_first_minute = 0;
  uint64_t reached_first_ten_minutes = 0;
  uint64_t cover = 0;
  uint64_t valid_tried = 0;    // right pairs: M2
  uint64_t taken_over = 0;     // and let in
  uint64_t first_stop = 0;     // the attempt's number, from 1 on; 0: none was stopped: M3
  int64_t first_stop_ms = 0;   // after the first attempt
  uint64_t settled_after = 0;  // attempts before it has settled
  int64_t settled_after_ms = 0;
  bool settled = false;
  uint64_t challenges_solved = 0;
};

struct LockScore {
  uint64_t by_strangers = 0;  // a stranger in the streak: M4
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
  struct Trace {
    std::vector<bool> stopped;
    std::vector<int64_t> after_ms;  // of each, since the first
    int64_t begin_ms = 0;
  };

  std::vector<CampaignScore> campaigns_;
  std::vector<Trace> traces_;
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
