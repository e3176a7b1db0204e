// Proves that what a gate records is read back as it was asked: every field, whatever bytes a client put into it.
#include "adapters/gateway/gate_record.h"

#include <catch2/catch.hpp>
#include <random>

#include "adapters/source/open_inputs.h"

namespace stockade {
namespace {

// The records of a text that one block holds, read as a record; the batch holds their text.
struct ReadBack {
  explicit ReadBack(const std::string& text) {
    auto opened = OpenText(text, "record", SourceOptions());
    INFO(opened.status());
    REQUIRE(opened.ok());
    format = opened->inputs[0].format;
    const auto more = opened->source->Read(&batch);
    REQUIRE(more.ok());
    counters = opened->source->counters();
  }
  std::string format;
  Batch batch;
  SourceCounters counters;
};

bool SameAttempt(const Attempt& a, const Attempt& b) {
  const auto same = [](std::string_view x, std::string_view y) {
    return x == y && (x.data() == nullptr) == (y.data() == nullptr);
  };
  return a.time_ns == b.time_ns && a.source.ToString() == b.source.ToString() && same(a.account, b.account) &&
         same(a.user_agent, b.user_agent) && same(a.ja3, b.ja3) && same(a.ja4, b.ja4) &&
         same(a.path, b.path) && same(a.request_id, b.request_id) && a.asn == b.asn &&
         same(a.country, b.country) && a.certificate == b.certificate &&
         a.certificate_present == b.certificate_present && same(a.password_id, b.password_id) &&
         same(a.device, b.device) && same(a.channel, b.channel) && same(a.header_order, b.header_order) &&
         same(a.tls_stack, b.tls_stack) && same(a.tls_mismatch, b.tls_mismatch);
}

constexpr int64_t kTime = 1'795'000'000'123'456'789;

TEST_CASE("every field of an attempt comes back as it was, absent and empty told apart",
          "[gateway][record]") {
  LoginEvent event;
  event.attempt.time_ns = kTime;
  event.attempt.source = *Address::Parse("2001:db8::1");
  event.attempt.account = "al\"ice\\\n\t\x01\x7fé";
  event.attempt.user_agent = "";
  event.attempt.ja4 = "t13d";
  event.attempt.path = "/login";
  event.attempt.request_id = "r-1";
  event.attempt.asn = 64500;
  event.attempt.country = "NL";
  event.attempt.certificate = CertificateStatus::kRevoked;
  event.attempt.certificate_present = true;
  event.attempt.password_id = "0123456789abcdef0123456789abcdef";
  event.attempt.device = "d";
  event.attempt.channel = "web";
  event.attempt.header_order = "aa";
  event.attempt.tls_stack = "go";
  event.attempt.tls_mismatch = "chromium/go";
  event.aftermath.challenge.identity = ChallengeResult::kPassed;
  std::string text;
  AppendBeginLine(kTime, &text);
  text += "\n";
  AppendAttemptLine(7, event, &text);
  text += "\n";
  AppendOutcomeLine(7, kTime + 1, Outcome::kBadPassword, &text);
  text += "\n";
  AppendAbandonLine(8, kTime + 2, &text);
  text += "\n";
  AppendModeLine(kTime + 3, Mode::kCertificateOnly, &text);
  text += "\n";
  AppendReloadLine(kTime + 4, &text);
  text += "\n";
  AppendFamiliarLine(kTime + 5, Hash128{0x1f, 2}, &text);
  text += "\n";
  event.attempt.certificate_present = false;
  event.attempt.certificate = CertificateStatus::kUnchecked;
  event.attempt.source = Address();
  event.attempt.account = {};
  event.aftermath.challenge = {};
  event.aftermath.outcome = Outcome::kStopped;
  AppendAttemptLine(0, event, &text);
  text += "\n";

  const ReadBack back(text);
  CHECK(back.format == "record");
  const auto& records = back.batch.records;
  REQUIRE(records.size() == 8);
  for (const Record& record : records) CHECK(record.ok());
  CHECK(back.counters.records == 8);
  CHECK(back.counters.unreadable() == 0);
  CHECK(records[0].kind == RecordKind::kBegun);
  CHECK(records[0].number == kRecordVersion);
  CHECK(records[1].kind == RecordKind::kAttempt);
  CHECK(records[1].number == 7);
  CHECK(records[1].event.aftermath.outcome == Outcome::kUnknown);
  CHECK(records[1].event.aftermath.challenge.identity == ChallengeResult::kPassed);
  CHECK(records[1].event.aftermath.challenge.human == ChallengeResult::kAbsent);
  CHECK(records[1].event.attempt.account == "al\"ice\\\n\t\x01\x7fé");
  CHECK(records[1].event.attempt.certificate == CertificateStatus::kRevoked);
  CHECK(records[1].event.attempt.time_ns == kTime);
  CHECK(records[1].event.attempt.extra.empty());
  CHECK(records[2].kind == RecordKind::kOutcome);
  CHECK(records[2].number == 7);
  CHECK(records[2].event.aftermath.outcome == Outcome::kBadPassword);
  CHECK(records[3].kind == RecordKind::kAbandoned);
  CHECK(records[4].kind == RecordKind::kMode);
  CHECK(static_cast<Mode>(records[4].number) == Mode::kCertificateOnly);
  CHECK(records[5].kind == RecordKind::kReloaded);
  CHECK(records[6].kind == RecordKind::kFamiliar);
  CHECK(records[6].text == ToHex(Hash128{0x1f, 2}));
  CHECK(records[7].number == 0);
  CHECK(records[7].event.aftermath.outcome == Outcome::kStopped);
  CHECK(SameAttempt(records[7].event.attempt, event.attempt));
}

TEST_CASE("all modes are read back as themselves", "[gateway][record]") {
  for (const Mode mode : {Mode::kObserve, Mode::kProtect, Mode::kCertificateOnly, Mode::kEstablishedOnly}) {
    std::string text;
    AppendModeLine(kTime, mode, &text);
    const ReadBack back(text + "\n");
    REQUIRE(back.batch.records.size() == 1);
    CHECK(static_cast<Mode>(back.batch.records[0].number) == mode);
  }
}

TEST_CASE("whatever bytes a client sends, the record says what the gate was asked", "[gateway][record]") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto any_text = [&random](size_t size) {
    static constexpr std::string_view kPieces[] = {
        "a",  "\"",  "\\",   "\xff", "\xc3\xa9",         "\xed\xa0\x80", "\xe2\x82",
        "\n", "\0x", "\x7f", "{",    "\xf0\x9f\x98\x80", "\xc0\x80",     "-"};
    std::string text;
    while (text.size() < size) text += kPieces[random() % std::size(kPieces)];
    return text;
  };
  std::string text;
  std::vector<OwnedEvent> asked;
  for (int i = 0; i < 120; ++i) {
    const std::string account = any_text(random() % 20);
    const std::string agent = any_text(i == 0 ? kAttemptTextBytesMax + 500 : random() % 50);
    const std::string country = any_text(random() % 2);
    const std::string password = any_text(random() % 30);
    LoginEvent event;
    event.attempt.time_ns = kTime + static_cast<int64_t>(random());
    event.attempt.source = Address::V4(static_cast<uint32_t>(random()));
    event.attempt.account = account;
    event.attempt.user_agent = agent;
    event.attempt.country = country;
    event.attempt.password_id = password;
    event.attempt.certificate = static_cast<CertificateStatus>(random() % kCertificateNames.size());
    AttemptStorage storage;
    event.attempt = CleanAttempt(event.attempt, &storage);
    CHECK(event.attempt.password_id.data() == nullptr);  // none of them is an id: they may be passwords
    CHECK(event.attempt.user_agent.size() <= kAttemptTextBytesMax);
    asked.emplace_back(event);
    AppendAttemptLine(static_cast<uint64_t>(i) + 1, event, &text);
    text += "\n";
  }
  const ReadBack back(text);
  REQUIRE(back.batch.records.size() == asked.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    INFO(i << " " << ErrorText(back.batch.records[i]));
    REQUIRE(back.batch.records[i].ok());
    REQUIRE(SameAttempt(back.batch.records[i].event.attempt, asked[i].event().attempt));
  }
}

TEST_CASE("text that is in order is not copied", "[gateway][record]") {
  const std::string account = "alice";
  Attempt attempt;
  attempt.account = account;
  AttemptStorage storage;
  CHECK(CleanAttempt(attempt, &storage).account.data() == account.data());
}

TEST_CASE("a line of a record that says nothing we know costs itself and nothing else", "[gateway][record]") {
  const ReadBack back(R"({"stockade":{"attempt":0},"@timestamp":"2026-11-23T09:00:00Z","user.name":"a"}
{"stockade":{"attempt":"x"},"@timestamp":"2026-11-23T09:00:00Z"}
{"stockade":{"mode":"panic"},"@timestamp":"2026-11-23T09:00:00Z"}
{"stockade":{"novelty":1},"@timestamp":"2026-11-23T09:00:00Z"}
{"stockade":{"observe":99999999999999999999},"@timestamp":"2026-11-23T09:00:00Z"}
{"stockade":{"observe":1},"@timestamp":
{"stockade":{"attempt":0},"@timestamp":"2026-11-23T09:00:01Z","user.name":"b"}
)");
  CHECK(back.format == "record");
  REQUIRE(back.batch.records.size() == 7);
  CHECK(back.batch.records[0].ok());
  for (size_t i = 1; i < 5; ++i) CHECK(back.batch.records[i].error == ReadError::kNotThisFormat);
  CHECK_FALSE(back.batch.records[5].ok());
  CHECK(back.batch.records[6].event.attempt.account == "b");
  CHECK(back.counters.unreadable() == 5);
}

}  // namespace
}  // namespace stockade
