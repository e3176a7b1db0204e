// What customers do at the login: a visit is one intention to log in, with all the tries it takes.
//
// Slips, a login each (microsoft/StopGuessing, Simulator/ExperimentalConfiguration.cs; detectors.md 1.1), three times as
// likely for typos on a device that is new:
//   2 %     a mistyped password; two times in three the next try is mistyped too
//   1.5 %   the password of another account; one time in three again
//   0.6 %   a mistyped account name; one time in five again (StopGuessing has 2 %; brokers see 0.3 to 1 %)
//   0.3 %   the password is forgotten: each try has a chance of 24 %, so that 56 % are in after 3 tries and 92 % after 9
//           (Brostoff & Sasse 2003), then it is reset
//   0.02 %  after it a client with an old password is left behind, which tries every 5 minutes for 24 hours (StopGuessing
//           has 0.04 %, for which twice the published share of bad passwords would come of it)
// Seven seconds lie between two tries. Whoever finds his account locked waits it out, or calls the help desk.
//
// Customers react: who is denied, slowed down or fails a challenge tries again, sooner at first, and gives up in the end.
// They pass a human test 97 times in 100 and an identity step-up 95 times, in a strange place 85. An aggregator can do
// neither.
//
// 144 bytes an open visit. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/gate/verdict.h"
#include "tools/simulation/agenda.h"
#include "tools/simulation/attempt.h"
#include "tools/simulation/order_gateway.h"
#include "tools/simulation/population.h"
#include "tools/simulation/shocks.h"

namespace stockade {

class Visits {
 public:
  // All of them outlive it. `options` are complete.
  Visits(const WorldOptions& options, Population* population, OrderGateway* gateway, const Shocks* shocks,
         const ClientTable* clients);

  // A visit begins; its number. Then its first attempt may be written.
  uint32_t Begin(const PlannedLogin& login);
  // The attempt that the visit makes now.
  void Write(uint32_t visit, int64_t time_ms, Draft* draft);
  // What came of that attempt. Puts the next one into `agenda`, or ends the visit.
  void Tell(uint32_t visit, int64_t time_ms, const Verdict& verdict, const Settled& settled, Agenda* agenda);

 private:
  enum class Kind : uint8_t { kLogin, kAggregator, kStaleClient };
  enum class Slip : uint8_t { kNone, kTypo, kOtherAccount, kWrongName, kForgotten, kOldPassword };
  struct Visit {
    Chance chance{0};
    Origin origin;
    uint32_t customer = 0;
    uint32_t typed_name = 0;  // of a wrong one: the number
    Kind kind = Kind::kLogin;
    Slip slip = Slip::kNone;
    DeviceSlot slot = DeviceSlot::kComputer;
    bool strange = false;          // not in any of his usual places
    bool borrowed = false;         // on a machine that is not his
    bool calls_help_desk = false;  // before the next try
    uint16_t tries = 0;            // wrong so far
    uint8_t stops = 0;             // in a row
    uint8_t returns = 0;           // how often he went away and came back
  };

  void ChoosePlace(Visit* visit, int64_t time_ms) const;
  void ChooseSlip(Visit* visit, int64_t time_ms) const;
  uint64_t PasswordTyped(Visit* visit, int64_t time_ms) const;
  // When the next try comes; 0: the visit is over.
  int64_t AfterStop(Visit* visit, int64_t time_ms, VerdictKind kind) const;
  int64_t AfterFailure(Visit* visit, int64_t time_ms, Outcome outcome) const;
  uint32_t Open(const Visit& visit);

  WorldOptions options_;
  Population& population_;
  OrderGateway& gateway_;
  const Shocks& shocks_;
  const ClientTable& clients_;
  std::vector<Visit> visits_;
  std::vector<uint32_t> free_;
};

}  // namespace stockade
