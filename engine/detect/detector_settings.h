// What a user may set of the detectors: the section `detectors` of the settings. Plain data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/detect/evidence.h"
#include "engine/detect/policy_table.h"
#include "engine/event/outcome.h"

namespace stockade {

// The gateway's own lock, as its manual has it.
struct LockoutRule {
  int limit = 5;         // L: consecutive wrong passwords that lock an account, 2 … 100
  int64_t reset_ms = 0;  // failures so old count no more; 0: only a success resets
};

// Of pressure.h.
struct PressureSettings {
  float h = 9.2F;  // 5 … 20
  int64_t hold_ms = int64_t{30} * 60 * 1000;
};

enum class DetectorId : uint8_t {
  kSourceLadder,
  kAccountGuard,
  kPressure,
  kCampaignFinder,
  kOutageInterlock
};
inline constexpr size_t kDetectors = 5;
inline constexpr std::array<std::string_view, kDetectors> kDetectorNames = {
    "source_ladder", "account_guard", "pressure", "campaign_finder", "outage_interlock"};
constexpr std::string_view Name(DetectorId id) noexcept {
  return kDetectorNames[static_cast<size_t>(id)];
}

enum class DetectorState : uint8_t { kOn, kShadow, kOff };
inline constexpr std::array<std::string_view, 3> kDetectorStateNames = {"on", "shadow", "off"};

// The section `detectors` of the settings.
struct DetectorSettings {
  std::array<DetectorState, kDetectors> states = {};
  LockoutRule lock;
  EvidenceThresholds evidence;
  PressureSettings pressure;
  PolicyTable policy;
  // What a person may be asked for at all; what the way of an attempt can ask narrows it further (Attempt::can_ask).
  CanAsk challenges = CanAsk::kBoth;
};

}  // namespace stockade
