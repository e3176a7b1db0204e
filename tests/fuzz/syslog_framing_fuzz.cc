// Frames of a syslog stream: the same messages whatever the pieces it comes in, none longer than allowed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "adapters/live/syslog_framing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 64;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> whole;
  std::vector<std::string> pieces;
  stockade::SyslogFraming at_once(kBytesMax);
  const auto to_whole = [&](std::string_view message) { whole.emplace_back(message); };
  at_once.Take(stream, to_whole);
  at_once.End(to_whole);
  stockade::SyslogFraming piecewise(kBytesMax);
  const auto to_pieces = [&](std::string_view message) { pieces.emplace_back(message); };
  for (size_t at = 0, step = 1; at < size; step = step % 7 + 1) {
    piecewise.Take(stream.substr(at, step), to_pieces);
    at += step;
  }
  piecewise.End(to_pieces);
  if (whole != pieces || at_once.too_long() != piecewise.too_long()) std::abort();
  for (const std::string& message : whole)
    if (message.size() > kBytesMax) std::abort();
  return 0;
}
