// Durations as Go writes them, and so CrowdSec: "3h59m58s", "-2s", "1.5h".
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stockade {

// In whole seconds, "1h0m0s": the Lua bouncers read whole numbers only.
void AppendGoDuration(int64_t seconds, std::string* out);

// "1h", "3h59m58s", "7d", "1.5h" → milliseconds; negative for "-2s". Nothing for anything else or beyond ±100 years.
std::optional<int64_t> ParseGoDurationMs(std::string_view text) noexcept;

}  // namespace stockade
