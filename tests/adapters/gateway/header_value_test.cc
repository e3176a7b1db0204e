// HTTP Basic, cookies, fields, and the order of fields.
#include "adapters/gateway/header_value.h"

#include <catch2/catch.hpp>

#include <vector>

#include "adapters/gateway/account_text.h"

namespace stockade {
namespace {

using Error = LoginReadError;
using Fields = std::vector<HeaderField>;

TEST_CASE("HTTP Basic gives user and password", "[gateway][header]") {
  const auto read = [](const Fields& fields) {
    BasicCredentials basic;
    const Error error = ReadBasic(fields, &basic);
    return std::make_tuple(error, basic.user.found ? std::string(basic.user.text.view()) : "-",
                           basic.password.found ? std::string(basic.password.text.view()) : "-");
  };
  using Result = std::tuple<Error, std::string, std::string>;
  CHECK(read({{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}}) ==
        Result(Error::kNone, "Aladdin", "open sesame"));
  CHECK(read({{"authorization", "bASIC  YTpiOmM="}}) == Result(Error::kNone, "a", "b:c"));
  CHECK(read({{"Authorization", "Basic Og=="}}) == Result(Error::kNone, "", ""));
  CHECK(read({}) == Result(Error::kNone, "-", "-"));
  for (const char* other : {"Bearer abc", "Basic", "Basically YTpi", ""}) {
    CAPTURE(other);
    CHECK(read({{"Authorization", other}}) == Result(Error::kNone, "-", "-"));
  }
  for (const char* bad :
       {"Basic YQ==", "Basic Y", "Basic YTpi YTpi", "Basic YTpi.", "Basic YT=pi", "Basic _-8="}) {
    CAPTURE(bad);
    CHECK(std::get<0>(read({{"Authorization", bad}})) == Error::kBadBody);
  }
  CHECK(std::get<0>(read({{"Authorization", "Basic YTpi"}, {"Authorization", "Basic YTpj"}})) ==
        Error::kTwoValues);
  CHECK(std::get<1>(read({{"Authorization", "Basic YTpi"}, {"Authorization", "Basic YTpi"}})) == "a");
}

TEST_CASE("a cookie is found by its exact name, the first one wins", "[gateway][header]") {
  const Fields fields = {{"Cookie", "a=1; device=\"x=y\";device_id=z"}, {"cookie", "device = x=y ; b"}};
  FoundValue value;
  CHECK(ReadCookie(fields, "device", &value) == Error::kNone);
  CHECK(value.text.view() == "x=y");
  CHECK(ReadCookie(fields, "Device", &value) == Error::kNone);
  CHECK_FALSE(value.found);
  CHECK(ReadCookie(fields, "b", &value) == Error::kNone);
  CHECK_FALSE(value.found);
  const Fields two = {{"Cookie", "device=1; device=2"}};
  CHECK(ReadCookie(two, "device", &value) == Error::kTwoValues);
  CHECK(value.text.view() == "1");
}

TEST_CASE("the order of fields is the client's, whoever stands in between", "[gateway][header]") {
  const HashKey key{1, 2};
  const Fields client = {{"Host", "a"}, {"User-Agent", "b"}, {"Accept", "c"}, {"Connection", "keep-alive"}};
  const Fields through_proxy = {
      {"X-Forwarded-For", "1"},       {"User-Agent", "x"}, {"accept", "y"}, {"Via", "z"},
      {"X-Forwarded-Proto", "https"}, {"CF-Ray", "q"}};
  const Fields other_order = {{"Accept", "c"}, {"User-Agent", "b"}};
  CHECK(HeaderOrder(client, key) == HeaderOrder(through_proxy, key));
  CHECK(HeaderOrder(client, key) != HeaderOrder(other_order, key));
  CHECK(HeaderOrder(client, key) == ToHex(SipHash128(key, std::string_view("user-agent\naccept\n"))));
}

TEST_CASE("an account that is no UTF-8 is still an account", "[gateway][header]") {
  CHECK(AccountText("alice", false) == "alice");
  CHECK(AccountText("  Alice\t\r\n", false) == "Alice");
  CHECK(AccountText("Alice", true) == "alice");
  CHECK(AccountText("m\xFCller", false) == "m\\xfcller");
  CHECK(AccountText("m\xC3\xBCller", false) == "m\xC3\xBCller");
  CHECK(AccountText("\xED\xA0\x80", false) == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(AccountText("\xC0\xAF", false) == "\\xc0\\xaf");           // overlong
  CHECK(AccountText("\xF4\x90\x80\x80", false) == "\\xf4\\x90\\x80\\x80");
  CHECK(AccountText("\xF0\x9F\x98\x80", false) == "\xF0\x9F\x98\x80");
  CHECK(AccountText("\xE2\x82", false) == "\\xe2\\x82");
  CHECK(AccountText(std::string(10000, 'a'), false).size() == kAccountBytesMax);
}

}  // namespace
}  // namespace stockade
