// The floor of reading: simdjson On-Demand takes exactly the fields that the engine and the shipped rules ask
// for out of a log of login_log.h, in the order in which they stand in the line, from memory, and checks
// nothing that it skips. Neither the time nor the address becomes a number.
//
// Two ways of simdjson's are offered; the faster one is the floor. On x86-64 this file alone is compiled for
// AVX2, as On-Demand wants it to be fast (it is not dispatched at run time, as the rest of simdjson is).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <string_view>

namespace stockade {

// What is taken out of a line; views live until the next line.
struct FloorEvent {
  std::string_view time, outcome, reason, ip, account, user_agent, ja4, certificate, password_id, device;
  uint64_t asn = 0;
};

enum class ParseWay : uint8_t {
  kLineByLine,  // parser.iterate, a line at a time
  kManyLines,   // parser.iterate_many: the first stage over blocks of lines, in this thread
};

// False on a processor that this file was not compiled for.
bool ParseFloorRuns();

// Reads every line and returns a sum over what was found, so that nothing is optimised away. `text` ends with
// a newline. A line that is not as login_log.h writes it throws simdjson::simdjson_error.
uint64_t ParseFloor(const simdjson::padded_string& text, ParseWay way);
// The same, and hands on every line, to compare.
void ParseFloor(const simdjson::padded_string& text, ParseWay way,
                const std::function<void(const FloorEvent&)>& use);

}  // namespace stockade
