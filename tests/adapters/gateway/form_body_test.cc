// A form gives the value that every application reads, or none.
#include "adapters/gateway/form_body.h"

#include <catch2/catch.hpp>

#include "tests/adapters/gateway/random_text.h"

namespace stockade {
namespace {

using Error = LoginReadError;

struct FormRead {
  Error error;
  bool found;
  std::string text;
};
FormRead FormField(std::string_view body, std::string_view name = "user") {
  FoundValue value;
  const Error error = ReadFormField(body, name, &value);
  return {error, value.found, std::string(value.text.view())};
}

TEST_CASE("a form's field is decoded as browsers encode it", "[gateway][form]") {
  struct Case {
    const char* body;
    const char* value;
  };
  for (const Case& each :
       {Case{"user=alice", "alice"}, Case{"a=1&user=alice&b=2", "alice"}, Case{"user=a+b%20c%2Bd", "a b c+d"},
        Case{"us%65r=alice", "alice"}, Case{"user=", ""}, Case{"user", ""}, Case{"user=a=b", "a=b"},
        Case{"&&user=x&&", "x"}, Case{"user=a&user=a", "a"}, Case{"user=%C3%A9", "\xC3\xA9"},
        Case{"x=%zz&user=a", "a"}, Case{"_charset_=utf-8&user=a", "a"}, Case{"password=a;b&user=x", "x"}}) {
    CAPTURE(each.body);
    const FormRead read = FormField(each.body);
    CHECK(read.error == Error::kNone);
    CHECK(read.found);
    CHECK(read.text == each.value);
  }
  for (const char* body : {"", "users=a", "use=a", "a=user", "User=a", "user[]=a"}) {
    CAPTURE(body);
    const FormRead read = FormField(body);
    CHECK(read.error == Error::kNone);
    CHECK_FALSE(read.found);
  }
}

TEST_CASE("a form that two applications would read differently is refused", "[gateway][form]") {
  struct Case {
    const char* body;
    Error error;
  };
  for (const Case& each :
       {Case{"user=a&user=b", Error::kTwoValues}, Case{"user=a&us%65r=b", Error::kTwoValues},
        Case{"user=a&USER=b", Error::kTwoValues}, Case{"USER=b&user=a", Error::kTwoValues},
        Case{"user=a&user[]=b", Error::kTwoValues}, Case{"user=a&user[x]=b", Error::kTwoValues},
        Case{"user=a&+user=b", Error::kTwoValues}, Case{"user=a&user%00x=b", Error::kTwoValues},
        Case{"x=1;user=b&user=a", Error::kTwoValues}, Case{"user=a;user=b", Error::kTwoValues},
        Case{"user=%zz", Error::kBadBody}, Case{"user=%u0061", Error::kBadBody},
        Case{"user=a%", Error::kBadBody}, Case{"us%zzer=a", Error::kBadBody},
        Case{"user=a&_charset_=utf-7", Error::kUnknownType}}) {
    CAPTURE(each.body);
    CHECK(FormField(each.body).error == each.error);
  }
  // PHP writes dots, spaces and brackets of a name as underscores.
  for (const char* body : {"user_name=a&user.name=b", "user_name=a&user+name=b", "user_name=a&user[name=b"}) {
    CAPTURE(body);
    CHECK(FormField(body, "user_name").error == Error::kTwoValues);
  }
  // Rails: fields of one object are not one another.
  CHECK(FormField("user[name]=a&user[password]=b", "user[name]").text == "a");
}

TEST_CASE("a bare semicolon inside a value is told", "[gateway][form]") {
  FoundValue value;
  CHECK(ReadFormField("user=a;b", "user", &value) == Error::kNone);
  CHECK(value.separator_inside);
  CHECK(value.text.view() == "a;b");
  CHECK(ReadFormField("user=a%3Bb", "user", &value) == Error::kNone);
  CHECK_FALSE(value.separator_inside);
}

TEST_CASE("what is encoded as a form reads back, whatever it is", "[gateway][form]") {
  const uint32_t seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  test::RandomText random(seed);
  for (int round = 0; round < 400; ++round) {
    INFO("seed " << seed << ", round " << round);
    const std::string value = random.Bytes(40);
    std::string body;
    const size_t before = random.Below(4);
    for (size_t i = 0; i < before; ++i)
      body += test::FormEncoded(random.Name(8)) + "=" + test::FormEncoded(random.Bytes(20)) + "&";
    body += "user=" + test::FormEncoded(value);
    for (size_t i = random.Below(4); i > 0; --i)
      body += "&" + test::FormEncoded(random.Name(8)) + "=" + test::FormEncoded(random.Bytes(20));
    CAPTURE(body);
    const FormRead read = FormField(body);
    REQUIRE(read.error == Error::kNone);
    REQUIRE(read.found);
    REQUIRE(read.text == value);
  }
}

}  // namespace
}  // namespace stockade
