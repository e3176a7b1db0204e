#include "tools/stockade/run_log.h"

#include "absl/time/clock.h"
#include "engine/decision/decision.h"
#include "engine/event/printable_text.h"

namespace stockade {

void RunLog::Write(std::string_view level, std::string_view text) {
  const std::string time = FormatTimeMs(absl::ToUnixMillis(absl::Now()));
  const std::lock_guard lock(mutex_);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty()) out_ << time << " " << level << PrintableLine(line) << "\n";
  }
  out_.flush();
}

}  // namespace stockade
