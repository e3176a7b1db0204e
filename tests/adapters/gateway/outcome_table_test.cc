// What an answer says came of a login: rows in order, the first that holds.
#include "adapters/gateway/outcome_table.h"

#include <catch2/catch.hpp>

#include <vector>

namespace stockade {
namespace {

using Fields = std::vector<HeaderField>;

OutcomeRule Row(Outcome outcome, std::string status) {
  OutcomeRule row;
  row.status = std::move(status);
  row.outcome = outcome;
  return row;
}
OutcomeTable Table(const std::vector<OutcomeRule>& rules) {
  auto table = OutcomeTable::Create(rules);
  INFO(table.status());
  REQUIRE(table.ok());
  return *std::move(table);
}

TEST_CASE("the first row whose conditions all hold names the outcome", "[gateway][outcome]") {
  OutcomeRule home = Row(Outcome::kSuccess, "302");
  home.location = "^/home";
  OutcomeRule factor = Row(Outcome::kSecondFactorFailed, "302");
  factor.header = "X-Login";
  factor.header_matches = "^otp";
  OutcomeRule locked = Row(Outcome::kAccountLocked, "4xx");
  locked.json_path = "error.code";
  locked.json_equals = "LOCKED";
  OutcomeRule page = Row(Outcome::kBadPassword, "200");
  page.body_matches = "wrong (password|name)";
  OutcomeRule any = Row(Outcome::kStopped, "");
  any.header = "Retry-After";
  const OutcomeTable table = Table({home, factor, locked, page, Row(Outcome::kBadPassword, "401"), any});
  const auto read = [&](int status, const Fields& fields, std::string_view body = "") {
    int row = -2;
    const Outcome outcome = table.Read(ResponseView{status, fields}, body, &row);
    return std::make_pair(outcome, row);
  };
  using Result = std::pair<Outcome, int>;
  CHECK(read(302, {{"location", "/home?x"}}) == Result(Outcome::kSuccess, 0));
  CHECK(read(302, {{"Location", "/login"}}) == Result(Outcome::kUnknown, -1));
  CHECK(read(302, {}) == Result(Outcome::kUnknown, -1));
  CHECK(read(302, {{"x-login", "none"}, {"X-Login", "otp-bad"}}) == Result(Outcome::kSecondFactorFailed, 1));
  CHECK(read(403, {}, R"({"error":{"code":"LOCKED"}})") == Result(Outcome::kAccountLocked, 2));
  CHECK(read(401, {}, R"({"error":{"code":"BAD"}})") == Result(Outcome::kBadPassword, 4));
  CHECK(read(401, {}, R"({"error":)") == Result(Outcome::kBadPassword, 4));
  CHECK(read(200, {}, "<p>wrong password</p>") == Result(Outcome::kBadPassword, 3));
  CHECK(read(200, {{"Content-Encoding", "gzip"}}, "wrong password") == Result(Outcome::kUnknown, -1));
  CHECK(read(500, {{"Retry-After", ""}}) == Result(Outcome::kStopped, 5));
  CHECK(read(500, {}) == Result(Outcome::kUnknown, -1));

  CHECK(table.has_body_rows());
  const auto needs = [&](int status, const Fields& fields) {
    return table.NeedsBody(ResponseView{status, fields});
  };
  CHECK_FALSE(needs(302, {{"Location", "/home"}}));
  CHECK_FALSE(needs(302, {}));
  CHECK(needs(401, {}));
  CHECK(needs(200, {}));
  CHECK_FALSE(needs(200, {{"Content-Encoding", "br"}}));
  CHECK_FALSE(needs(500, {}));
}

TEST_CASE("a JSON value is compared by its text, numbers as numbers", "[gateway][outcome]") {
  const auto holds = [](std::string path, std::string equals, std::string_view body) {
    OutcomeRule row = Row(Outcome::kSuccess, "");
    row.json_path = std::move(path);
    row.json_equals = std::move(equals);
    return Table({row}).Read(ResponseView{200, {}}, body, nullptr) == Outcome::kSuccess;
  };
  CHECK(holds("ok", "true", R"({"ok":true})"));
  CHECK_FALSE(holds("ok", "true", R"({"ok":false})"));
  CHECK(holds("code", "3", R"({"code":3})"));
  CHECK(holds("code", "3", R"({"code":3.0})"));
  CHECK(holds("code", "3", R"({"code":"3"})"));
  CHECK_FALSE(holds("code", "3", R"({"code":30})"));
  CHECK(holds("token", "", R"({"token":"x"})"));
  CHECK_FALSE(holds("token", "", R"({"token":null})"));
  CHECK_FALSE(holds("token", "", R"({"token":"x"} and more)"));
}

TEST_CASE("no rows are unknown, and a row without conditions is everything", "[gateway][outcome]") {
  CHECK(Table({}).Read(ResponseView{200, {}}, "", nullptr) == Outcome::kUnknown);
  CHECK_FALSE(Table({}).has_body_rows());
  CHECK(Table({Row(Outcome::kBadPassword, "")}).Read(ResponseView{599, {}}, "", nullptr) ==
        Outcome::kBadPassword);
}

TEST_CASE("a row that cannot be is refused by its key", "[gateway][outcome]") {
  const auto says = [](const OutcomeRule& rule) {
    const auto table = OutcomeTable::Create({Row(Outcome::kSuccess, "200"), rule});
    REQUIRE_FALSE(table.ok());
    return std::string(table.status().message());
  };
  for (const char* status : {"2000", "20", "6xx", "4x", "4Xx", "abc", "-20"})
    CHECK_THAT(says(Row(Outcome::kSuccess, status)), Catch::StartsWith("outcomes[1].status: must be"));
  OutcomeRule rule;
  rule.header_matches = "x";
  CHECK_THAT(says(rule), Catch::StartsWith("outcomes[1].header_matches: has no header"));
  rule = OutcomeRule();
  rule.json_equals = "x";
  CHECK_THAT(says(rule), Catch::StartsWith("outcomes[1].json_equals: has no json"));
  rule = OutcomeRule();
  rule.body_matches = "(?<x";
  CHECK_THAT(says(rule), Catch::StartsWith("outcomes[1].body: "));
}

}  // namespace
}  // namespace stockade
