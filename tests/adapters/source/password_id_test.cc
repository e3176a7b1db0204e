// That no password of a log gets into an event, whatever the reader and however the log is mapped.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "adapters/source/field_text.h"
#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadText;

constexpr HashKey kKey{1, 2};

// That the only record holds the hash of `password`, and nowhere `password` itself.
void CheckHidden(const test::ReadResult& result, std::string_view password) {
  REQUIRE(result.status.ok());
  REQUIRE(result.records.size() == 1);
  REQUIRE(result.records[0].ok());
  const Attempt& attempt = result.records[0].attempt();
  CHECK(attempt.password_id == ToHex(SipHash128(kKey, password)));
  for (const ExtraField& field : attempt.extra) {
    CHECK(field.value.text.find(password) == std::string_view::npos);
    CHECK(field.value.kind != FieldValue::Kind::kNumber);
  }
}

TEST_CASE("an id of 16 to 128 hexadecimal digits stays, all else is hashed", "[password_id]") {
  TextArena arena;
  for (const size_t size : {size_t{16}, size_t{32}, size_t{64}, size_t{127}, size_t{128}}) {
    const std::string id(size, 'A');
    CHECK(ToPasswordId(id, kKey, &arena) == id);
  }
  CHECK(ToPasswordId("", kKey, &arena).empty());
  for (const std::string& text : {std::string(15, 'a'), std::string(129, 'a'), std::string("hunter2"),
                                  std::string("0f1e2d3c4b5a6978 "), std::string("0f1e2d3c4b5a697g")}) {
    const std::string id(ToPasswordId(text, kKey, &arena));
    CHECK(id == ToHex(SipHash128(kKey, text)));
    CHECK(ToPasswordId(id, kKey, &arena) == id);
  }
}

TEST_CASE("one character that is no digit, at any place, makes an id a password", "[password_id]") {
  TextArena arena;
  for (const size_t size : {size_t{16}, size_t{17}, size_t{23}, size_t{24}, size_t{32}, size_t{127}}) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, "0aF9"[(size + at) % 4]);
        text[at] = static_cast<char>(c);
        const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if ((ToPasswordId(text, kKey, &arena) == text) != is_digit)
          FAIL("size " << size << " at " << at << ": " << c);
      }
    }
    arena.Clear();
  }
}

TEST_CASE("no reader lets a password through", "[password_id]") {
  FieldTable fields;
  fields.Intern("form.password");
  SourceOptions options = Format("ndjson");
  options.fields = &fields;
  options.hash_key = kKey;
  options.field_paths = {{"login.password_id", "form.password"}};
  const std::string begin = R"({"@timestamp":"2024-05-01T10:11:12Z","form":{"password":)";
  CheckHidden(ReadText(begin + "\"hunter2\"}}\n", options), "hunter2");
  CheckHidden(ReadText(begin + "12345678}}\n", options), "12345678");
  CheckHidden(ReadText(begin + "[\"hunter2\",\"hunter2\"]}}\n", options), "hunter2");

  options = Format("csv");
  options.fields = &fields;
  options.hash_key = kKey;
  options.columns = {{"login.password_id", "form.password"}, {"form.password", "form.password"}};
  CheckHidden(ReadText("@timestamp,user.name,form.password\n2024-05-01T10:11:12Z,a,hunter2\n", options),
              "hunter2");

  const std::string file =
      (std::filesystem::temp_directory_path() / "stockade_password_id_test.yml").string();
  std::ofstream(file) << "patterns:\n"
                         "  - match: '^(?P<timestamp>\\S+) (?P<login_password_id>\\S+)$'\n"
                         "    outcome: bad_password\n";
  options = Format("text");
  options.hash_key = kKey;
  options.format_file = file;
  CheckHidden(ReadText("2024-05-01T10:11:12Z hunter2\n", options), "hunter2");
  std::remove(file.c_str());
}

}  // namespace
}  // namespace stockade
