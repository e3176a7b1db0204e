// Proven here: honest strangers raise no alarm for long, attacks of any share of the lane do within the stated numbers, and pressure
// ends when its time is over.
#include "engine/detect/pressure.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "engine/detect/outage_interlock.h"

namespace stockade {
namespace {

using enum Pressure::Stream;

constexpr int64_t kFirstMs = 1'772'000'000'000;

// Contacts until pressure is on, where a share of them is attack.
int UntilOn(std::mt19937* random, double share, double honest, int most) {
  Pressure pressure({.h = 7});
  std::uniform_real_distribution<double> draw(0, 1);
  int attack = 0;
  for (int64_t now_ms = kFirstMs; attack < most; now_ms += 1000) {
    const bool is_attack = draw(*random) < share;
    attack += is_attack ? 1 : 0;
    pressure.Feed(kNew, is_attack ? draw(*random) < 0.985 : draw(*random) < honest, now_ms);
    if (pressure.Level(now_ms) > 0) return attack;
  }
  return most;
}

TEST_CASE("an attack on strangers' lane is seen after the attempts that the charts need", "[detect]") {
  std::mt19937 random(3);
  const auto median = [&](double share) {
    std::vector<int> all;
    for (int i = 0; i < 101; ++i) all.push_back(UntilOn(&random, share, 0.25, 1000));
    std::nth_element(all.begin(), all.begin() + 50, all.end());
    return all[50];
  };
  CHECK(median(1) <= 8);
  CHECK(median(0.5) <= 14);
  CHECK(median(0.2) <= 28);
  CHECK(median(0.1) <= 45);
}

TEST_CASE("honest strangers are an attack once in thousands", "[detect]") {
  std::mt19937 random(4);
  std::uniform_real_distribution<double> draw(0, 1);
  Pressure pressure;
  int64_t on = 0;
  constexpr int64_t kContacts = 200'000;
  for (int64_t i = 0; i < kContacts; ++i) {
    const int64_t now_ms = kFirstMs + i * 4000;  // nine days
    pressure.Feed(kKnown, draw(random) < 0.12, now_ms);
    on += pressure.Level(now_ms) > 0 ? 1 : 0;
  }
  CHECK(on < kContacts / 50);
  CHECK(pressure.Loudest(kFirstMs + kContacts * 4000).p0 < 0.2F);  // learnt
}

TEST_CASE("pressure holds for its time, and no longer than somebody comes", "[detect]") {
  Pressure pressure({.h = 9.2F, .hold_ms = 1'800'000});
  int64_t now_ms = kFirstMs;
  for (int i = 0; i < 30; ++i) pressure.Feed(kNew, true, now_ms += 1000);
  CHECK(pressure.Level(now_ms + 1'700'000) > 0);
  // Nobody comes any more.
  CHECK(pressure.Level(now_ms + 8 * 1'800'000) == 0);
}

TEST_CASE("stopped attempts that turn out well are taken back", "[detect]") {
  Pressure pressure;
  int64_t now_ms = kFirstMs;
  for (int i = 0; i < 500; ++i) {
    pressure.Feed(kNew, true, now_ms += 1000);
    pressure.TakeBack(kNew, now_ms);
    pressure.Feed(kNew, false, now_ms);
  }
  CHECK(pressure.Level(now_ms) == 0);
}

TEST_CASE("an attack on known accounts stands out beside a rush of new customers and of slips", "[detect]") {
  Pressure pressure;
  std::mt19937 random(8);
  std::uniform_real_distribution<double> draw(0, 1);
  int attack = 0;
  int64_t now_ms = kFirstMs;
  for (; attack < 200 && pressure.Level(now_ms) == 0; now_ms += 1000) {
    // Twenty new customers, two who mistype their names among hundreds who get in, one honest stranger, one attempt of the attack.
    for (int i = 0; i < 20; ++i) pressure.Feed(kNew, draw(random) < 0.1, now_ms);
    for (int i = 0; i < 100; ++i) pressure.Feed(kNames, draw(random) < 0.02, now_ms);
    pressure.Feed(kKnown, draw(random) < 0.1, now_ms);
    pressure.Feed(kKnown, true, now_ms);
    ++attack;
  }
  CHECK(attack <= 30);  // a hundred and more, were all strangers one stream
  CHECK(pressure.Loudest(now_ms).what.starts_with("strangers at accounts that have an owner"));
}

TEST_CASE("slips of the pen are no attack in a million logins; a list of names that do not exist is one",
          "[detect]") {
  Pressure pressure;
  std::mt19937 random(9);
  std::uniform_real_distribution<double> draw(0, 1);
  int64_t now_ms = kFirstMs;
  int64_t on = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    pressure.Feed(kNames, draw(random) < 0.02, now_ms += 500);
    on += pressure.Level(now_ms) > 0 ? 1 : 0;
  }
  CHECK(on == 0);
  int names = 0;
  for (; names < 100 && pressure.Level(now_ms) == 0; ++names) {
    pressure.Feed(kNames, true, now_ms += 500);
    pressure.Feed(kNames, draw(random) < 0.02, now_ms += 500);
  }
  CHECK(names <= 10);
}

TEST_CASE("an outage is told from a bad day", "[detect]") {
  std::mt19937 random(6);
  std::uniform_real_distribution<double> draw(0, 1);
  OutageInterlock interlock;
  int64_t now_ms = kFirstMs;
  const auto live = [&](int attempts, double failing, int64_t apart_ms) {
    int on = 0;
    for (int i = 0; i < attempts; ++i) {
      interlock.Feed(draw(random) < failing, now_ms += apart_ms);
      on += interlock.IsOn(now_ms) ? 1 : 0;
    }
    return on;
  };
  CHECK(live(50'000, 0.08, 100) == 0);
  CHECK(live(6'000, 0.13, 100) == 0);  // a password manager's bug
  CHECK(live(600, 0.9, 100) > 200);    // the back end is down
  CHECK(live(6'000, 0.08, 100) < 1500);
  CHECK_FALSE(interlock.IsOn(now_ms));
}

}  // namespace
}  // namespace stockade
