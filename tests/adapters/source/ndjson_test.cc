// NDJSON: what a record may look like, that what is not JSON is refused whole and alone, and that a block
// read at once gives the same as line by line.
#include "adapters/source/ndjson.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadText;

constexpr std::string_view kTime = R"("@timestamp":"2024-05-01T10:11:12.345Z")";

std::string WithTime(std::string_view rest) {
  return Concat("{", kTime, rest.empty() ? "" : ",", rest, "}\n");
}

TEST_CASE("nested, dotted and mixed spellings are the same event", "[ndjson]") {
  const std::string text =
      WithTime(
          R"("source":{"ip":"203.0.113.9","as":{"number":64500}},"user":{"name":"alice"},"event":{"outcome":"failure"})") +
      WithTime(
          R"("source.ip":"203.0.113.9","source.as.number":"AS64500","user.name":"alice","event.outcome":"failure")") +
      WithTime(
          R"("source":{"ip":"203.0.113.9","as.number":64500},"user" : { "name" : "alice" } ,"event":{"reason":"bad_password"})");
  const auto result = ReadText(text, Format("ndjson"));
  REQUIRE(result.status.ok());
  REQUIRE(result.records.size() == 3);
  for (const auto& record : result.records) {
    CHECK(record.ok());
    CHECK(record.attempt().time_ns == 1714558272345000000);
    CHECK(record.attempt().source.ToString() == "203.0.113.9");
    CHECK(record.attempt().account == "alice");
    CHECK(record.attempt().asn == 64500);
    CHECK(record.outcome() == Outcome::kBadPassword);
  }
  CHECK(result.records[2].line == 3);
}

TEST_CASE("numbers too small are 0, numbers too big infinite", "[ndjson]") {
  FieldTable fields;
  fields.Intern("n");
  SourceOptions options = Format("ndjson");
  options.fields = &fields;
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<std::string, double>> cases = {{"1e-400", 0},
                                                             {"-1e-400", 0},
                                                             {"123456E-500", 0},
                                                             {"1e400", infinity},
                                                             {"-1e400", -infinity},
                                                             {"0.001e400", infinity},
                                                             {"1e+99999999999999999999", infinity},
                                                             {"1e-99999999999999999999", 0},
                                                             {"0." + std::string(400, '0') + "1", 0},
                                                             {"1" + std::string(400, '0'), infinity},
                                                             {"1" + std::string(400, '0') + "e-400", 1},
                                                             {"1.5", 1.5}};
  std::string text;
  for (const auto& [number, expected] : cases) text += WithTime("\"n\":" + number);
  const auto result = ReadText(text, options);
  REQUIRE(result.records.size() == cases.size());
  for (size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].first);
    REQUIRE(result.records[i].ok());
    REQUIRE(result.records[i].attempt().extra.size() == 1);
    CHECK(result.records[i].attempt().extra[0].value.number == cases[i].second);
  }
}

TEST_CASE("where rules have keywords, values that nobody named are kept too, wherever they stand",
          "[ndjson]") {
  const std::string line = WithTime(
      R"("message":"a","extra":{"deep":[{"x":"b"},"c",1],"named":"d"},"user":{"name":"alice","other":true},"source":"e")");
  FieldTable fields;
  fields.Intern("extra.named");
  SourceOptions options = Format("ndjson");
  options.fields = &fields;
  CHECK(ReadText(line, options).records.at(0).attempt().extra.size() == 1);
  fields.KeepUnnamed();
  std::vector<std::pair<std::string, bool>> kept;
  const auto result = ReadText(line, options);
  REQUIRE(result.records.at(0).ok());
  CHECK(result.records[0].attempt().account == "alice");
  for (const ExtraField& field : result.records[0].attempt().extra)
    kept.emplace_back(field.value.text, field.id == kUnnamedField);
  CHECK(kept ==
        std::vector<std::pair<std::string, bool>>{
            {"a", true}, {"b", true}, {"c", true}, {"1", true}, {"d", false}, {"true", true}, {"e", true}});
}

TEST_CASE("every field of the design is read", "[ndjson]") {
  const auto result = ReadText(
      WithTime(
          R"("source":{"ip":"::ffff:192.0.2.1","geo":{"country_iso_code":"NO"}},"user_agent":{"original":"curl/8"},)"
          R"("tls":{"client":{"ja3":"a","ja4":"b"}},"url":{"path":"/login"},"http":{"request":{"id":"r1"}},)"
          R"("login":{"certificate":"expired","password_id":"00ff00ff00ff00ff","device":"d","channel":"web","header_order":"h",)"
          R"("challenge":{"human":"passed","identity":"failed"}},"event":{"outcome":"failure","reason":"bad_certificate"})"),
      Format("ndjson"));
  REQUIRE(result.records.size() == 1);
  const auto& record = result.records[0];
  REQUIRE(record.ok());
  const Attempt& a = record.attempt();
  CHECK(a.source == *Address::Parse("192.0.2.1"));
  CHECK(a.country == "NO");
  CHECK(a.user_agent == "curl/8");
  CHECK(a.ja3 == "a");
  CHECK(a.ja4 == "b");
  CHECK(a.path == "/login");
  CHECK(a.request_id == "r1");
  CHECK(a.certificate == CertificateStatus::kExpired);
  CHECK(a.certificate_present);
  CHECK(a.password_id == "00ff00ff00ff00ff");
  CHECK(a.device == "d");
  CHECK(a.channel == "web");
  CHECK(a.header_order == "h");
  CHECK(record.outcome() == Outcome::kBadCertificate);
  CHECK(record.event.event().aftermath.challenge.human == ChallengeResult::kPassed);
  CHECK(record.event.event().aftermath.challenge.identity == ChallengeResult::kFailed);
}

TEST_CASE("a challenge may be one word for both kinds", "[ndjson]") {
  const auto result = ReadText(WithTime(R"("login.challenge":"passed")"), Format("ndjson"));
  REQUIRE(result.records.size() == 1);
  CHECK(result.records[0].event.event().aftermath.challenge.human == ChallengeResult::kPassed);
  CHECK(result.records[0].event.event().aftermath.challenge.identity == ChallengeResult::kPassed);
}

TEST_CASE("outcome words decide as documented", "[ndjson]") {
  const auto outcome = [](std::string_view rest) {
    const auto result = ReadText(WithTime(rest), Format("ndjson"));
    REQUIRE(result.records.size() == 1);
    REQUIRE(result.records[0].ok());
    return result.records[0].outcome();
  };
  CHECK(outcome("") == Outcome::kUnknown);
  CHECK(outcome(R"("event.outcome":"success")") == Outcome::kSuccess);
  CHECK(outcome(R"("event.outcome":"unknown")") == Outcome::kUnknown);
  CHECK(outcome(R"("event.outcome":"failure","event.reason":"INVALID_CREDENTIALS")") ==
        Outcome::kBadPassword);
  CHECK(outcome(R"("event.reason":"INVALID_CREDENTIALS")") == Outcome::kUnknown);
  CHECK(outcome(R"("event.outcome":"failure","event.reason":"unknown_account")") == Outcome::kUnknownAccount);
  CHECK(outcome(R"("event.outcome":null,"event.reason":"stopped")") == Outcome::kStopped);
  CHECK(outcome(R"("event.outcome":false)") == Outcome::kBadPassword);
  CHECK(ReadText(WithTime(R"("event.outcome":"perhaps")"), Format("ndjson")).records[0].error ==
        ReadError::kBadValue);
}

TEST_CASE("a mapping reads another product's JSON", "[ndjson]") {
  SourceOptions options = Format("ndjson");
  options.field_paths = {{"@timestamp", "published"},
                         {"user.name", "actor.alternateId"},
                         {"source.ip", "client.ipAddress"},
                         {"event.outcome", "outcome.result"},
                         {"event.reason", "outcome.reason"}};
  options.outcome_words = {{"LOCKED_OUT", Outcome::kAccountLocked}};
  const auto result = ReadText(
      R"({"published":"2024-05-01T10:11:12.345Z","actor":{"alternateId":"a@b.c"},"client":{"ipAddress":"192.0.2.7"},)"
      R"("outcome":{"result":"FAILURE","reason":"LOCKED_OUT"},"user":{"name":"not this"}})",
      options);
  REQUIRE(result.records.size() == 1);
  REQUIRE(result.records[0].ok());
  CHECK(result.records[0].attempt().account == "a@b.c");
  CHECK(result.records[0].outcome() == Outcome::kAccountLocked);
}

TEST_CASE("fields that a rule asked for are kept with their kinds, lists as several", "[ndjson]") {
  FieldTable fields;
  const FieldId list = *fields.Intern("x.list");
  const FieldId deep = *fields.Intern("x.objects.name");
  const FieldId number = *fields.Intern("x.number");
  const FieldId flag = *fields.Intern("x.flag");
  const FieldId none = *fields.Intern("x.none");
  SourceOptions options = Format("ndjson");
  options.fields = &fields;
  const auto result = ReadText(
      WithTime(
          R"("x":{"list":["a","b\u0041",3],"objects":[{"name":"n1"},{"name":"n2","other":1}],"number":-1.5e2,)"
          R"("flag":true,"none":null,"unasked":"z"})"),
      options);
  REQUIRE(result.records.size() == 1);
  REQUIRE(result.records[0].ok());
  std::vector<std::pair<FieldId, std::string>> seen;
  for (const ExtraField& extra : result.records[0].attempt().extra) {
    seen.emplace_back(extra.id, std::string(extra.value.text));
    if (extra.id == number) CHECK(extra.value.number == -150);
    if (extra.id == flag) CHECK(extra.value.kind == FieldValue::Kind::kBool);
    if (extra.id == none) CHECK(extra.value.kind == FieldValue::Kind::kNull);
  }
  CHECK(seen == std::vector<std::pair<FieldId, std::string>>{{list, "a"},
                                                             {list, "bA"},
                                                             {list, "3"},
                                                             {deep, "n1"},
                                                             {deep, "n2"},
                                                             {number, "-1.5e2"},
                                                             {flag, "true"},
                                                             {none, "null"}});
}

TEST_CASE("escapes are resolved and lone surrogates hide nothing", "[ndjson]") {
  const auto name = [](std::string_view json) {
    const auto result = ReadText(WithTime(Concat(R"("user.name":")", json, "\"")), Format("ndjson"));
    REQUIRE(result.records.size() == 1);
    REQUIRE(result.records[0].ok());
    return std::string(result.records[0].attempt().account);
  };
  CHECK(name(R"(a\"b\\c\/d\b\f\n\r\t)") == "a\"b\\c/d\b\f\n\r\t");
  CHECK(name(R"(\u00e9\u20ac\ud83d\ude00)") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(name(R"(\ud800x)") == "\xef\xbf\xbdx");
  CHECK(name(R"(\udc00)") == "\xef\xbf\xbd");
  CHECK(name(R"(\ud800\ud83d\ude00)") == "\xef\xbf\xbd\xf0\x9f\x98\x80");
  CHECK(name(R"(\u0000)") == std::string(1, '\0'));
  CHECK(name("") == "");
}

TEST_CASE("the key itself may be escaped, and the last of two counts", "[ndjson]") {
  const auto result =
      ReadText(WithTime(R"("user.name":"first","\u0075ser.name":"second")"), Format("ndjson"));
  REQUIRE(result.records.size() == 1);
  CHECK(result.records[0].attempt().account == "second");
}

TEST_CASE("each broken line costs itself and says why", "[ndjson]") {
  using Error = ReadError;
  const std::vector<std::pair<std::string, ReadError>> cases = {
      {"{", Error::kNotJson},
      {"not json", Error::kNotJson},
      {R"("text")", Error::kNotObject},
      {"[1,2]", Error::kNotObject},
      {"[1,]", Error::kNotJson},
      {Concat("{", kTime, "} {}"), Error::kNotJson},
      {Concat("{", kTime, "}x"), Error::kNotJson},
      {Concat("{", kTime, ",}"), Error::kNotJson},
      {Concat("{", kTime, R"(,"skipped":[1 2]})"), Error::kNotJson},
      {Concat("{", kTime, R"(,"skipped":tru})"), Error::kNotJson},
      {Concat("{", kTime, R"(,"skipped":01})"), Error::kNotJson},
      {Concat("{", kTime, R"(,"skipped":"\x"})"), Error::kNotJson},
      {Concat("{", kTime, ",\"skipped\":\"\t\"}"), Error::kNotJson},
      {Concat("{", kTime, ",\"skipped\":\"\xff\"}"), Error::kNotUtf8},
      {Concat("{", kTime, ",\"user.name\":\"M\xfcller\"}"), Error::kNotUtf8},
      {R"({"user.name":"a"})", Error::kNoTimestamp},
      {R"({"@timestamp":null})", Error::kNoTimestamp},
      {R"({"@timestamp":"yesterday"})", Error::kBadTimestamp},
      {R"({"@timestamp":"2024-02-30T00:00:00Z"})", Error::kBadTimestamp},
      {R"({"@timestamp":{"a":1}})", Error::kBadValue},
      {Concat("{", kTime, R"(,"source.ip":"1.2.3"})"), Error::kBadAddress},
      {Concat("{", kTime, R"(,"source.as.number":-1})"), Error::kBadValue},
      {Concat("{", kTime, R"(,"login.certificate":"fine"})"), Error::kBadValue},
      {Concat("{", kTime, R"(,"user.name":{"first":"a"}})"), Error::kBadValue},
      {Concat("{", kTime, ",\"d\":", std::string(100, '['), std::string(100, ']'), "}"), Error::kTooDeep},
      {std::string("\0\0\0", 3), Error::kNotJson},
  };
  for (const auto& [bad, error] : cases) {
    CAPTURE(bad);
    const auto result =
        ReadText(WithTime(R"("user.name":"before")") + bad + "\r\n\n" + WithTime(R"("user.name":"after")"),
                 Format("ndjson"));
    REQUIRE(result.status.ok());
    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].attempt().account == "before");
    CHECK(result.records[1].error == error);
    CHECK(result.records[1].line == 2);
    CHECK(result.records[2].attempt().account == "after");
    CHECK(result.records[2].line == 4);
    CHECK(result.counters.errors[static_cast<size_t>(error)] == 1);
    CHECK(result.counters.unreadable() == 1);
    CHECK(result.counters.blank == 1);
    CHECK(result.counters.lines == 4);
  }
}

TEST_CASE("a record of ten thousand keys is refused, one of five thousand read", "[ndjson]") {
  for (const int keys : {5000, 10000}) {
    std::string rest;
    for (int i = 0; i < keys; ++i) Append(&rest, i == 0 ? "" : ",", "\"k", i, "\":", i);
    const auto result = ReadText(WithTime(rest), Format("ndjson"));
    REQUIRE(result.records.size() == 1);
    CHECK(result.records[0].error == (keys == 5000 ? ReadError::kNone : ReadError::kTooManyFields));
  }
}

TEST_CASE("all ways to write a time are the same time", "[ndjson]") {
  for (const std::string_view time :
       {R"("2024-05-01T10:11:12Z")", R"("2024-05-01 10:11:12")", R"("2024-05-01T12:11:12+02:00")",
        R"("2024-05-01T12:11:12+0200")", R"("2024-05-01T05:11:12.000000000-05")", "1714558272",
        "1714558272000", "1714558272000000", R"("1714558272")", "1714558272.0"}) {
    CAPTURE(std::string(time));
    const auto result = ReadText(Concat(R"({"@timestamp":)", time, "}"), Format("ndjson"));
    REQUIRE(result.records.size() == 1);
    CHECK(result.records[0].ok());
    CHECK(result.records[0].attempt().time_ns == 1714558272000000000);
  }
}

TEST_CASE("a line that ends too early is wrong in one place, whatever lines come behind it", "[ndjson]") {
  const std::vector<std::pair<std::string, uint32_t>> cases = {{R"({"a":)", 5},           {R"({"a")", 4},
                                                               {R"({"a" 1})", 5},         {R"({)", 1},
                                                               {R"({"@timestamp":)", 14}, {R"({"a":[1,)", 8}};
  for (const auto& [broken, offset] : cases) {
    for (const std::string& behind : {std::string("Z1,2"), std::string(R"("x":1})"), WithTime("\"a\":1")}) {
      CAPTURE(broken, behind);
      // More than are read one by one, so that the last is read with all behind it.
      std::string log;
      for (int i = 0; i < 8; ++i) log += broken + "\n" + behind + "\n";
      const auto result = ReadText(log, Format("ndjson"));
      REQUIRE(result.records.size() == 16);
      for (size_t i = 0; i < 16; i += 2) {
        CHECK(result.records[i].error == ReadError::kNotJson);
        CHECK(result.records[i].offset == offset);
      }
    }
  }
}

TEST_CASE("a block with a broken line reads like its lines alone", "[ndjson]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"{",
                                           "}",
                                           "\"",
                                           ":",
                                           ",",
                                           "[",
                                           "]",
                                           "\\",
                                           "\"a\"",
                                           "1",
                                           "true",
                                           " ",
                                           "\"user.name\":\"x\"",
                                           "\xff",
                                           "\\\"",
                                           std::string(kTime)};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> lines;
    for (int i = 0; i < 6; ++i) {
      std::string line = random() % 2 == 0 ? WithTime(R"("user.name":"fine")") : "";
      if (!line.empty()) {
        line.pop_back();
      } else {
        line = "{";
        for (unsigned n = random() % 8; n > 0; --n) line += pieces[random() % pieces.size()];
        line += "}";
      }
      lines.push_back(line);
    }
    std::string all;
    for (const auto& line : lines) all += line + "\n";
    const auto together = ReadText(all, Format("ndjson"));
    REQUIRE(together.records.size() == lines.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto alone = ReadText(lines[i], Format("ndjson"));
      REQUIRE(alone.records.size() == 1);
      CAPTURE(lines[i]);
      CHECK(alone.records[0].error == together.records[i].error);
      CHECK(alone.records[0].offset == together.records[i].offset);
      CHECK(alone.records[0].attempt().account == together.records[i].attempt().account);
    }
  }
}

}  // namespace
}  // namespace stockade
