#include "engine/rule/window_places.h"

#include <algorithm>

#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

WindowPlace WindowPlaces::Hold(std::string_view handle, const WindowConfig& config, uint16_t window) {
  // Salted by the rule's handle, not its position: adding a rule to a set must not move the windows of the others.
  const auto earlier = std::count_if(held_.begin(), held_.end(), [&](const Held& held) {
    return held.handle == handle && !(held.config == config);
  });
  const std::string salt = earlier == 0 ? Concat("window:", handle) : Concat("window:", handle, "#", earlier);
  held_.push_back({std::string(handle), config, {window, SipHash128(salt_key_, salt)}});
  return held_.back().place;
}

absl::StatusOr<std::vector<WindowPlace>> WindowPlaces::Resolve(const RuleSet& rules,
                                                               std::span<const WindowConfig> configs,
                                                               KeyedTable* table) {
  const bool is_first = held_.empty();
  std::vector<WindowPlace> places;
  for (size_t i = 0; i < configs.size(); ++i) {
    const CorrelationRule& written = *rules.correlations()[i].written;
    const std::string_view handle = written.header.handle();
    if (is_first) {
      places.push_back(Hold(handle, configs[i], static_cast<uint16_t>(i)));
      continue;
    }
    const auto kept = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
      return held.handle == handle && held.config == configs[i];
    });
    if (kept != held_.end()) {
      places.push_back(kept->place);
      continue;
    }
    // What was added for a set that is then refused stays, empty, and is found again.
    const absl::StatusOr<uint16_t> window = table->AddWindow(configs[i]);
    if (!window.ok()) {
      return ErrorAt(written.place, "correlation",
                     Concat(FromAbsl(window.status().message()), "; it takes a restart"));
    }
    places.push_back(Hold(handle, configs[i], *window));
  }
  return places;
}

}  // namespace stockade
