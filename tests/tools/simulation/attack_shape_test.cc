// Proven here: each class of attack has the shape that detectors.md 1.3 gives it, and attackers react to what they are
// told.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/tools/simulation/run_world.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

struct Shape {
  uint64_t attempts = 0;
  std::map<Address, uint64_t> addresses;
  std::set<std::string> nets;  // /24, /48
  std::map<std::string, uint64_t> accounts;
  std::set<std::string> user_agents;
  std::set<std::string> ja4s;
  std::map<std::string, uint64_t> passwords;
  std::map<uint32_t, uint64_t> asns;
  uint64_t taiwan = 0, unknown = 0, right = 0, solved = 0, cover = 0, with_device = 0, carriers = 0;
  int64_t first_ms = 0, last_ms = 0;
};

WorldOptions Small() {
  WorldOptions options;
  options.customers = 8'000;
  options.days = 3;
  return options;
}

Shape ShapeOf(const WorldOptions& options, const Answer& answer = nullptr) {
  Shape shape;
  for (const SeenLogin& login : RunWorld(options, answer)) {
    if (login.truth.who != Who::kAttack) continue;
    if (shape.attempts++ == 0) shape.first_ms = login.time_ms;
    shape.last_ms = login.time_ms;
    if (login.truth.cover) {
      ++shape.cover;
      continue;
    }
    ++shape.addresses[login.source];
    shape.nets.insert(Prefix::Around(login.source, login.source.is_v4() ? 24 : 48).ToString());
    ++shape.accounts[login.account];
    shape.user_agents.insert(login.user_agent);
    shape.ja4s.insert(login.ja4);
    ++shape.passwords[login.password_id];
    ++shape.asns[login.asn];
    if (login.country == "TW") ++shape.taiwan;
    if (login.asn >= 64'501 && login.asn <= 64'503) ++shape.carriers;
    if (login.truth.target == kNobody) ++shape.unknown;
    if (login.truth.right) ++shape.right;
    if (login.challenge.human == ChallengeResult::kPassed) ++shape.solved;
    CHECK(login.challenge.identity == ChallengeResult::kFailed);
    if (!login.device.empty()) ++shape.with_device;
  }
  return shape;
}

Shape ShapeOf(AttackClass kind) {
  WorldOptions options = Small();
  options.attacks = {AttackOptions::Of(kind)};
  // Long ones need not run to their end.
  if (kind == AttackClass::kRamp) options.attacks[0].attempts = 4'000;
  if (kind == AttackClass::kRamp) options.attacks[0].attempts_per_hour = 200;
  return ShapeOf(options);
}

double PerSecond(const Shape& shape) {
  return static_cast<double>(shape.attempts) * 1000 / static_cast<double>(shape.last_ms - shape.first_ms);
}

TEST_CASE("burst: one address, one tool, a list", "[simulation]") {
  const Shape shape = ShapeOf(AttackClass::kBurst);
  CHECK(shape.attempts == 3'000);
  CHECK(shape.addresses.size() == 1);
  CHECK(shape.user_agents.size() == 1);
  CHECK(shape.ja4s.size() == 1);
  CHECK(PerSecond(shape) == Approx(10).epsilon(0.1));
  CHECK(static_cast<double>(shape.unknown) == Approx(0.34 * 3'000).margin(120));
  for (const auto& [account, count] : shape.accounts) CHECK(count == 1);
}

TEST_CASE("net: the hosts of one /24; net6: addresses all over one /48", "[simulation]") {
  const Shape v4 = ShapeOf(AttackClass::kNet);
  CHECK(v4.nets.size() == 1);
  CHECK(v4.addresses.size() > 100);
  const Shape v6 = ShapeOf(AttackClass::kNet6);
  CHECK(v6.nets.size() == 1);
  CHECK(v6.nets.begin()->ends_with("/48"));
  CHECK(v6.addresses.size() == v6.attempts);
}

TEST_CASE("residential: one try an address, many networks, one tool; rotating: many user agents, one JA4",
          "[simulation]") {
  const Shape tool = ShapeOf(AttackClass::kResidential);
  CHECK(tool.addresses.size() > tool.attempts * 99 / 100);
  CHECK(tool.asns.size() > 1'000);
  CHECK(tool.user_agents.size() == 1);
  CHECK(tool.taiwan == 0);
  const Shape rotating = ShapeOf(AttackClass::kRotating);
  CHECK(rotating.addresses.size() > rotating.attempts * 99 / 100);
  CHECK(rotating.user_agents.size() > 30);
  CHECK(rotating.ja4s.size() == 1);
}

TEST_CASE("mimic: the customers' prints, country and carriers, but no device of theirs", "[simulation]") {
  WorldOptions options = Small();
  options.attacks = {AttackOptions::Of(AttackClass::kMimic)};
  std::set<std::string> prints;
  for (const SeenLogin& login : RunWorld(options)) {
    if (login.truth.who == Who::kCustomer) prints.insert(login.ja4 + login.user_agent);
  }
  const Shape shape = ShapeOf(options);
  CHECK(shape.taiwan == shape.attempts);
  CHECK(static_cast<double>(shape.carriers) == Approx(0.3 * 6'000).margin(150));
  CHECK(shape.with_device == 0);
  CHECK(shape.ja4s.size() >= 4);
  CHECK(shape.solved == 0);
  for (const SeenLogin& login : RunWorld(options)) {
    if (login.truth.who == Who::kAttack) REQUIRE(prints.contains(login.ja4 + login.user_agent));
  }
}

TEST_CASE("slow: sixty addresses that come back, one try a minute together", "[simulation]") {
  const Shape shape = ShapeOf(AttackClass::kSlow);
  CHECK(shape.addresses.size() == 60);
  CHECK(PerSecond(shape) * 3600 == Approx(60).epsilon(0.1));
  for (const auto& [address, count] : shape.addresses) CHECK(count > 10);
}

TEST_CASE("spray: every account, three passwords", "[simulation]") {
  const Shape shape = ShapeOf(AttackClass::kSpray);
  CHECK(shape.passwords.size() == 3);
  uint64_t most = 0;
  for (const auto& [account, count] : shape.accounts) most = std::max(most, count);
  CHECK(most <= 3);
  CHECK(shape.right > 0);  // somebody has it
  CHECK(shape.right < shape.attempts / 50);
}

TEST_CASE("lockout: chosen accounts, eight wrong passwords each, and they lock", "[simulation]") {
  WorldOptions options = Small();
  options.attacks = {AttackOptions::Of(AttackClass::kLockout)};
  const Shape shape = ShapeOf(options);
  CHECK(shape.accounts.size() == 400);
  for (const auto& [account, count] : shape.accounts) CHECK(count == 8);
  CHECK(shape.right == 0);
  std::set<uint32_t> locked;
  for (const SeenLogin& login : RunWorld(options)) {
    if (login.settled.locked_now && login.settled.stranger_in_lock) locked.insert(login.truth.target);
  }
  CHECK(locked.size() > 380);
}

TEST_CASE("enumeration: nine names in ten do not exist", "[simulation]") {
  const Shape shape = ShapeOf(AttackClass::kEnumeration);
  CHECK(static_cast<double>(shape.unknown) == Approx(0.9 * 4'000).margin(100));
  CHECK(shape.addresses.size() == 200);
}

TEST_CASE("combo: one pair in ten is right; targeted: one account from its owner's provider",
          "[simulation]") {
  const Shape combo = ShapeOf(AttackClass::kCombo);
  CHECK(static_cast<double>(combo.right) == Approx(0.09 * 600).margin(25));
  const Shape targeted = ShapeOf(AttackClass::kTargeted);
  CHECK(targeted.accounts.size() == 1);
  CHECK(targeted.asns.size() == 1);
  CHECK(targeted.taiwan == targeted.attempts);
}

TEST_CASE("solver: three human tests in ten; carrier: nothing but carriers; cover: successes of its own",
          "[simulation]") {
  const Shape solver = ShapeOf(AttackClass::kSolver);
  CHECK(static_cast<double>(solver.solved) == Approx(0.3 * 6'000).margin(150));
  const Shape carrier = ShapeOf(AttackClass::kCarrier);
  CHECK(carrier.carriers == carrier.attempts);
  const Shape cover = ShapeOf(AttackClass::kCover);
  CHECK(static_cast<double>(cover.cover) == Approx(0.3 * 6'000).margin(150));
  CHECK(cover.addresses.size() <= 40);
}

TEST_CASE("ramp: the second half has three times as many as the first; rush: around the open",
          "[simulation]") {
  WorldOptions options = Small();
  options.attacks = {AttackOptions::Of(AttackClass::kRamp)};
  options.attacks[0].at_ms = 0;
  options.attacks[0].attempts = 100'000;  // the world ends before
  uint64_t first = 0, second = 0;
  for (const SeenLogin& login : RunWorld(options)) {
    if (login.truth.who != Who::kAttack || login.time_ms >= options.start_ms + 2 * kDayMs) continue;
    (login.time_ms < options.start_ms + kDayMs ? first : second)++;
  }
  CHECK(static_cast<double>(second) / static_cast<double>(first) == Approx(3).epsilon(0.15));
  const Shape rush = ShapeOf(AttackClass::kRush);
  CHECK(TimeOfDayMs(rush.first_ms) == kMarketOpenMs - 2 * kMinuteMs);
  CHECK(TimeOfDayMs(rush.last_ms) < kMarketOpenMs + 15 * kMinuteMs);
}

TEST_CASE("feedback: an attacker who is stopped climbs from one address to homes with customers' browsers",
          "[simulation]") {
  WorldOptions options = Small();
  options.attacks = {AttackOptions::Of(AttackClass::kFeedback)};
  const Shape unhindered = ShapeOf(options);
  CHECK(unhindered.nets.size() == 1);
  CHECK(unhindered.ja4s.size() == 1);
  const Shape stopped = ShapeOf(options, [](const SimulatedAttempt& login) {
    Verdict verdict;
    if (login.truth.who == Who::kAttack) verdict.kind = VerdictKind::kDeny;
    return verdict;
  });
  CHECK(stopped.nets.size() > 100);
  CHECK(stopped.ja4s.size() > 4);
  CHECK(stopped.taiwan > 0);
  // Whoever is stopped everywhere takes his time.
  CHECK(stopped.last_ms - stopped.first_ms > 3 * (unhindered.last_ms - unhindered.first_ms));
}

}  // namespace
}  // namespace stockade
