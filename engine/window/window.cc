#include "engine/window/window.h"

#include "engine/text.h"

namespace stockade {

absl::Status Validate(const WindowConfig& config) {
  if (config.span_ms < 1 || config.span_ms > kSpanMsMax) {
    return absl::InvalidArgumentError(
        Concat("span_ms: ", config.span_ms, " is not between 1 and ", kSpanMsMax, " (30 days)"));
  }
  const int limit_max = config.kind == WindowKind::kSequence ? kExactLimit : kWindowLimitMax;
  if (config.limit < 1 || config.limit > limit_max) {
    return absl::InvalidArgumentError(Concat("limit: ", config.limit, " is not between 1 and ", limit_max));
  }
  if (config.kind == WindowKind::kPercentile && !(config.percentile > 0 && config.percentile <= 100)) {
    return absl::InvalidArgumentError(
        Concat("percentile: ", config.percentile, " is not above 0 and at most 100"));
  }
  return absl::OkStatus();
}

}  // namespace stockade
