// Proven here, over random traces of strangers, owners and outcomes, at every lock limit: strangers who cannot prove who they are
// never bring the gateway's own counter above L - r, nor those of one place above L - 2, and no account is locked without that many
// wrong passwords of its owner.
#include "engine/detect/account_guard.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace stockade {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

// A wrong password that reached the gateway.
void Fail(AccountGuard* guard, uint64_t account, uint16_t place) {
  guard->Reserve(account, kNowMs);
  guard->Settle(account, Outcome::kBadPassword, place, kNowMs);
}

// The gateway behind: it counts as brokers' do.
struct Gateway {
  int failures = 0;
  int by_strangers = 0;
  std::set<uint16_t> places;  // of strangers
};

TEST_CASE("strangers never bring an account nearer to its lock than what is kept for its owner",
          "[detect][oracle]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (const int limit : {2, 3, 5, 10}) {
    AccountGuard guard(size_t{1} << 20, {limit, 0});
    const int reserve = std::min(3, limit - 1);
    std::map<uint64_t, Gateway> gateway;
    // Attempts on their way, so that several of one account are at once.
    struct OnItsWay {
      uint64_t account;
      uint16_t stranger;  // his place
      int64_t since_ms;
    };
    std::vector<OnItsWay> on_their_way;
    int64_t now_ms = kNowMs;
    int locked = 0;
    int later = 0;  // strangers who had a try more
    for (int step = 0; step < 200'000; ++step) {
      now_ms += static_cast<int64_t>(random() % 200);
      // Nobody is told an outcome later than the guard waits for one.
      const bool due =
          !on_their_way.empty() && now_ms - on_their_way[0].since_ms > AccountGuard::kAbandonedMs / 2;
      if (on_their_way.empty() || (!due && random() % 2 == 0)) {
        const uint64_t account = (1 + random() % 40) * 0x9e3779b97f4a7c15ULL;  // as a hash
        constexpr Lane kLanes[] = {Lane::kFamiliar, Lane::kHalf, Lane::kUnfamiliar};
        const Lane lane = kLanes[random() % 3];
        const GuardLevel level = guard.Read(account, lane, now_ms);
        const auto stranger =
            static_cast<uint16_t>(lane == Lane::kFamiliar ? AccountGuard::kNoPlace : 1 + random() % 3);
        const bool passes = level == GuardLevel::kFar ||
                            (level == GuardLevel::kNear && guard.HasTryLeft(account, stranger, now_ms));
        // A stranger who is asked who he is cannot say it; the owner can.
        if (stranger != AccountGuard::kNoPlace && !passes) continue;
        later += level == GuardLevel::kNear && stranger != AccountGuard::kNoPlace ? 1 : 0;
        guard.Reserve(account, now_ms);
        on_their_way.push_back({account, stranger, now_ms});
        continue;
      }
      const size_t at = due ? 0 : random() % on_their_way.size();
      const OnItsWay one = on_their_way[at];
      on_their_way.erase(on_their_way.begin() + static_cast<std::ptrdiff_t>(at));
      Gateway& counter = gateway[one.account];
      const bool by_owner = one.stranger == AccountGuard::kNoPlace;
      const bool success = by_owner && random() % 4 == 0;
      guard.Settle(one.account, success ? Outcome::kSuccess : Outcome::kBadPassword, one.stranger, now_ms);
      if (success) {
        counter = {};
        continue;
      }
      ++counter.failures;
      if (!by_owner) {
        ++counter.by_strangers;
        counter.places.insert(one.stranger);
      }
      const int kept = counter.places.size() == 1 ? std::min(2, reserve) : reserve;
      REQUIRE(counter.by_strangers <= limit - kept);
      if (counter.failures < limit) continue;
      REQUIRE(counter.failures - counter.by_strangers >= kept);
      ++locked;
      // Unlocked by a person, who resets it: here as there.
      counter = {};
      guard.Reserve(one.account, now_ms);
      guard.Settle(one.account, Outcome::kSuccess, AccountGuard::kNoPlace, now_ms);
    }
    CHECK(locked > 0);  // owners do lock themselves out
    CHECK((later > 0) == (reserve == 3));
  }
}

TEST_CASE("the owner is asked at the last try where strangers had a part in it, and never otherwise",
          "[detect]") {
  AccountGuard guard(size_t{1} << 16, {3, 0});
  const auto fail = [&](uint16_t place) { Fail(&guard, 7, place); };
  fail(AccountGuard::kNoPlace);
  fail(AccountGuard::kNoPlace);
  CHECK(guard.Read(7, Lane::kFamiliar, kNowMs) == GuardLevel::kFar);
  CHECK(guard.Read(7, Lane::kUnfamiliar, kNowMs) == GuardLevel::kLast);
  CHECK(guard.Read(7, Lane::kCertified, kNowMs) == GuardLevel::kFar);
  guard.Reserve(7, kNowMs);
  guard.Settle(7, Outcome::kSuccess, AccountGuard::kNoPlace, kNowMs);
  CHECK(guard.failures(7, kNowMs) == 0);
  fail(5);
  CHECK(guard.Read(7, Lane::kUnfamiliar, kNowMs) == GuardLevel::kNear);
  CHECK(guard.Read(7, Lane::kFamiliar, kNowMs) == GuardLevel::kFar);
  fail(AccountGuard::kNoPlace);
  CHECK(guard.Read(7, Lane::kFamiliar, kNowMs) == GuardLevel::kLast);
}

TEST_CASE("who proves who he is takes upon himself what failed at his place, and what failed elsewhere stays",
          "[detect]") {
  AccountGuard guard(size_t{1} << 16, {5, 0});
  const auto fail = [&](uint64_t account, uint16_t place) { Fail(&guard, account, place); };
  const auto level = [&](uint64_t account) { return guard.Read(account, Lane::kFamiliar, kNowMs); };
  for (const uint64_t account : {7U, 8U, 9U}) fail(account, 5), fail(account, 5);
  fail(8, 6);
  CHECK(guard.StrangersAllFrom(7, 5));
  CHECK_FALSE(guard.StrangersAllFrom(8, 5));
  CHECK_FALSE(guard.StrangersAllFrom(8, 6));
  guard.NoteProof(7, 5);
  guard.NoteProof(8, 5);  // another had a part in it
  guard.NoteProof(9, 6);  // from elsewhere
  for (const uint64_t account : {7U, 8U, 9U})
    for (int i = 0; i < 2; ++i) fail(account, AccountGuard::kNoPlace);
  CHECK(level(7) == GuardLevel::kFar);
  CHECK(level(8) == GuardLevel::kLast);
  CHECK(level(9) == GuardLevel::kLast);
  // To strangers it is as near to its lock as ever.
  CHECK(guard.Read(7, Lane::kUnfamiliar, kNowMs) == GuardLevel::kLast);
}

TEST_CASE("one place alone is asked a try later, and not where another had a part in it or is on his way",
          "[detect]") {
  AccountGuard guard(size_t{1} << 16, {5, 0});
  const auto fail = [&](uint64_t account, uint16_t place) { Fail(&guard, account, place); };
  fail(7, 5), fail(7, 5);
  CHECK(guard.Read(7, Lane::kUnfamiliar, kNowMs) == GuardLevel::kNear);
  CHECK(guard.HasTryLeft(7, 5, kNowMs));
  CHECK_FALSE(guard.HasTryLeft(7, 6, kNowMs));
  guard.Reserve(7, kNowMs);
  CHECK_FALSE(guard.HasTryLeft(7, 5, kNowMs));
  guard.Settle(7, Outcome::kBadPassword, 5, kNowMs);
  CHECK_FALSE(guard.HasTryLeft(7, 5, kNowMs));  // three of five
  fail(8, 5), fail(8, 6);
  CHECK_FALSE(guard.HasTryLeft(8, 5, kNowMs));
  CHECK_FALSE(guard.HasTryLeft(8, 6, kNowMs));
  fail(9, AccountGuard::kNoPlace), fail(9, AccountGuard::kNoPlace);  // the owner, at home
  CHECK_FALSE(guard.HasTryLeft(9, 5, kNowMs));
  // Of three tries two are the owner's, whoever comes.
  AccountGuard strict(size_t{1} << 16, {3, 0});
  Fail(&strict, 7, 5);
  CHECK_FALSE(strict.HasTryLeft(7, 5, kNowMs));
}

TEST_CASE("what nobody tells the outcome of counts as a failure in the end", "[detect]") {
  AccountGuard guard(size_t{1} << 16, {5, 3'600'000});
  guard.Reserve(7, kNowMs);
  CHECK(guard.failures(7, kNowMs) == 1);  // on its way
  CHECK(guard.failures(7, kNowMs + AccountGuard::kAbandonedMs) == 1);
  guard.Reserve(7, kNowMs + AccountGuard::kAbandonedMs);
  guard.Settle(7, Outcome::kBadPassword, 5, kNowMs + AccountGuard::kAbandonedMs);
  CHECK(guard.StrangersAllFrom(7, AccountGuard::kPlaces));  // nobody knows where the first came from
  CHECK(guard.failures(7, kNowMs + AccountGuard::kAbandonedMs) == 2);
  // The gateway's own reset.
  CHECK(guard.failures(7, kNowMs + 2 * 3'600'000) == 0);
}

}  // namespace
}  // namespace stockade
