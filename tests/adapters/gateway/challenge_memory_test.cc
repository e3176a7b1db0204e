// Proves that a challenge that was passed opens one door once, for who passed it, where and while it is believed.
#include "adapters/gateway/challenge_memory.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

using Passer = ChallengeMemory::Passer;
constexpr int64_t kSecond = 1'000'000'000;

Passer Who(std::string_view account, std::string_view source, std::string_view device = {}) {
  return {account, source.empty() ? Address() : *Address::Parse(source), device};
}

TEST_CASE("a passed challenge lets one attempt through and is used up", "[gateway]") {
  ChallengeMemory memory;
  memory.Note(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), 60 * kSecond);
  CHECK(memory.Take(ChallengeKind::kHuman, Who("alice", "192.0.2.200"), kSecond));  // the same /24
  CHECK_FALSE(memory.Take(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), kSecond));
  CHECK(memory.size() == 0);
}

TEST_CASE("account, network and device must all be those of who passed", "[gateway]") {
  ChallengeMemory memory;
  memory.Note(ChallengeKind::kIdentity, Who("alice", "2001:db8:0:1::7", "d1"), 60 * kSecond);
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("bob", "2001:db8:0:1::7", "d1"), kSecond));
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("alice", "2001:db8:0:2::7", "d1"), kSecond));
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("alice", "2001:db8:0:1::7", "d2"), kSecond));
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("alice", "2001:db8:0:1::7"), kSecond));
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("1alice", "2001:db8:0:1::7", "d"), kSecond));
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("alice", "", "d1"), kSecond));
  CHECK(memory.Take(ChallengeKind::kIdentity, Who("alice", "2001:db8:0:1::9", "d1"), kSecond));
}

TEST_CASE("who has shown who he is need not show that he is human, but not the other way round",
          "[gateway]") {
  ChallengeMemory memory;
  memory.Note(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), 60 * kSecond);
  CHECK(memory.Take(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), kSecond));
  memory.Note(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), 60 * kSecond);
  CHECK_FALSE(memory.Take(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), kSecond));
}

TEST_CASE("whether somebody has passed can be asked without using it up", "[gateway]") {
  ChallengeMemory memory;
  CHECK_FALSE(memory.Knows(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), kSecond));
  memory.Note(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), 60 * kSecond);
  for (int i = 0; i < 2; ++i) {
    CHECK(memory.Knows(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), kSecond));
    CHECK(memory.Knows(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), kSecond));
  }
  CHECK_FALSE(memory.Knows(ChallengeKind::kIdentity, Who("bob", "192.0.2.7"), kSecond));
  CHECK_FALSE(memory.Knows(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), 60 * kSecond));
  CHECK(memory.Take(ChallengeKind::kIdentity, Who("alice", "192.0.2.7"), kSecond));
  CHECK_FALSE(memory.Knows(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), kSecond));
}

TEST_CASE("a passed challenge is believed until its time and no longer", "[gateway]") {
  ChallengeMemory memory;
  memory.Note(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), 60 * kSecond);
  memory.Note(ChallengeKind::kHuman, Who("bob", "192.0.2.7"), 90 * kSecond);
  CHECK_FALSE(memory.Take(ChallengeKind::kHuman, Who("alice", "192.0.2.7"), 60 * kSecond));
  CHECK(memory.Take(ChallengeKind::kHuman, Who("bob", "192.0.2.7"), 90 * kSecond - 1));
  // Noted again: longer.
  memory.Note(ChallengeKind::kHuman, Who("eve", "192.0.2.7"), 100 * kSecond);
  memory.Note(ChallengeKind::kHuman, Who("eve", "192.0.2.7"), 200 * kSecond);
  CHECK(memory.size() == 1);
  CHECK(memory.Take(ChallengeKind::kHuman, Who("eve", "192.0.2.7"), 150 * kSecond));
}

TEST_CASE("the memory is bounded and counts whom it forgot too early", "[gateway]") {
  ChallengeMemory memory;
  for (size_t i = 0; i < ChallengeMemory::kRememberedMax + 10; ++i)
    memory.Note(ChallengeKind::kHuman, Who("a" + std::to_string(i), "192.0.2.7"), 60 * kSecond);
  CHECK(memory.size() == ChallengeMemory::kRememberedMax);
  CHECK(memory.pushed_out() == 10);
  CHECK_FALSE(memory.Take(ChallengeKind::kHuman, Who("a9", "192.0.2.7"), kSecond));
  CHECK(memory.Take(ChallengeKind::kHuman, Who("a10", "192.0.2.7"), kSecond));
}

}  // namespace
}  // namespace stockade
