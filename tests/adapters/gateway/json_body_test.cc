// JSON: one value by its path, or the reason why there is not one.
#include "adapters/gateway/json_body.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

using Error = LoginReadError;

struct JsonRead {
  Error error;
  bool found;
  std::string text;
};
JsonRead JsonField(std::string_view body, std::string_view path = "user") {
  FoundValue value;
  const Error error = ReadJsonValue(body, path, &value);
  return {error, value.found, std::string(value.text.view())};
}

TEST_CASE("a path leads to a member, nested, dotted or by pointer", "[gateway][json]") {
  struct Case {
    const char* body;
    const char* path;
    const char* value;
  };
  for (const Case& each :
       {Case{R"({"user":"alice"})", "user", "alice"}, Case{R"({"a":{"b":"x"}})", "a.b", "x"},
        Case{R"({"a.b":"x"})", "a.b", "x"}, Case{R"({"a.b":{"c":"x"}})", "a.b.c", "x"},
        Case{R"({"a":{"b.c":"x"}})", "a.b.c", "x"}, Case{R"({"a":{"first.name":"x"}})", "/a/first.name", "x"},
        Case{R"({"a/b":{"m~n":"x"}})", "/a~1b/m~0n", "x"}, Case{R"({"a":[{"b":"x"},1]})", "a.0.b", "x"},
        Case{R"(["x","y"])", "/1", "y"}, Case{R"({"user":"\u00e9\n"})", "user", "\xC3\xA9\n"},
        Case{R"({"user":4711})", "user", "4711"}, Case{R"({"user":-1})", "user", "-1"},
        Case{R"({"user":18446744073709551615})", "user", "18446744073709551615"},
        Case{R"({"user":1.5})", "user", "1.5"}, Case{R"({"user":true})", "user", "true"},
        Case{R"({"user":""})", "user", ""}, Case{R"({"user":"a","user":"a"})", "user", "a"},
        Case{R"( {"x":[{"user":"no"}],"user":"yes"} )", "user", "yes"}}) {
    CAPTURE(each.body, each.path);
    const JsonRead read = JsonField(each.body, each.path);
    CHECK(read.error == Error::kNone);
    CHECK(read.found);
    CHECK(read.text == each.value);
  }
}

TEST_CASE("what is no text, number or boolean is no value", "[gateway][json]") {
  for (const char* body : {R"({"user":null})", R"({"user":{"$ne":null}})", R"({"user":["a"]})", "{}", "[]",
                           "1", R"("user")", R"({"User":"a"})", R"({"usr":"a"})"}) {
    CAPTURE(body);
    const JsonRead read = JsonField(body);
    CHECK(read.error == Error::kNone);
    CHECK_FALSE(read.found);
  }
  CHECK_FALSE(JsonField(R"(["a"])", "1").found);
  CHECK_FALSE(JsonField(R"(["a"])", "-1").found);
  CHECK_FALSE(JsonField(R"({"a":"x"})", "a.b").found);
  CHECK_FALSE(JsonField(R"({"a":{"b":"x"}})", "a.").found);
}

TEST_CASE("a key that stands twice with different values is two values", "[gateway][json]") {
  for (const char* body :
       {R"({"user":"a","user":"b"})", R"({"user":"a","\u0075ser":"b"})", R"({"user":"a","USER":"b"})",
        R"({"USER":"b","user":"a"})", R"({"user":"a","user":null})", R"({"user":null,"user":"a"})",
        R"({"user":"a","user":{"x":1}})", R"({"USER":"a","uSER":"b"})"}) {
    CAPTURE(body);
    CHECK(JsonField(body).error == Error::kTwoValues);
  }
  for (const char* body : {R"({"a":{"b":"x"},"a":{"b":"y"}})", R"({"a.b":"x","a":{"b":"y"}})",
                           R"({"a":{"b":"x"},"A":{"b":"y"}})", R"({"A":{"B":"y"},"a":{"b":"x"}})"}) {
    CAPTURE(body);
    CHECK(JsonField(body, "a.b").error == Error::kTwoValues);
  }
  CHECK(JsonField(R"({"a":{"b":"x"},"A":{"b":"y"}})", "/a/b").error == Error::kTwoValues);
  CHECK(JsonField(R"({"user":"a","password":"b","password":"c"})").text == "a");
}

TEST_CASE("broken, deep and foreign JSON is a bad body", "[gateway][json]") {
  for (const std::string& body :
       {std::string(), std::string("{"), std::string(R"({"user":"a"}})"), std::string(R"({"user":"a"} x)"),
        std::string(R"({'user':'a'})"), std::string(R"({"user":"a",})"), std::string("{\"user\":\"a\nb\"}"),
        std::string("{\"user\":\"\xff\"}"), std::string("\xef\xbb\xbf{\"user\":\"a\"}"),
        std::string(R"({"user":"\ud800"})"), std::string(R"({"user":NaN})"), std::string(R"({"user":01})"),
        std::string(R"({"user":"a"}/**/)"), std::string("{\"user\":\"a\"}\0", 13),
        std::string(kJsonDepthMax + 1, '[') + std::string(kJsonDepthMax + 1, ']')}) {
    CAPTURE(body);
    CHECK(JsonField(body).error == Error::kBadBody);
  }
  CHECK(JsonField(std::string(100000, '[')).error == Error::kBadBody);
}

TEST_CASE("bodies of any size in any order are read by one thread", "[gateway][json]") {
  for (const size_t size : {size_t{10}, size_t{70000}, size_t{3}, size_t{600000}, size_t{5000}, size_t{1}}) {
    const std::string text(size, 'x');
    CHECK(JsonField("{\"a\":\"" + text + "\",\"user\":\"" + text + "\"}").text == text);
  }
}

}  // namespace
}  // namespace stockade
