// One attack: where its attempts come from, what they look like, which names and passwords they try, and what it does
// when it is stopped. The classes are rows of one table in campaign.cc; the figures, AttackOptions.
//
// Lists: of the names `known_ppm` are customers here, each once, in an order of the campaign's own, and of their
// passwords `valid_ppm` are the ones that the customer had at the start. The rest are wrong. A spray goes through the
// customers with the most popular passwords; a lock-out picks 400 victims and returns to each eight times; a targeted
// attack has one.
//
// Feedback: an attacker who reads verdicts gives up an address that was stopped. After three stops in a row on fresh
// addresses he takes the next step: one address, addresses of one /24, homes abroad, homes in Taiwan with the
// customers' own browsers; and after three more on the last step he waits for ten minutes.
//
// Challenges: a human test is passed with `solve_ppm`, an identity step-up never, save on accounts of its own (cover).
//
// Gaps are exponential, so attempts come as by chance at the rate given; a ramp raises it in equal steps of time. The
// same options and seed give the same attempts, as long as the same of them are stopped. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/gate/verdict.h"
#include "tools/simulation/attempt.h"
#include "tools/simulation/client_table.h"
#include "tools/simulation/order_gateway.h"
#include "tools/simulation/population.h"

namespace stockade {

class Campaign {
 public:
  // Accounts of its own that a campaign with cover has.
  static constexpr uint32_t kOwnAccounts = 20;

  // `options` are complete, `number` is from 1 on; `own_accounts`: the first of kOwnAccounts numbers behind the customers'.
  // What is pointed to outlives it.
  Campaign(const WorldOptions& world, const AttackOptions& options, uint32_t number, uint32_t own_accounts,
           const Population* population, const OrderGateway* gateway, const ClientTable* clients);

  const AttackOptions& options() const noexcept { return options_; }
  uint32_t number() const noexcept { return number_; }
  bool done() const noexcept { return made_ >= options_.attempts; }
  bool begun() const noexcept { return made_ > 0; }
  // When the next attempt is due; only while not done.
  int64_t next_ms() const noexcept { return next_us_ / 1000; }

  void Write(Draft* draft);
  void Tell(const Verdict& verdict, const Settled& settled);

 private:
  enum class Step : uint8_t { kAddress, kNet, kForeignHomes, kDomesticHomes };

  void ChooseOrigin(Draft* draft);
  void ChoosePrint(Draft* draft);
  void ChooseAccount(Draft* draft);
  void ChooseKnown(Draft* draft, uint32_t customer);
  void ChooseOwn(Draft* draft);
  Origin FreshOrigin();
  Origin ScatteredHost();
  void PlanNext();
  // The customer at this place of the campaign's own order.
  uint32_t InOrder(uint64_t place) const noexcept;

  AttackOptions options_;
  uint32_t number_;
  uint32_t own_accounts_;
  uint64_t seed_;
  uint32_t customers_;
  const Population& population_;
  const OrderGateway& gateway_;
  const ClientTable& clients_;
  Chance chance_;
  uint64_t order_factor_ = 1;  // and order_shift_: the order, i · factor + shift mod customers
  uint64_t order_shift_ = 0;
  uint32_t centre_;  // its data centre, and the first host there
  uint32_t first_host_;
  uint32_t victim_ = 0;
  int64_t begin_ms_;
  int64_t next_us_;
  uint64_t made_ = 0;
  uint64_t listed_ = 0;  // names taken from the order so far
  std::vector<Origin> pool_;
  Origin origin_;
  ClientPrint mimicked_;
  uint32_t tries_left_ = 0;  // from this origin
  Step step_ = Step::kAddress;
  uint32_t stopped_in_row_ = 0;
};

}  // namespace stockade
