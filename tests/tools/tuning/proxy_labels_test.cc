// Labels that are guessed, on small logs written by hand: who gets in later or earlier is a customer there; what fails under a mark of
// a campaign is an attack; the rest is undecided.
#include "tools/tuning/proxy_labels.h"

#include "tests/tools/tuning/written_log.h"
#include "tools/tuning/days.h"

namespace stockade {
namespace {

const std::string kPhone = R"(,"login":{"device":"phone"})";

TEST_CASE("failures from where the account gets in are a customer's, before and after", "[tuning]") {
  const EventLog log = WrittenLog()
                           .Add(10, "192.0.2.1", "alice", "bad_password", kPhone)
                           .Add(20, "192.0.2.9", "alice", "success", kPhone)  // the same /24
                           .Add(30, "192.0.2.1", "alice", "bad_password", kPhone)
                           .Add(40, "203.0.113.1", "alice", "bad_password", kPhone)  // another network
                           .Add(50, "192.0.2.1", "alice", "bad_password")            // another device
                           .Add(60, "192.0.2.1", "bob", "bad_password", kPhone)      // another account
                           .Read();
  const Labels labels = GuessLabels(log);
  CHECK(labels.guessed);
  for (const size_t i : {0U, 1U, 2U}) CHECK(labels.of[i].kind == AttemptKind::kCustomer);
  for (const size_t i : {3U, 4U, 5U}) CHECK(labels.of[i].kind == AttemptKind::kUndecided);
  CHECK_FALSE(labels.of[0].history);
  CHECK_FALSE(labels.of[1].history);
  CHECK(labels.of[2].history);
  CHECK(labels.account_of.size() == 1);
  CHECK(log.AccountName(labels.account_of[labels.of[0].person]) == "alice");
  CHECK(labels.without_label == 3);
}

TEST_CASE("an address under which eight accounts fail is a campaign's, and its success proves nobody",
          "[tuning]") {
  WrittenLog written;
  for (int i = 0; i < 8; ++i) written.Add(i, "203.0.113.5", "victim" + std::to_string(i), "bad_password");
  written.Add(9, "203.0.113.5", "found", "success");
  written.Add(90, "192.0.2.1", "victim0", "success");
  // Seven hours later another one begins.
  for (int i = 0; i < 9; ++i)
    written.Add(30'000 + i, "203.0.113.6", "other" + std::to_string(i), "bad_password");
  const EventLog log = written.Read();
  const Labels labels = GuessLabels(log);
  for (size_t i = 0; i < 9; ++i) CHECK(labels.of[i].kind == AttemptKind::kAttack);
  CHECK(labels.of[8].right);
  CHECK(labels.of[9].kind == AttemptKind::kCustomer);
  CHECK(labels.of[0].campaign == 1);
  CHECK(labels.of[10].campaign == 2);
  CHECK(labels.campaigns.size() == 2);
}

TEST_CASE("seven accounts are no campaign, and neither is an office where others get in", "[tuning]") {
  WrittenLog written;
  for (int i = 0; i < 7; ++i) written.Add(i, "203.0.113.5", "victim" + std::to_string(i), "bad_password");
  for (int i = 0; i < 12; ++i)
    written.Add(100 + i, "198.51.100.5", "staff" + std::to_string(i), "bad_password");
  for (int i = 0; i < 3; ++i) written.Add(200 + i, "198.51.100.5", "staff" + std::to_string(i), "success");
  const EventLog log = written.Read();
  const Labels labels = GuessLabels(log);
  CHECK(labels.campaigns.empty());
  CHECK(labels.of[0].kind == AttemptKind::kUndecided);
  CHECK(labels.of[7].kind == AttemptKind::kCustomer);    // staff0, who got in
  CHECK(labels.of[18].kind == AttemptKind::kUndecided);  // staff11, who did not
}

TEST_CASE("a campaign without a mark stands out by its hour", "[tuning]") {
  WrittenLog written;
  const auto stranger = [&written](int64_t second, int number) {
    written.Add(second, "203." + std::to_string(number % 200) + "." + std::to_string(number / 200) + ".1",
                "account" + std::to_string(number), "bad_password",
                R"(,"user_agent":{"original":"browser )" + std::to_string(number) + "\"}");
  };
  int number = 0;
  // Three strangers fail in every hour of two days, and forty in one.
  for (int hour = 0; hour < 48; ++hour) {
    for (int i = 0; i < (hour == 30 ? 40 : 3); ++i) stranger(hour * 3600 + i, number++);
    written.Add(hour * 3600 + 50, "192.0.2.1", "alice", "success", kPhone);
  }
  const EventLog log = written.Read();
  const Labels labels = GuessLabels(log);
  size_t attacks = 0;
  for (size_t i = 0; i < log.size(); ++i) {
    if (labels.of[i].kind != AttemptKind::kAttack) continue;
    ++attacks;
    CHECK(log.time_ms(i) / 3'600'000 == log.time_ms(0) / 3'600'000 + 30);
  }
  CHECK(attacks == 40);
  const LogDays days = LogDays::Build(log, labels);
  REQUIRE(days.days.size() == 2);
  CHECK(days.days[0].quiet);
  CHECK_FALSE(days.days[1].quiet);
}

}  // namespace
}  // namespace stockade
