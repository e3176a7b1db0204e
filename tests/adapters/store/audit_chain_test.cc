// Proves that a chained log shows every line that is changed, left out, moved or put in, naming the first; and its form, by a
// hash that another program made.
#include "adapters/store/audit_chain.h"

#include <catch2/catch.hpp>
#include <vector>

#include "engine/text.h"

namespace stockade {
namespace {

std::vector<std::string> Log(size_t size) {
  std::vector<std::string> lines;
  std::string chain(kChainBegin);
  for (size_t n = 1; n <= size; ++n) {
    lines.push_back(AppendChain(chain, Concat("{\"n\":", n, ",\"by\":\"alice\",\"what\":\"add ", n, "\"}")));
    chain = std::string(ChainOf(lines.back()));
  }
  return lines;
}

TEST_CASE("the chain is the SHA-256 of the chain before, a newline and the line without it",
          "[store][audit]") {
  // printf '%064d\n{"n":1,"what":"start"}' 0 | sha256sum
  CHECK(
      AppendChain(kChainBegin, R"({"n":1,"what":"start"})") ==
      R"({"n":1,"what":"start","chain":"91961ea130f50904a9a2787f3dfd788b7d58645720f30fde8bcbebfb06c988f3"})");
}

TEST_CASE("a whole log holds, however long, and can be read on from a line that is trusted",
          "[store][audit]") {
  CHECK(VerifyChain({}).ok());
  const std::vector<std::string> lines = Log(1000);
  CHECK(VerifyChain(lines).ok());
  AuditChainReader reader(500, ChainOf(lines[499]));
  for (size_t i = 500; i < lines.size(); ++i) REQUIRE(reader.Take(lines[i]).ok());
  CHECK(reader.number() == 1000);
  CHECK(reader.chain() == ChainOf(lines.back()));
}

TEST_CASE("any byte of any line that is changed is found at its line", "[store][audit]") {
  const std::vector<std::string> lines = Log(3);
  for (size_t line = 0; line < lines.size(); ++line) {
    for (size_t i = 0; i < lines[line].size(); ++i) {
      for (const char flip : {'\x01', '\x20'}) {
        std::vector<std::string> changed = lines;
        changed[line][i] = static_cast<char>(changed[line][i] ^ flip);
        CAPTURE(changed[line]);
        const absl::Status status = VerifyChain(changed);
        REQUIRE(absl::IsDataLoss(status));
        // A changed number is not the line's own any more.
        if (i > 10)
          REQUIRE_THAT(std::string(status.message()), Catch::StartsWith(Concat("line ", line + 1, " ")));
      }
    }
  }
}

TEST_CASE("lines that are gone, moved, doubled or put in are found", "[store][audit]") {
  const std::vector<std::string> lines = Log(5);
  std::vector<std::string> gone = lines;
  gone.erase(gone.begin() + 2);
  CHECK_THAT(std::string(VerifyChain(gone).message()), Catch::Contains("line 4 stands where line 3 must"));
  std::vector<std::string> first(lines.begin() + 1, lines.end());
  CHECK_FALSE(VerifyChain(first).ok());
  std::vector<std::string> moved = lines;
  std::swap(moved[1], moved[2]);
  CHECK_FALSE(VerifyChain(moved).ok());
  std::vector<std::string> doubled = lines;
  doubled.insert(doubled.begin() + 2, lines[1]);
  CHECK_FALSE(VerifyChain(doubled).ok());
  // Renumbered and chained to the line before, but what follows does not know it.
  std::vector<std::string> forged = lines;
  forged[2] = AppendChain(ChainOf(lines[1]), R"({"n":3,"by":"mallory"})");
  CHECK_THAT(std::string(VerifyChain(forged).message()), Catch::StartsWith("line 4 does not follow"));
  // The error stays.
  AuditChainReader reader;
  CHECK_FALSE(reader.Take(lines[1]).ok());
  CHECK_FALSE(reader.Take(lines[0]).ok());
}

TEST_CASE("what is no line of such a log is said to be none", "[store][audit]") {
  const std::string good = Log(1)[0];
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string("{\"n\":1}"), "x" + good, good + "x", good + "\n",
        std::string(1 << 20, '{'), std::string("{\"n\":18446744073709551616,") + good,
        "{\"n\":-1" + good.substr(6), "{\"n\":1.0" + good.substr(6), "{\"n\": 1" + good.substr(6)}) {
    CAPTURE(bad.substr(0, 80));
    CHECK_FALSE(VerifyChain(std::vector<std::string>{bad}).ok());
  }
  // A text that looks like the member, within the line, is text.
  const std::string tricky = AppendChain(kChainBegin, R"({"n":1,"reason":"\",\"chain\":\"0\"}"})");
  CHECK(VerifyChain(std::vector<std::string>{tricky}).ok());
}

}  // namespace
}  // namespace stockade
