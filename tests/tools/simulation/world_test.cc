// Proven here: a world is a function of its options and of the verdicts told, byte for byte; what was stopped moved
// nothing; the interfaces refuse what makes no sense.
#include "tools/simulation/world.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/tools/simulation/run_world.h"
#include "tools/simulation/score.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

WorldOptions Everything(uint64_t seed) {
  WorldOptions options;
  options.seed = seed;
  options.customers = 600;
  options.days = 3;
  options.certificates_ppm = 800'000;
  for (size_t i = 0; i < kAttackClassNames.size(); ++i) {
    AttackOptions attack = AttackOptions::Of(static_cast<AttackClass>(i));
    attack.attempts = 100;
    options.attacks.push_back(attack);
  }
  for (size_t i = 0; i < kShockNames.size(); ++i) {
    options.shocks.push_back(ShockOptions::Of(static_cast<ShockKind>(i)));
  }
  return options;
}

TEST_CASE("the same options give the same bytes, another seed gives others", "[simulation]") {
  const std::string first = LinesOf(Everything(5));
  CHECK(first.size() > 500'000);
  CHECK(first == LinesOf(Everything(5)));
  CHECK(first != LinesOf(Everything(6)));
}

// Guards what users rely on when they quote a seed; a change of the world changes this number on purpose.
TEST_CASE("the bytes of a seed are those of every other machine", "[simulation]") {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : LinesOf(Everything(7))) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  CHECK(hash == 14556319637604152794u);
}

TEST_CASE("lock-step in which nothing is stopped is the log", "[simulation]") {
  uint64_t asked = 0;
  const std::string stepped = LinesOf(Everything(8), [&asked](const SimulatedAttempt&) {
    ++asked;
    return Verdict();
  });
  CHECK(asked > 1'000);
  CHECK(stepped == LinesOf(Everything(8)));
}

TEST_CASE("customers do the same with and without an attack that cannot lock them out", "[simulation]") {
  WorldOptions options;
  options.customers = 2'000;
  options.days = 2;
  const auto customers = [&options] {
    std::vector<std::string> logins;
    for (const SeenLogin& login : RunWorld(options)) {
      if (login.truth.who == Who::kCustomer)
        logins.push_back(login.account + login.source.ToString() + std::to_string(login.time_ms));
    }
    return logins;
  };
  const std::vector<std::string> quiet = customers();
  options.attacks = {AttackOptions::Of(AttackClass::kEnumeration)};
  options.attacks[0].known_ppm = 0;
  CHECK(customers() == quiet);
}

TEST_CASE("what is stopped moves no counter, and nobody is locked by strangers who are all stopped",
          "[simulation]") {
  const int limit = GENERATE(3, 5, 10);
  WorldOptions options;
  options.customers = 2'000;
  options.days = 2;
  options.lock_limit = limit;
  options.attacks = {AttackOptions::Of(AttackClass::kLockout), AttackOptions::Of(AttackClass::kBurst)};
  const std::unique_ptr<World> world = MakeWorld(options);
  Score score(world->options());
  while (const SimulatedAttempt* login = world->Next()) {
    Verdict verdict;
    if (login->truth.who == Who::kAttack) verdict.kind = VerdictKind::kDeny;
    const Settled settled = world->Settle(verdict);
    if (login->truth.who == Who::kAttack) {
      CHECK_FALSE(settled.forwarded);
      CHECK(settled.outcome == Outcome::kStopped);
      CHECK_FALSE(settled.locked_now);
    }
    CHECK(world->gateway().WrongInARow(0) <= limit);
    score.Add(*world, *login, verdict, settled);
  }
  score.Finish();
  REQUIRE(score.campaigns().size() == 2);
  for (const CampaignScore& campaign : score.campaigns()) {
    CHECK(campaign.reached == 0);
    CHECK(campaign.first_stop == 1);
    CHECK(campaign.settled);
    CHECK(campaign.settled_after == 0);
    CHECK(campaign.taken_over == 0);
  }
  // A stranger may also be a customer who mistyped his name; none of those is here.
  CHECK(score.locks().by_strangers == 0);
  CHECK(score.customers(Period::kDuring, true).attempts > 0);
  CHECK(score.customers(Period::kDuring, true).touched() == 0);
}

TEST_CASE("a challenge lets pass who passes it, and customers who are stopped come back", "[simulation]") {
  WorldOptions options;
  options.customers = 1'000;
  options.days = 2;
  uint64_t passed = 0, failed = 0;
  const auto ask = [](const SimulatedAttempt&) {
    Verdict verdict;
    verdict.kind = VerdictKind::kChallenge;
    return verdict;
  };
  for (const SeenLogin& login : RunWorld(options, ask)) {
    CHECK(login.settled.forwarded == (login.challenge.human == ChallengeResult::kPassed));
    (login.settled.forwarded ? passed : failed)++;
  }
  CHECK(passed > failed);
  const auto deny = [](const SimulatedAttempt&) {
    Verdict verdict;
    verdict.kind = VerdictKind::kDeny;
    return verdict;
  };
  std::map<uint32_t, int> tries;
  for (const SeenLogin& login : RunWorld(options, deny)) {
    if (login.truth.who == Who::kCustomer) ++tries[login.truth.customer];
    CHECK_FALSE(login.truth.history);
  }
  int many = 0;
  for (const auto& [customer, count] : tries) many += count >= 4 ? 1 : 0;
  CHECK(many > static_cast<int>(tries.size()) / 2);
}

TEST_CASE("history is an earlier success of the same customer, and nothing else", "[simulation]") {
  std::set<uint32_t> before;
  WorldOptions options = Everything(3);
  for (const SeenLogin& login : RunWorld(options)) {
    if (login.truth.who == Who::kAttack) continue;
    CHECK(login.truth.history == before.contains(login.truth.customer));
    if (login.settled.outcome == Outcome::kSuccess && login.truth.target == login.truth.customer)
      before.insert(login.truth.customer);
  }
  CHECK(before.size() > 200);
}

TEST_CASE("fields that are left out are in no attempt", "[simulation]") {
  WorldOptions options = Everything(4);
  options.left_out = {true, true, true, true, true};
  options.certificates_ppm = 0;
  const std::string lines = LinesOf(options);
  for (const char* field :
       {"password_id", "ja4", "header_order", "device\"", "\"as\"", "geo", "certificate\""}) {
    CAPTURE(field);
    CHECK(lines.find(field) == std::string::npos);
  }
}

TEST_CASE("what makes no sense is refused by name", "[simulation]") {
  const auto message = [](const absl::Status& status) { return std::string(status.message()); };
  CHECK(ParseAttack("mimic:attempts=10,rate=90/m,at=1d2h,solve=30%").ok());
  CHECK_THAT(message(ParseAttack("mimick").status()), Catch::Contains("did you mean 'mimic'?"));
  CHECK_THAT(message(ParseAttack("mimic:atempts=1").status()), Catch::Contains("did you mean 'attempts'?"));
  CHECK_THAT(message(ParseAttack("mimic:rate=5").status()), Catch::Contains("20/s"));
  CHECK_THAT(message(ParseAttack("mimic:solve=2").status()), Catch::Contains("share"));
  CHECK_THAT(message(ParseAttack("mimic:attempts=").status()), Catch::Contains("whole number"));
  CHECK_THAT(message(ParseShock("outage:for=soon").status()), Catch::Contains("15m"));
  CHECK_THAT(message(ParseShock("flood").status()), Catch::Contains("carrier-outage"));
  WorldOptions options;
  options.days = 1;
  options.attacks = {AttackOptions::Of(AttackClass::kBurst)};
  options.attacks[0].at_ms = 2 * kDayMs;
  CHECK_THAT(message(World::Create(options).status()), Catch::Contains("--days"));
  options.attacks.clear();
  options.lock_limit = 1;
  CHECK_THAT(message(World::Create(options).status()), Catch::Contains("--lock"));
}

TEST_CASE("offsets are read with their units, largest first", "[simulation]") {
  int64_t ms = -1;
  CHECK(ParseOffsetMs("4d10h30m", &ms));
  CHECK(ms == 4 * kDayMs + 10 * kHourMs + 30 * kMinuteMs);
  CHECK(ParseOffsetMs("1500ms", &ms));
  CHECK(ms == 1'500);
  CHECK(ParseOffsetMs("0", &ms));
  for (const char* wrong : {"", "4", "d", "10h4d", "1h1h", "4x", "-1d", "9999999d"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseOffsetMs(wrong, &ms));
  }
}

}  // namespace
}  // namespace stockade
