// Frames of syslog streams, whole and in pieces of every size; messages too long; streams that end.
#include "adapters/live/syslog_framing.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace stockade {
namespace {

struct Taken {
  std::vector<std::string> messages;
  uint64_t too_long = 0;
  uint64_t cut_off = 0;
};

Taken TakeInPieces(const std::string& stream, size_t piece, size_t bytes_max = 100) {
  SyslogFraming framing(bytes_max);
  Taken taken;
  const auto add = [&](std::string_view message) { taken.messages.emplace_back(message); };
  for (size_t at = 0; at < stream.size(); at += piece)
    framing.Take(std::string_view(stream).substr(at, piece), add);
  framing.End(add);
  taken.too_long = framing.too_long();
  taken.cut_off = framing.cut_off();
  return taken;
}

TEST_CASE("counted and line frames are told apart message by message, in pieces of any size", "[syslog]") {
  const std::string stream = "5 <1>ab<2>line\n7 <3>a\nbc\n<4>last";
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    INFO(piece);
    CHECK(TakeInPieces(stream, piece).messages ==
          std::vector<std::string>{"<1>ab", "<2>line", "<3>a\nbc", "<4>last"});
  }
}

TEST_CASE("a message too long is skipped and counted, and the next one is read", "[syslog]") {
  const std::string counted = "200 " + std::string(200, 'x') + "5 <1>ab";
  const std::string line = "<" + std::string(200, 'x') + "\n<1>ab\n";
  for (size_t piece = 1; piece < 210; ++piece) {
    INFO(piece);
    for (const std::string& stream : {counted, line}) {
      const Taken taken = TakeInPieces(stream, piece);
      CHECK(taken.messages == std::vector<std::string>{"<1>ab"});
      CHECK(taken.too_long == 1);
    }
  }
}

TEST_CASE("what is no count is a line, and a counted message that is not whole is none", "[syslog]") {
  CHECK(TakeInPieces("12345678901 x\n", 3).messages == std::vector<std::string>{"12345678901 x"});
  CHECK(TakeInPieces("12x\n", 1).messages == std::vector<std::string>{"12x"});
  const Taken cut = TakeInPieces("50 <1>abc", 4);
  CHECK(cut.messages.empty());
  CHECK(cut.cut_off == 1);
}

}  // namespace
}  // namespace stockade
