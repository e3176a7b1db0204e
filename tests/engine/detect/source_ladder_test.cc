// Proven here: on each rung the score is the formula over first contacts, computed naively; one guilty host is no guilty network; a
// shared source says so; a flood of sources displaces nobody who is suspect.
#include "engine/detect/source_ladder.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "engine/text.h"

namespace stockade {
namespace {

constexpr HashKey kKey{3, 4};
constexpr int64_t kStartMs = 1'772'000'000'000;
constexpr int64_t kHourMs = 3'600'000;

Attempt From(const Address& source) {
  Attempt attempt;
  attempt.source = source;
  return attempt;
}

TEST_CASE("a source is as guilty as the formula says", "[detect][oracle]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    SourceLadder ladder(size_t{4} << 20, kKey);
    ContactMemory contacts(size_t{1} << 20);
    const Address source = Address::V4(0xb9010203);
    int64_t now_ms = kStartMs;
    // The first account waits at the door; from the second on the score is that of all.
    double fast = 0, slow = 0;
    int64_t last_ms = 0;
    std::map<std::pair<uint64_t, bool>, int64_t> seen;
    std::set<uint64_t> accounts;
    for (int i = 0; i < 60; ++i) {
      now_ms += static_cast<int64_t>(random() % static_cast<uint32_t>(kHourMs));
      const uint64_t account = (uint64_t{1} + random() % 40) * 0x9e3779b97f4a7c15ULL;
      const bool success = i > 3 && random() % 4 == 0;
      const float z = success ? -2.0F : 1.9F;
      ladder.Note(From(source), account, success ? Clue::kSuccess : Clue::kBadPassword, z, now_ms, &contacts);
      const auto known = seen.find({account, success});
      // A day, by quarters of an hour.
      if (known != seen.end() && now_ms / 900'000 - known->second / 900'000 < 96) continue;
      seen[{account, success}] = now_ms;
      if (success && accounts.size() < 2) continue;
      if (!success) accounts.insert(account);
      const double age = last_ms == 0 ? 0 : static_cast<double>(now_ms / 1000 - last_ms / 1000) * 1000;
      fast = std::clamp(fast * std::exp2(-age / (24.0 * kHourMs)) + z, 0.0, 20.0);
      slow = std::clamp(slow * std::exp2(-age / (168.0 * kHourMs)) + z, 0.0, 20.0);
      last_ms = now_ms;
    }
    const SourceReading reading = ladder.Read(From(source), now_ms);
    const double expected =
        std::max(fast * std::exp2(-static_cast<double>(now_ms - last_ms) / (24.0 * kHourMs)),
                 slow * std::exp2(-static_cast<double>(now_ms - last_ms) / (168.0 * kHourMs)));
    INFO(expected);
    if (expected > kSuspectScore + 1.5) CHECK(reading.suspicion >= Suspicion::kSuspect);
    if (expected > kSuspectScore + 1.5) CHECK(std::abs(reading.score - expected) < 1.2);
    if (expected < kSuspectScore - 1.5) CHECK(reading.suspicion == Suspicion::kNone);
  }
}

TEST_CASE("one guilty host makes no guilty network; three do", "[detect]") {
  SourceLadder ladder(size_t{4} << 20, kKey);
  ContactMemory contacts(size_t{1} << 20);
  const auto fail = [&](const char* source, uint64_t first) {
    for (uint64_t i = 0; i < 12; ++i)
      ladder.Note(From(*Address::Parse(source)), (first + i) * 0x9e3779b97f4a7c15ULL, Clue::kBadPassword,
                  1.9F, kStartMs, &contacts);
  };
  const Attempt neighbour = From(*Address::Parse("185.1.2.200"));
  fail("185.1.2.3", 1);
  CHECK(ladder.Read(From(*Address::Parse("185.1.2.3")), kStartMs).suspicion == Suspicion::kCondemned);
  CHECK(ladder.Read(From(*Address::Parse("185.1.2.3")), kStartMs).rung == *Prefix::Parse("185.1.2.3"));
  CHECK(ladder.Read(neighbour, kStartMs).suspicion == Suspicion::kNone);
  fail("185.1.2.4", 100);
  CHECK(ladder.Read(neighbour, kStartMs).suspicion == Suspicion::kNone);
  fail("185.1.2.5", 200);
  CHECK(ladder.Read(neighbour, kStartMs).suspicion == Suspicion::kCondemned);
  CHECK(ladder.Read(neighbour, kStartMs).rung == *Prefix::Parse("185.1.2.0/24"));
  CHECK(ladder.Read(From(*Address::Parse("185.1.3.1")), kStartMs).suspicion == Suspicion::kNone);
  // It is forgotten: in the end over weeks.
  CHECK(ladder.Read(neighbour, kStartMs + 20 * 24 * kHourMs).suspicion == Suspicion::kNone);
}

TEST_CASE("a source that customers share says so for a week", "[detect]") {
  SourceLadder ladder(size_t{4} << 20, kKey);
  ContactMemory contacts(size_t{1} << 20);
  const Attempt carrier = From(*Address::Parse("100.64.1.1"));
  for (uint64_t i = 1; i <= 4; ++i) ladder.NoteAtHome(carrier, i * 0x9e3779b97f4a7c15ULL, kStartMs);
  for (uint64_t i = 10; i < 30; ++i)
    ladder.Note(carrier, i * 0x9e3779b97f4a7c15ULL, Clue::kBadPassword, 1.9F, kStartMs, &contacts);
  CHECK(ladder.Read(carrier, kStartMs).suspicion == Suspicion::kCondemned);
  CHECK(ladder.Read(carrier, kStartMs).shared);
  CHECK_FALSE(ladder.Read(carrier, kStartMs + 9 * 24 * kHourMs).shared);
}

TEST_CASE("from where on evidence tells is a setting", "[detect]") {
  SourceLadder ladder(size_t{4} << 20, kKey);
  ContactMemory contacts(size_t{1} << 20);
  const Attempt source = From(*Address::Parse("185.1.2.3"));
  for (uint64_t i = 1; i <= 5; ++i)  // 9.5
    ladder.Note(source, i * 0x9e3779b97f4a7c15ULL, Clue::kBadPassword, 1.9F, kStartMs, &contacts);
  CHECK(ladder.Read(source, kStartMs).suspicion == Suspicion::kSuspect);
  ladder.Set({.suspect = 11, .condemned = 13.8F});
  CHECK(ladder.Read(source, kStartMs).suspicion == Suspicion::kNone);
  ladder.Set({.suspect = 5, .condemned = 9});
  CHECK(ladder.Read(source, kStartMs).suspicion == Suspicion::kCondemned);
}

TEST_CASE("a flood of sources opens few records and displaces nobody who is suspect", "[detect]") {
  SourceLadder ladder(size_t{1} << 20, kKey);
  ContactMemory contacts(size_t{1} << 20);
  const Attempt guilty = From(*Address::Parse("185.1.2.3"));
  for (uint64_t i = 1; i < 12; ++i)
    ladder.Note(guilty, i * 0x9e3779b97f4a7c15ULL, Clue::kBadPassword, 1.9F, kStartMs, &contacts);
  const size_t bytes = ladder.bytes();
  std::mt19937 random(5);
  for (uint64_t i = 0; i < 300'000; ++i)
    ladder.Note(From(Address::V4(static_cast<uint32_t>(random()))), i * 0x9e3779b97f4a7c15ULL,
                Clue::kBadPassword, 1.9F, kStartMs + static_cast<int64_t>(i), &contacts);
  CHECK(ladder.bytes() == bytes);
  CHECK(ladder.Read(guilty, kStartMs + 300'000).suspicion == Suspicion::kCondemned);
}

}  // namespace
}  // namespace stockade
