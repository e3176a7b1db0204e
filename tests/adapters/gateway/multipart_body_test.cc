// multipart/form-data: what two parsers would cut differently is refused; the rest reads back.
#include "adapters/gateway/multipart_body.h"

#include <catch2/catch.hpp>

#include "tests/adapters/gateway/random_text.h"

namespace stockade {
namespace {

using Error = LoginReadError;

std::string Part(const std::string& name, const std::string& content, const std::string& more = "") {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content +
         "\r\n";
}
const std::string kEnd = "--B--\r\n";

struct PartRead {
  Error error;
  bool found;
  std::string text;
};
PartRead PartField(const std::string& body, std::string_view name = "user") {
  FoundValue value;
  const Error error = ReadMultipartField(body, "B", name, &value);
  return {error, value.found, std::string(value.text.view())};
}

TEST_CASE("a part is the value, line ends and all", "[gateway][multipart]") {
  CHECK(PartField(Part("user", "alice") + kEnd).text == "alice");
  CHECK(PartField(Part("x", "1") + Part("user", "a\r\nb\nc--") + Part("y", "2") + "--B--").text ==
        "a\r\nb\nc--");
  CHECK(PartField(Part("user", "") + kEnd).found);
  CHECK_FALSE(PartField(Part("x", "user") + kEnd).found);
  CHECK_FALSE(PartField("--B--").found);
  CHECK(PartField(Part("user", "a") + Part("user", "a") + kEnd).text == "a");
  CHECK(PartField(Part("user", "a", "\r\nContent-Type: text/plain; charset=UTF-8") + kEnd).text == "a");
  CHECK(PartField(Part("file", "x", "; filename=\"C:/x y;z.txt\"") + Part("user", "a") + kEnd).text == "a");
  CHECK(PartField("--B\r\ncontent-disposition:form-data;name=user\r\n\r\na\r\n--B--").text == "a");
}

TEST_CASE("a multipart body that parsers cut differently is refused", "[gateway][multipart]") {
  const std::string good = Part("user", "a");
  for (const std::string& body : {
           std::string(),
           std::string("preamble\r\n") + good + kEnd,
           "\r\n" + good + kEnd,
           good,
           good + "--B",
           good + "--B-",
           good + "--B --\r\n",
           good + kEnd + "epilogue",
           good + "--B--\r\n\r\n",
           Part("x", "a\n--B") + good + kEnd,                // a delimiter behind a bare LF
           Part("x", "--B") + good + kEnd,                   // a delimiter that ends no line
           Part("x", "a\r\n--Bx") + good + kEnd,             // a longer one
           std::string("--B \r\n") + good.substr(5) + kEnd,  // padding
           std::string("--B\n") + good.substr(5) + kEnd,     // LF
           std::string("--B\r\n\r\na\r\n") + kEnd,           // no head
           std::string("--B\r\nX: y\r\n\r\na\r\n") + kEnd,   // no disposition
           Part("user", "a", "\r\nContent-Disposition: form-data; name=\"x\"") + kEnd,
           Part("user", "a", "; name=\"x\"") + kEnd,
           Part("user", "a", "; name*=utf-8''x") + kEnd,
           Part("user", "a", "; filename*=utf-8''x") + kEnd,
           Part("user", "a", "\r\n folded: x") + kEnd,
           Part("us\\er", "a") + kEnd,
           Part("user", "a", "\r\nContent-Transfer-Encoding: base64") + kEnd,
           Part("user", "a", "\r\n\x0E: x") + kEnd,
           Part("user", "a", "\r\nX: \x01") + kEnd,
           std::string("--B\r\nContent-Disposition: form-data; name='user'\r\n\r\na\r\n") + kEnd,
           std::string("--B\r\nContent-Disposition: form-data; name = user\r\n\r\na\r\n") + kEnd,
           std::string("--B\r\nContent-Disposition : form-data; name=user\r\n\r\na\r\n") + kEnd,
           std::string("--B\r\nContent-Disposition: attachment; name=user\r\n\r\na\r\n") + kEnd,
           std::string("--B\r\nContent-Disposition: form-data; name=\"user\"x\r\n\r\na\r\n") + kEnd,
       }) {
    CAPTURE(body);
    CHECK(PartField(body).error == Error::kBadBody);
  }
}

TEST_CASE("two parts that may be one field are two values", "[gateway][multipart]") {
  const std::string good = Part("user", "a");
  for (const std::string& other : {Part("user", "b"), Part("USER", "b"), Part("user[]", "b"),
                                   Part("us%65r", "b"), Part("user", "b", "; filename=x")}) {
    CAPTURE(other);
    CHECK(PartField(good + other + kEnd).error == Error::kTwoValues);
    CHECK(PartField(other + good + kEnd).error == Error::kTwoValues);
  }
  CHECK(PartField(Part("user", "a", "\r\nContent-Type: text/plain; charset=utf-7") + kEnd).error ==
        Error::kUnknownType);
  CHECK(PartField(Part("_charset_", "utf-7") + good + kEnd).error == Error::kUnknownType);
  CHECK_FALSE(PartField(Part("user", "b", "; filename=x") + kEnd).found);
}

TEST_CASE("a boundary that some parser would cut is none", "[gateway][multipart]") {
  CHECK(MultipartBoundary("multipart/form-data; boundary=abc") == "abc");
  CHECK(MultipartBoundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a=b:c\"") == "a=b:c");
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a,b\"",
        "multipart/form-data; boundary=\"a b\"", "multipart/form-data; boundary=\"a",
        "multipart/mixed; boundary=a", "multipart/form-data; boundary='a'",
        "multipart/form-data; boundary =a", "multipart/form-data; boundary=\"a\\\"b\"",
        "multipart/form-data boundary=a"}) {
    CAPTURE(type);
    CHECK(MultipartBoundary(type).empty());
  }
  CHECK(MultipartBoundary("multipart/form-data; boundary=" + std::string(71, 'a')).empty());
}

TEST_CASE("what is written as multipart reads back, whatever it is", "[gateway][multipart]") {
  const uint32_t seed = GENERATE(11u, 12u, 13u, 14u, 15u);
  test::RandomText random(seed);
  for (int round = 0; round < 400; ++round) {
    INFO("seed " << seed << ", round " << round);
    const std::string value = random.Bytes(60);
    std::string body;
    for (size_t i = random.Below(3); i > 0; --i) body += Part(random.Name(6), random.Bytes(40));
    body += Part("user", value);
    for (size_t i = random.Below(3); i > 0; --i) body += Part(random.Name(6), random.Bytes(40));
    body += kEnd;
    // A client chooses a boundary that its content does not hold.
    size_t held = 0;
    for (size_t at = body.find("--B"); at != std::string::npos; at = body.find("--B", at + 1)) ++held;
    size_t delimiters = 1;
    for (size_t at = body.find("--B\r\nC"); at != std::string::npos; at = body.find("--B\r\nC", at + 1))
      ++delimiters;
    if (held != delimiters) continue;
    CAPTURE(body);
    const PartRead read = PartField(body);
    REQUIRE(read.error == Error::kNone);
    REQUIRE(read.text == value);
  }
}

}  // namespace
}  // namespace stockade
