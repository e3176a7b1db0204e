// A log in memory says what its source said, in its order, and says so where it does not fit.
#include "tools/tuning/event_log.h"

#include "tests/tools/tuning/written_log.h"

namespace stockade {
namespace {

TEST_CASE("an attempt comes back with every field it had, and absent is not empty", "[tuning]") {
  const EventLog log =
      WrittenLog()
          .Add(
              5, "2001:db8::1", "alice", "success",
              R"(,"user_agent":{"original":""},"login":{"device":"d1","challenge":"passed","can_ask":"human"})")
          .Add(6, "198.51.100.7", "alice", "bad_password",
               R"(,"user_agent":{"original":"curl"},"tls":{"client":{"ja4":"t13"}})")
          .Read();
  REQUIRE(log.size() == 2);
  const LoginEvent first = log.At(0);
  CHECK(first.attempt.account == "alice");
  CHECK(first.attempt.source == *Address::Parse("2001:db8::1"));
  CHECK(first.attempt.user_agent.data() != nullptr);
  CHECK(first.attempt.user_agent.empty());
  CHECK(first.attempt.ja4.data() == nullptr);
  CHECK(first.attempt.device == "d1");
  CHECK(first.attempt.can_ask == CanAsk::kHuman);
  CHECK(first.aftermath.outcome == Outcome::kSuccess);
  CHECK(first.aftermath.challenge.human == ChallengeResult::kPassed);
  const LoginEvent second = log.At(1);
  CHECK(second.attempt.ja4 == "t13");
  CHECK(second.attempt.can_ask == CanAsk::kUnsaid);
  CHECK(second.attempt.time_ns - first.attempt.time_ns == 1'000'000'000);
  CHECK(log.account(0) == log.account(1));
  CHECK(log.line(1) == 2);
}

TEST_CASE("what cannot be read is counted and costs its line only", "[tuning]") {
  WrittenLog written;
  written.Add(1, "198.51.100.1", "a", "success")
      .Add(2, "no address", "b", "success")
      .Add(3, "198.51.100.1", "c", "success");
  const EventLog log = written.Read();
  CHECK(log.size() == 2);
  CHECK(log.notes().unreadable == 1);
  CHECK(log.line(1) == 3);
}

TEST_CASE("a log that does not fit says how far it came and what to do", "[tuning]") {
  WrittenLog written;
  for (int i = 0; i < 3000; ++i) written.Add(i, "198.51.100.1", "account" + std::to_string(i), "success");
  const absl::StatusOr<EventLog> log = written.TryRead(1 << 20);
  REQUIRE_FALSE(log.ok());
  CHECK_THAT(std::string(log.status().message()),
             Catch::Contains("--log-memory") && Catch::Contains("2026-01-05"));
}

}  // namespace
}  // namespace stockade
