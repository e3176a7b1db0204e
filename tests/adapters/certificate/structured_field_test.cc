// Byte sequences in structured fields: the HTTP working group's cases, read where they lie, and hostile bytes.
#include "adapters/certificate/structured_field.h"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <random>

#include "engine/text.h"

namespace stockade {
namespace {

using Error = StructuredFieldError;

std::string Base32Decoded(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto value = static_cast<uint32_t>(c >= 'A' && c <= 'Z' ? c - 'A' : c - '2' + 26);
    bits = bits << 5 | value;
    held += 5;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<char>(bits >> held & 0xff));
    }
  }
  return bytes;
}

// Bytes of an expected item ([value, parameters]) that is a byte sequence.
std::optional<std::string> ExpectedBytes(simdjson::dom::element item) {
  std::string_view type, value;
  if (item.at(0)["__type"].get(type) != simdjson::SUCCESS || type != "binary") return std::nullopt;
  if (item.at(0)["value"].get(value) != simdjson::SUCCESS) return std::nullopt;
  return Base32Decoded(value);
}

bool IsTrue(simdjson::simdjson_result<simdjson::dom::element> value) {
  bool truth = false;
  return value.get(truth) == simdjson::SUCCESS && truth;
}

TEST_CASE("the working group's cases are read as it says", "[certificate]") {
  const std::string folder = std::string(STOCKADE_CORPORA) + "/structured-field-tests";
  if (!std::filesystem::exists(folder)) {
    std::cout << "skipped: no corpus at " << folder << "\n";
    return;
  }
  int binary = 0, refused = 0, other = 0, parameters = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    // RFC 9651 added dates and display strings; RFC 9440 stands on RFC 8941.
    const std::string file = entry.path().stem();
    const bool newer = file == "date" || file == "display-string";
    simdjson::dom::parser parser;
    simdjson::dom::array cases;
    REQUIRE(parser.load(entry.path()).get(cases) == simdjson::SUCCESS);
    for (const simdjson::dom::element c : cases) {
      const std::string_view type = c["header_type"], name = c["name"];
      if (type == "dictionary") continue;
      const bool must_fail = IsTrue(c["must_fail"]), can_fail = IsTrue(c["can_fail"]);
      std::vector<std::string_view> lines;
      for (const std::string_view line : c["raw"].get_array()) lines.push_back(line);
      INFO(file << ": " << name << ": " << lines[0]);

      simdjson::dom::element expected;
      const bool has_expected = c["expected"].get(expected) == simdjson::SUCCESS && !expected.is_null();
      std::vector<std::string> wanted;
      bool all_binary = has_expected;
      if (has_expected && type == "item") {
        const auto bytes = ExpectedBytes(expected);
        all_binary = bytes.has_value();
        if (bytes) wanted.push_back(*bytes);
      } else if (has_expected) {
        for (const simdjson::dom::element member : expected.get_array()) {
          const auto bytes = ExpectedBytes(member);
          all_binary = all_binary && bytes.has_value();
          wanted.push_back(bytes.value_or(""));
        }
      }

      std::vector<std::string> read;
      Error error;
      if (type == "item") {
        error = lines.size() == 1 ? ReadByteSequence(lines[0], &read.emplace_back()) : Error::kSyntax;
      } else {
        error = ReadByteSequenceList(lines, 5000, &read);
      }
      if (must_fail) {
        CHECK(error != Error::kNone);
        ++refused;
      } else if (all_binary && !(can_fail && error != Error::kNone)) {
        CHECK(error == Error::kNone);
        CHECK(read == wanted);
        ++binary;
      } else if (!all_binary) {
        CHECK(error != Error::kNone);
        ++other;
      }

      // Any bare item may be a parameter's value, and what is none may not.
      if (type == "item" && lines.size() == 1 && !newer && !can_fail && !lines[0].starts_with(' ') &&
          !lines[0].empty()) {
        std::string bytes;
        const Error as_parameter = ReadByteSequence(Concat(":aGk=:;a=", lines[0]), &bytes);
        CHECK((as_parameter == Error::kNone) == !must_fail);
        if (as_parameter == Error::kNone) CHECK(bytes == "hi");
        ++parameters;
      }
    }
  }
  INFO(binary << " binary, " << refused << " refused, " << other << " of other types, " << parameters
              << " parameters");
  CHECK(binary >= 1);
  CHECK(refused >= 100);
  CHECK(other >= 100);
  CHECK(parameters >= 200);
}

TEST_CASE("one byte sequence with parameters is an item", "[certificate]") {
  const auto read = [](std::string_view line) -> std::string {
    std::string bytes;
    const Error error = ReadByteSequence(line, &bytes);
    return error == Error::kNone ? bytes : Concat("error ", Name(error));
  };
  CHECK(read(":aGVsbG8=:") == "hello");
  CHECK(read("  :aGVsbG8=:  ") == "hello");
  CHECK(read("::") == "");
  CHECK(read(":aGVsbG8=:;a;b=1;*c=\"x\\\"y\"; d=?1;e=:YQ==:;f=tok/en:;g=-1.5") == "hello");
  CHECK(read("") == "error syntax");
  CHECK(read(":aGVsbG8=") == "error syntax");
  CHECK(read(":aGVsbG8=:x") == "error syntax");
  CHECK(read(":aGVsbG8=:, :aGVsbG8=:") == "error syntax");
  CHECK(read("\t:aGVsbG8=:") == "error other_type");
  CHECK(read("aGVsbG8=") == "error other_type");
  CHECK(read("(:aGVsbG8=:)") == "error other_type");
  CHECK(read(":aGVsbG8:") == "error syntax");   // no padding
  CHECK(read(":aGVsbG9=:") == "error syntax");  // bits in the padding
  CHECK(read(":====:") == "error syntax");
  CHECK(read(":a===:") == "error syntax");
  CHECK(read(":=:") == "error syntax");
  CHECK(read(std::string_view(":aGVs\0bG8=:", 11)) == "error syntax");
  for (const char* parameters :
       {";", ";A", ";a=", ";a =1", " ;a", ";a=1 2", ";1a", ";a=1.", ";a=1.2345", ";a=1234567890123456",
        ";a=1234567890123.1", ";a=\"x", ";a=\"\\x\"", ";a=\"\x7f\"", ";a=?2", ";a=:x:", ";a=(1)", ";a=-"}) {
    INFO(parameters);
    CHECK(read(Concat(":aGVsbG8=:", std::string_view(parameters))).starts_with("error"));
  }
}

TEST_CASE("the lines of a list are one list", "[certificate]") {
  const auto read = [](std::vector<std::string_view> lines, size_t max = 8) -> std::string {
    std::vector<std::string> members;
    const Error error = ReadByteSequenceList(lines, max, &members);
    if (error != Error::kNone) return Concat("error ", Name(error));
    std::string text;
    for (const std::string& member : members) text += "<" + member + ">";
    return text;
  };
  CHECK(read({}) == "");
  CHECK(read({""}) == "");
  CHECK(read({"  "}) == "");
  CHECK(read({":YQ==:"}) == "<a>");
  CHECK(read({":YQ==:,:Yg==:\t,\t:Yw==:;x=1"}) == "<a><b><c>");
  CHECK(read({":YQ==:, :Yg==:", ":Yw==:"}) == "<a><b><c>");
  CHECK(read({":YQ==:", "", ":Yw==:"}) == "error other_type");
  CHECK(read({":YQ==:,"}) == "error syntax");
  CHECK(read({",:YQ==:"}) == "error other_type");
  CHECK(read({":YQ==: :Yg==:"}) == "error syntax");
  CHECK(read({":YQ==:, 1"}) == "error other_type");
  CHECK(read({":YQ==:,:Yg==:"}, 2) == "<a><b>");
  CHECK(read({":YQ==:,:Yg==:"}, 1) == "error too_many");
}

TEST_CASE("what is encoded comes back, and any one character changed is refused or another value",
          "[certificate]") {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::mt19937 random(20240613);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
      uint32_t group = 0;
      for (size_t j = 0; j < 3; ++j)
        group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
      for (size_t j = 0; j < 4; ++j) {
        text.push_back(i + j > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * j) & 63]);
      }
    }
    std::string decoded;
    REQUIRE(DecodeBase64(text, &decoded));
    REQUIRE(decoded == bytes);
    if (text.empty()) continue;
    std::string changed = text;
    changed[random() % changed.size()] = static_cast<char>(random());
    if (changed != text && DecodeBase64(changed, &decoded)) REQUIRE(decoded != bytes);
  }
}

}  // namespace
}  // namespace stockade
