// Proves that of whoever was lifted every rule speaks again, and of nobody else, against a plain list of what was lifted.
#include "engine/decision/lifted_targets.h"

#include <catch2/catch.hpp>
#include <random>

#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

const HashKey kTargetsKey{1, 2};

struct Person {
  Attempt attempt;
  std::string account, user_agent;
};

Person Draw(std::mt19937* random) {
  Person person;
  person.account = Concat("user", (*random)() % 8);
  person.user_agent = Concat("agent/", (*random)() % 4);
  const uint32_t host = (*random)() % 64;
  person.attempt.source =
      (*random)() % 2 == 0 ? Address::V4(0x0a000000 + host) : *Address::Parse(Concat("2001:db8::", host));
  person.attempt.asn = (*random)() % 4;
  return person;
}

TEST_CASE("who was lifted since a rule fired is freed, and nobody else", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  struct Lift {
    TargetValue target;
    int64_t time_ms;
  };
  for (int round = 0; round < 200; ++round) {
    LiftedTargets lifted(kTargetsKey);
    std::vector<Lift> all;
    for (int i = 0; i < 12; ++i) {
      Person person = Draw(&random);
      person.attempt.account = person.account;
      person.attempt.user_agent = person.user_agent;
      constexpr Target kTargets[] = {Target::kSourceIp, Target::kSourcePrefix, Target::kSourceAsn,
                                     Target::kSourceFingerprint, Target::kUserName};
      const auto target = TargetOf(person.attempt, kTargets[random() % std::size(kTargets)], kTargetsKey);
      if (!target) continue;
      Decision decision;
      decision.scope = target->scope;
      decision.value = target->value;
      decision.prefix = target->prefix;
      const auto time_ms = static_cast<int64_t>(random() % 1000);
      lifted.SetNow(time_ms);
      lifted.Note(decision);
      // Of one target the last lift counts.
      std::erase_if(all, [&](const Lift& one) {
        return one.target.scope == target->scope && one.target.value == target->value;
      });
      all.push_back({*target, time_ms});
    }
    for (int i = 0; i < 100; ++i) {
      Person person = Draw(&random);
      person.attempt.account = person.account;
      person.attempt.user_agent = person.user_agent;
      const auto fired_ms = static_cast<int64_t>(random() % 1000);
      const bool expected = std::ranges::any_of(all, [&](const Lift& one) {
        if (one.time_ms < fired_ms) return false;
        if (NamesAddresses(one.target.scope)) return one.target.prefix.Contains(person.attempt.source);
        for (const Target kind : {Target::kSourceAsn, Target::kSourceFingerprint, Target::kUserName}) {
          const auto own = TargetOf(person.attempt, kind, kTargetsKey);
          if (own && own->scope == one.target.scope && own->value == one.target.value) return true;
        }
        return false;
      });
      REQUIRE(lifted.Frees(person.attempt, fired_ms) == expected);
    }
  }
}

TEST_CASE("lifts too many to be told apart free everybody once", "[decision]") {
  LiftedTargets lifted(kTargetsKey);
  lifted.SetNow(100);
  Decision decision;
  for (size_t i = 0; i <= LiftedTargets::kTargetsMax; ++i) {
    decision.value = Address::V4(static_cast<uint32_t>(0x0a000000 + i)).ToString();
    decision.prefix = *Prefix::Parse(decision.value);
    lifted.Note(decision);
  }
  Attempt attempt;
  attempt.source = *Address::Parse("192.0.2.1");
  CHECK(lifted.Frees(attempt, 100));
  CHECK_FALSE(lifted.Frees(attempt, 101));
  attempt.source = *Address::Parse("10.0.0.1");
  lifted.SetNow(200);
  decision.value = "10.0.0.1";
  decision.prefix = *Prefix::Parse(decision.value);
  lifted.Note(decision);
  CHECK(lifted.Frees(attempt, 150));
}

}  // namespace
}  // namespace stockade
