// Conversations of any bytes in any pieces, with losses and ends anywhere: every request and every answer is told to have
// ended exactly once, in the order that http_conversation.h promises, and nothing is kept when it is over.
//
// Input: runs of an operation and, for pieces, a length and so many bytes. Operation: bit 0 who speaks, bits 1 and 2: a
// piece, a gap, the end of his words, a piece that comes a second later.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/adapters/capture/heard_conversation.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Scene scene(/*from_begin=*/(input[0] & 1) != 0, size_t{64} << 10);
  const bool closed = (input[0] & 2) != 0;
  input.remove_prefix(1);
  int64_t time_ns = 0;
  while (input.size() >= 2) {
    const auto operation = static_cast<uint8_t>(input[0]);
    const Talker talker = (operation & 1) != 0 ? Talker::kServer : Talker::kClient;
    const size_t length = static_cast<uint8_t>(input[1]);
    input.remove_prefix(2);
    switch (operation >> 1 & 3) {
      case 1:
        scene.conversation.Gap(talker, length);
        break;
      case 2:
        scene.conversation.Close(talker);
        break;
      case 3:
        time_ns += 1'000'000'000;
        [[fallthrough]];
      default:
        scene.conversation.Data(talker, input.substr(0, length), time_ns);
        input.remove_prefix(std::min(length, input.size()));
    }
  }
  scene.conversation.Stop(closed);
  Require(!scene.conversation.following());
  Require(!scene.heard.out_of_order);
  Require(scene.memory.taken() == 0);
  for (const Heard::Exchange& exchange : scene.heard.exchanges)
    Require(exchange.ends == 1 && exchange.answer_ends == 1);
  return 0;
}
