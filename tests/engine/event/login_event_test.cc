// Proven here: every field of an event is found under its ECS name with the value it came with; owned events
// share no byte with what they were made of; the words of the wire round-trip.
#include "engine/event/login_event.h"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

namespace stockade {
namespace {

LoginEvent FullEvent() {
  LoginEvent event;
  Attempt& a = event.attempt;
  a.time_ns = 1'700'000'000'123'999'999;
  a.source = *Address::Parse("2001:db8:1:2:3::4");
  a.account = "alice";
  a.user_agent = "Mozilla/5.0";
  a.ja3 = "ja3";
  a.ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
  a.path = "/login";
  a.request_id = "r-1";
  a.asn = 4294967295;
  a.country = "TW";
  a.certificate = CertificateStatus::kMismatch;
  a.certificate_present = true;
  a.password_id = "0011";
  a.device = "d";
  a.channel = "web";
  a.header_order = "h";
  a.tls_stack = "python";
  a.tls_mismatch = "chromium/python";
  a.can_ask = CanAsk::kHuman;
  event.aftermath.outcome = Outcome::kBadPassword;
  event.aftermath.challenge.human = ChallengeResult::kPassed;
  return event;
}

TEST_CASE("every known field is found under its name", "[event]") {
  const LoginEvent event = FullEvent();
  FieldScratch scratch;
  const std::vector<std::string> expected = {"",
                                             "2001:db8:1:2:3::4",
                                             "alice",
                                             "failure",
                                             "bad_password",
                                             "Mozilla/5.0",
                                             "ja3",
                                             "t13d1516h2_8daaf6152771_b186095e22b6",
                                             "/login",
                                             "r-1",
                                             "4294967295",
                                             "TW",
                                             "mismatch",
                                             "0011",
                                             "d",
                                             "web",
                                             "h",
                                             "python",
                                             "chromium/python",
                                             "passed",
                                             "human",
                                             "2001:db8:1:2::/64",
                                             "t13d1516h2_8daaf6152771_b186095e22b6|Mozilla/5.0"};
  for (size_t i = 0; i < kKnownFieldCount; ++i) {
    const auto id = FindKnownField(kKnownFieldNames[i]);
    REQUIRE(id);
    REQUIRE(static_cast<size_t>(*id) == i);
    INFO(kKnownFieldNames[i]);
    const FieldValue value = GetField(event, *id, &scratch);
    CHECK(value.present());
    CHECK(value.text == expected[i]);
  }
  CHECK(GetField(event, FieldId::kTimestamp, &scratch).number == 1'700'000'000'123.0);
  CHECK(GetField(event, FieldId::kSourceAsn, &scratch).number == 4294967295.0);
}

TEST_CASE("a field that is not there is absent, an empty one is present", "[event]") {
  LoginEvent event;
  FieldScratch scratch;
  for (size_t i = 0; i < kKnownFieldCount; ++i) {
    const auto id = static_cast<FieldId>(i);
    INFO(kKnownFieldNames[i]);
    const bool always =
        id == FieldId::kTimestamp || id == FieldId::kEventOutcome || id == FieldId::kEventReason;
    CHECK(GetField(event, id, &scratch).present() == always);
  }
  event.attempt.account = "";
  CHECK(GetField(event, FieldId::kUserName, &scratch).present());
  CHECK(GetField(event, FieldId::kUserName, &scratch).text.empty());
  event.attempt.certificate_present = true;
  CHECK(GetField(event, FieldId::kCertificate, &scratch).text == "unchecked");
  event.attempt.user_agent = "curl";
  CHECK(GetField(event, FieldId::kSourceFingerprint, &scratch).text == "|curl");
  CHECK_FALSE(GetField(event, static_cast<FieldId>(65535), &scratch).present());
}

TEST_CASE("fields beyond the known ones get ids in the order they are asked for", "[event]") {
  FieldTable table;
  CHECK(table.Find("user.name") == FieldId::kUserName);
  CHECK(table.Intern("user.name") == FieldId::kUserName);
  CHECK_FALSE(table.Find("host.name"));
  const auto host = table.Intern("host.name");
  REQUIRE(host);
  CHECK(*host == FieldId::kFirstUnknown);
  CHECK(table.Intern("host.name") == host);
  CHECK(table.Find("host.name") == host);
  CHECK(table.Name(*host) == "host.name");
  CHECK(table.Name(FieldId::kUserName) == "user.name");
  CHECK(table.Name(static_cast<FieldId>(9999)).empty());
  CHECK_FALSE(table.Intern(""));
  CHECK_FALSE(table.Find("User.Name"));
  while (table.Intern("f" + std::to_string(table.size()))) {
  }
  CHECK(table.size() == FieldTable::kFieldsMax);
  CHECK(table.Intern("host.name") == host);
}

TEST_CASE("an extra field gives its first value", "[event]") {
  FieldTable table;
  const FieldId tag = *table.Intern("tags");
  const std::vector<ExtraField> extra = {{*table.Intern("n"), {FieldValue::Kind::kNumber, 7, "7"}},
                                         {tag, {FieldValue::Kind::kText, 0, "first"}},
                                         {tag, {FieldValue::Kind::kText, 0, "second"}}};
  LoginEvent event;
  event.attempt.extra = extra;
  FieldScratch scratch;
  CHECK(GetField(event, tag, &scratch).text == "first");
  CHECK(GetField(event, *table.Find("n"), &scratch).number == 7);
  CHECK_FALSE(GetField(event, *table.Intern("other"), &scratch).present());
}

TEST_CASE("an owned event outlives what it was made of", "[event]") {
  FieldTable table;
  const FieldId tag = *table.Intern("tags");
  OwnedEvent owned;
  {
    auto buffer =
        std::make_unique<std::string>("bob|an agent string that is far too long for a short string|x");
    std::vector<ExtraField> extra = {
        {tag, {FieldValue::Kind::kText, 0, std::string_view(*buffer).substr(60)}}, {tag, {}}};
    LoginEvent event;
    event.attempt.account = std::string_view(*buffer).substr(0, 3);
    event.attempt.user_agent = std::string_view(*buffer).substr(4, 55);
    event.attempt.path = "";
    event.attempt.extra = extra;
    owned.Assign(event);
  }
  const auto check = [&](const LoginEvent& event) {
    CHECK(event.attempt.account == "bob");
    CHECK(event.attempt.user_agent == "an agent string that is far too long for a short string");
    CHECK(event.attempt.path.data() != nullptr);
    CHECK(event.attempt.path.empty());
    CHECK(event.attempt.device.data() == nullptr);
    REQUIRE(event.attempt.extra.size() == 2);
    CHECK(event.attempt.extra[0].value.text == "x");
    CHECK_FALSE(event.attempt.extra[1].value.present());
  };
  check(owned.event());
  owned.Assign(owned.event());
  check(owned.event());
  OwnedEvent copy(owned);
  OwnedEvent assigned;
  assigned = copy;
  owned = owned.event().attempt.account.empty() ? copy : owned;
  copy.Assign(LoginEvent{});
  CHECK_FALSE(copy.event().attempt.has_account());
  check(assigned.event());
  check(owned.event());
}

TEST_CASE("a short owned event keeps its text when it is copied", "[event]") {
  LoginEvent event;
  event.attempt.account = "a";
  std::vector<OwnedEvent> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(event);
  for (const OwnedEvent& one : many) {
    CHECK(one.event().attempt.account == "a");
    CHECK(one.event().attempt.account.data() != event.attempt.account.data());
  }
}

TEST_CASE("the words of the wire round-trip and nothing else is read", "[event]") {
  for (size_t i = 0; i < kOutcomeNames.size(); ++i)
    CHECK(static_cast<size_t>(*ParseOutcome(Name(static_cast<Outcome>(i)))) == i);
  for (size_t i = 0; i < kCertificateNames.size(); ++i)
    CHECK(static_cast<size_t>(*ParseCertificateStatus(Name(static_cast<CertificateStatus>(i)))) == i);
  for (size_t i = 1; i < kChallengeResultNames.size(); ++i)
    CHECK(static_cast<size_t>(*ParseChallengeResult(Name(static_cast<ChallengeResult>(i)))) == i);
  CHECK_FALSE(ParseOutcome("Success"));
  CHECK_FALSE(ParseOutcome(""));
  CHECK_FALSE(ParseCertificateStatus("good"));
  CHECK_FALSE(ParseChallengeResult(""));
  CHECK(CoarseOutcomeName(Outcome::kSuccess) == "success");
  CHECK(CoarseOutcomeName(Outcome::kStopped) == "failure");
  CHECK(CoarseOutcomeName(Outcome::kUnknown) == "unknown");
  CHECK_FALSE(IsBadCertificate(CertificateStatus::kMissing));
  CHECK_FALSE(IsBadCertificate(CertificateStatus::kValid));
  CHECK(IsBadCertificate(CertificateStatus::kExpired));
}

}  // namespace
}  // namespace stockade
