// The figures of a running gate in the text format of Prometheus, by prometheus-cpp. Every name is here; none ever changes
// its meaning. Counters end in _total, times are seconds, memory is bytes.
//
// What other parts count comes in as plain samples (MetricSample), so that they need not know of Prometheus.
// Pure; a scrape costs well below a millisecond.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "adapters/gateway/engine_desk.h"
#include "adapters/gateway/verdict_dialects.h"

namespace stockade {

// One number of another part: the proxy, the upstreams, the record. Samples of one name follow one another.
struct MetricSample {
  enum class Type : uint8_t { kCounter, kGauge };
  std::string name;  // as "stockade_upstream_errors_total"
  std::string help;
  Type type = Type::kCounter;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

// `service`: null where there is none.
std::string MetricsText(const DeskFigures& desk, const VerdictCounters* service,
                        const std::vector<MetricSample>& others);

}  // namespace stockade
