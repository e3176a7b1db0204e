// Quantities as people write them in settings and options: a number with its unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stockade {

// "256MiB", "1GiB", "64 KiB", "2GB" (decimal), "1048576" (bytes), "1.5GiB". Nothing for anything else, a
// negative number, or more than 2^63 bytes.
std::optional<uint64_t> ParseBytes(std::string_view text);

// "5m", "90s", "1500ms", "1h", "7d", "2w"; "0". Nothing for anything else: a number without a unit (60 of
// what?), a sign, two units, or more than 2^53 milliseconds.
std::optional<int64_t> ParseSpanMs(std::string_view text);

}  // namespace stockade
