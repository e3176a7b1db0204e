#include "tools/stockade/progress.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/text.h"

namespace stockade {

void Progress::Show() {
  if (!console_.err_is_terminal) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const auto rate = static_cast<uint64_t>(static_cast<double>(counters_.records) / seconds);
  std::string line = Concat(CountText(counters_.records), " attempts, ", CountText(rate), "/s");
  if (counters_.stored_bytes_total > 0 && counters_.stored_bytes > 0) {
    const double share = std::min(
        1.0, static_cast<double>(counters_.stored_bytes) / static_cast<double>(counters_.stored_bytes_total));
    constexpr size_t kBarColumns = 20;
    const auto filled = static_cast<size_t>(share * kBarColumns);
    const auto left_ms = static_cast<int64_t>(seconds * (1 - share) / share) * 1000;
    line = Concat("[", std::string(filled, '#'), std::string(kBarColumns - filled, '.'), "] ",
                  ShareText(static_cast<uint64_t>(share * 1000), 1000), "  ", line, ", ",
                  DurationText(left_ms), " left");
  }
  console_.err << "\r\033[K" << line << std::flush;
  shown_ = true;
}

void Progress::Clear() {
  if (shown_) console_.err << "\r\033[K" << std::flush;
  shown_ = false;
}

}  // namespace stockade
