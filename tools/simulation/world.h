// A world of customers, attackers and the gateway behind Stockade, as a stream of login attempts with the truth beside
// each. What is let through decides what happens next: the gateway counts and locks what reaches it, customers come back
// when they were stopped, attackers go elsewhere.
//
//   auto world = World::Create(options);
//   while (const SimulatedAttempt* login = (*world)->Next()) {
//     const Verdict verdict = engine.Assess(login->attempt);          // or Verdict(): everything is let through
//     const Settled settled = (*world)->Settle(verdict);
//     if (IsObserved(verdict, login->challenge))
//       engine.Observe({login->attempt, {settled.outcome, login->challenge}}, verdict);
//   }
//
// Order of calls: (Next Settle)*, until Next gives null at the end of the last day. A visit that is under way then is cut
// off. Attempts come in order of time, in whole milliseconds; several may have the same.
//
// Deterministic: options and the verdicts told decide every byte, on every machine. Customers' plans do not depend on
// attacks: where nothing is stopped and no account locks, they do the same with and without one.
//
// Memory: some 110 bytes a customer and 40 a login of one day. Cost: about a microsecond an attempt and, each day, 50 ns
// a customer. Not thread-safe; worlds are independent of one another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"
#include "engine/gate/verdict.h"
#include "tools/simulation/agenda.h"
#include "tools/simulation/attempt.h"
#include "tools/simulation/campaign.h"
#include "tools/simulation/order_gateway.h"
#include "tools/simulation/population.h"
#include "tools/simulation/shocks.h"
#include "tools/simulation/visits.h"
#include "tools/simulation/world_options.h"

namespace stockade {

// Whether an attack is on.
enum class Period : uint8_t { kQuiet, kDuring, kAfter };  // kAfter: within 24 h of the last one's end
inline constexpr std::string_view kPeriodNames[] = {"quiet", "during", "after"};

class World {
 public:
  // Errors: InvalidArgument, for an option out of its range; it names the option of `stockade simulate`.
  static absl::StatusOr<std::unique_ptr<World>> Create(WorldOptions options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The next attempt, or null. It lives until the next call.
  const SimulatedAttempt* Next();
  // What came of it, now that the verdict on it is known.
  Settled Settle(const Verdict& verdict);

  // As completed by Create.
  const WorldOptions& options() const noexcept { return options_; }
  const OrderGateway& gateway() const noexcept { return gateway_; }
  // Of the attempt that Next gave last.
  Period period() const noexcept { return period_; }
  // Of the whole time, how much has passed: 0 … 1,000.
  int permille_done() const noexcept;

 private:
  explicit World(WorldOptions options);

  // Whether a planned login is left that no attempt of the agenda's comes before by a day; begins days as their time comes.
  bool HasPlanned();
  void BeginDay();
  void WriteDown(const Draft& draft);
  void FindPeriod(int64_t time_ms);

  WorldOptions options_;
  Shocks shocks_;
  ClientTable clients_;
  Population population_;
  OrderGateway gateway_;
  Visits visits_;
  std::vector<Campaign> campaigns_;
  HashKey password_key_;
  int64_t end_ms_;
  int64_t day_;  // the next that begins
  std::vector<PlannedLogin> planned_;
  size_t planned_next_ = 0;
  Agenda agenda_;
  int resets_done_ = 0;

  // The attempt under way.
  Draft draft_;
  Agenda::What what_ = Agenda::What::kVisit;
  uint32_t which_ = 0;
  SimulatedAttempt current_;
  HexBuffer password_text_;
  char device_text_[16];
  Period period_ = Period::kQuiet;
  int64_t attack_ended_ms_ = -1;
};

}  // namespace stockade
