// Access logs: what is a login attempt, what came of it, and that no user name frames another address.
#include "adapters/source/access_log.h"

#include <catch2/catch.hpp>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadText;

std::string Line(std::string_view request, int status, std::string_view user = "-") {
  return Concat("192.0.2.1 - ", user, " [01/May/2024:12:11:12 +0200] \"", request, "\" ", status,
                " 512 \"-\" \"curl \\\"8\\\"\"\n");
}

TEST_CASE("requests are attempts by method, path and answer", "[access_log]") {
  const auto outcome = [](std::string_view request, int status) {
    const auto result = ReadText(Line(request, status), Format("combined"));
    REQUIRE(result.status.ok());
    return result.records.empty() ? std::string("other") : std::string(Name(result.records[0].outcome()));
  };
  CHECK(outcome("POST /login HTTP/1.1", 302) == "success");
  CHECK(outcome("POST /login HTTP/1.1", 200) == "bad_password");
  CHECK(outcome("POST /api/v1/login HTTP/1.1", 200) == "success");
  CHECK(outcome("POST /wp-login.php HTTP/1.1", 200) == "bad_password");
  CHECK(outcome("POST /user/sign-in?next=%2F HTTP/1.1", 403) == "bad_password");
  CHECK(outcome("POST /?_task=login HTTP/2.0", 401) == "bad_password");
  CHECK(outcome("POST /wp-login.php HTTP/1.1", 404) == "other");
  CHECK(outcome("POST /login HTTP/1.1", 429) == "stopped");
  CHECK(outcome("POST /login HTTP/1.1", 502) == "unknown");
  CHECK(outcome("GET /login HTTP/1.1", 200) == "other");
  CHECK(outcome("POST /blog/about-login-forms HTTP/1.1", 200) == "other");
  CHECK(outcome("GET /secret HTTP/1.1", 401) == "bad_password");
  CHECK(outcome("\\x16\\x03\\x01", 400) == "other");
  CHECK(outcome("", 408) == "other");
}

TEST_CASE("all parts of a line are read", "[access_log]") {
  FieldTable fields;
  const FieldId query = *fields.Intern("url.query");
  const FieldId domain = *fields.Intern("url.domain");
  SourceOptions options = Format("combined");
  options.fields = &fields;
  const auto result = ReadText(
      "shop.example:443 2001:db8::1 - al\\x69ce [01/May/2024:12:11:12 +0200] \"POST /log\\x69n?a=b "
      "HTTP/1.1\" 401 5 \"http://r/\" \"A \\\"q\\\" \\\\\" 0.003\n",
      options);
  REQUIRE(result.records.size() == 1);
  const Attempt& attempt = result.records[0].attempt();
  CHECK(attempt.time_ns == 1714558272000000000);
  CHECK(attempt.source.ToString() == "2001:db8::1");
  CHECK(attempt.account == "alice");
  CHECK(attempt.path == "/login");
  CHECK(attempt.user_agent == "A \"q\" \\");
  REQUIRE(attempt.extra.size() == 2);
  CHECK((attempt.extra[0].id == query && attempt.extra[0].value.text == "a=b"));
  CHECK((attempt.extra[1].id == domain && attempt.extra[1].value.text == "shop.example:443"));
}

TEST_CASE("options choose paths, methods and outcomes", "[access_log]") {
  SourceOptions options = Format("combined");
  using Match = AccessLogOptions::PathMatch;
  options.access_log.login_paths = {
      {Match::kExact, "/in"}, {Match::kPrefix, "/door/"}, {Match::kRegex, "/r[0-9]+"}};
  options.access_log.methods = {"PUT"};
  options.access_log.outcomes = {{"200", Outcome::kSuccess}, {"4xx", Outcome::kUnknownAccount}};
  options.access_log.basic = false;
  const auto result = ReadText(Line("PUT /in HTTP/1.1", 200) + Line("PUT /door/a HTTP/1.1", 404) +
                                   Line("PUT /r17 HTTP/1.1", 500) + Line("PUT /r17x HTTP/1.1", 200) +
                                   Line("POST /in HTTP/1.1", 401),
                               options);
  REQUIRE(result.records.size() == 3);
  CHECK(result.records[0].outcome() == Outcome::kSuccess);
  CHECK(result.records[1].outcome() == Outcome::kUnknownAccount);
  CHECK(result.records[2].outcome() == Outcome::kUnknown);
  CHECK(result.counters.other == 2);
}

TEST_CASE("a login by HTTP Basic counts once until a refusal or an absence", "[access_log]") {
  const auto at = [](std::string_view time, int status, std::string_view user, std::string_view host) {
    return Concat(host, " - ", user, " [01/May/2024:", time, " +0200] \"GET /page HTTP/1.1\" ", status,
                  " 5\n");
  };
  const std::string text = at("12:00:00", 200, "alice", "192.0.2.1") +  // a login
                           at("12:00:01", 304, "alice", "192.0.2.1") +
                           at("12:00:02", 200, "alice", "192.0.2.9") +  // from elsewhere: another one
                           at("12:00:03", 200, "-", "192.0.2.1") + at("12:00:04", 404, "bob", "192.0.2.1") +
                           at("12:30:00", 401, "alice", "192.0.2.1") +  // a failure
                           at("12:30:01", 302, "alice", "192.0.2.1") +  // a login
                           at("13:30:00", 200, "alice", "192.0.2.1") +
                           at("14:29:59", 200, "alice", "192.0.2.1") +
                           at("15:30:00", 200, "alice", "192.0.2.1");  // after an absence
  const auto result = ReadText(text, Format("combined"));
  std::vector<std::pair<uint64_t, Outcome>> seen;
  for (const auto& record : result.records) {
    REQUIRE(record.ok());
    CHECK(record.attempt().account == "alice");
    seen.emplace_back(record.line, record.outcome());
  }
  CHECK(seen == std::vector<std::pair<uint64_t, Outcome>>{{1, Outcome::kSuccess},
                                                          {3, Outcome::kSuccess},
                                                          {6, Outcome::kBadPassword},
                                                          {7, Outcome::kSuccess},
                                                          {10, Outcome::kSuccess}});
  SourceOptions options = Format("combined");
  options.access_log.basic = false;
  CHECK(ReadText(text, options).records.empty());
}

TEST_CASE("no user name frames another address or time", "[access_log]") {
  for (const std::string_view user :
       {"a [10/Oct/2000:13:55:36 +0000] \\\"POST /login HTTP/1.1\\\" 302 1",
        "6.6.6.6 - - [10/Oct/2000:13:55:36 +0000]", "6.6.6.6", "- 6.6.6.6 - x", "a b] \\\"",
        "a [10/Oct/2000:13:55:36 +0000] \\x22POST / HTTP/1.1\\x22 200"}) {
    CAPTURE(std::string(user));
    const auto result = ReadText(Line("GET / HTTP/1.1", 401, user), Format("combined"));
    REQUIRE(result.records.size() == 1);
    REQUIRE(result.records[0].ok());
    CHECK(result.records[0].attempt().source.ToString() == "192.0.2.1");
    CHECK(result.records[0].attempt().time_ns == 1714558272000000000);
  }
}

TEST_CASE("lines of another shape are errors", "[access_log]") {
  for (const std::string_view bad : {"x", "192.0.2.1 - - [01/May/2024:12:11:12 +0200] \"GET / HTTP/1.1",
                                     "[] \"", "192.0.2.1 - - [01/May/2024:12:11:12 +0200] \"GET /\" abc 1"}) {
    const auto result = ReadText(Concat(bad, "\n", Line("POST /login HTTP/1.1", 302)), Format("combined"));
    REQUIRE(result.records.size() == 2);
    CHECK(result.records[0].error == ReadError::kNotThisFormat);
    CHECK(result.records[1].ok());
  }
}

}  // namespace
}  // namespace stockade
