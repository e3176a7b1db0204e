// What the detectors' findings ask of an attempt, by lane: one table, and the strictest cell wins.
//
//                     certified  familiar  half       unfamiliar
//   source_suspect    allow      allow     challenge  challenge      half: unless its network is at home on the account
//   source_condemned  allow      allow     challenge  deny
//   source_shared     allow      allow     challenge  challenge      condemned, and customers live there
//   pressure          allow      allow     challenge  challenge      half: unless nearly familiar (Φ ≥ 3.5)
//   pressure_high     allow      allow     challenge  identity
//   tuple_suspect     allow      allow     allow      challenge
//   tuple_condemned   allow      allow     challenge  deny
//   guard_near        allow      allow     identity   identity
//   guard_last        allow      identity  identity   identity
//
// challenge: a human test, or an identity step-up where nothing else is at hand. What is at hand is said of each attempt, by the
// way it came and the settings. Where nobody can be asked for his identity, identity is a human test, but guard_last a denial; where
// nothing can be asked, all of them are denials. Where a denial would hit an account with history, or a device cookie that has got
// in to another, and identity can be asked, it is asked: the customer on a journey through an attacker's network, or one who
// mistyped his name, is asked, never shut out.
//
// Plain data; a user may change any cell but those of the certified lane. Source: detectors.md, 2.3.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/detect/lanes.h"

namespace stockade {

enum class Cell : uint8_t { kAllow, kChallenge, kIdentity, kDeny };  // from the mildest to the strictest
inline constexpr std::array<std::string_view, 4> kCellNames = {"allow", "challenge", "identity", "deny"};

enum class Circumstance : uint8_t {
  kSourceSuspect,
  kSourceCondemned,
  kSourceShared,
  kPressure,
  kPressureHigh,
  kTupleSuspect,
  kTupleCondemned,
  kGuardNear,
  kGuardLast,
};
inline constexpr size_t kCircumstances = 9;
inline constexpr std::array<std::string_view, kCircumstances> kCircumstanceNames = {
    "source_suspect", "source_condemned", "source_shared", "pressure",  "pressure_high",
    "tuple_suspect",  "tuple_condemned",  "guard_near",    "guard_last"};

struct PolicyTable {
  // By circumstance, then lane.
  std::array<std::array<Cell, 4>, kCircumstances> cells = {{
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kChallenge},
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kDeny},
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kChallenge},
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kChallenge},
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kIdentity},
      {Cell::kAllow, Cell::kAllow, Cell::kAllow, Cell::kChallenge},
      {Cell::kAllow, Cell::kAllow, Cell::kChallenge, Cell::kDeny},
      {Cell::kAllow, Cell::kAllow, Cell::kIdentity, Cell::kIdentity},
      {Cell::kAllow, Cell::kIdentity, Cell::kIdentity, Cell::kIdentity},
  }};

  Cell Of(Circumstance circumstance, Lane lane) const noexcept {
    return cells[static_cast<size_t>(circumstance)][static_cast<size_t>(lane)];
  }
};

}  // namespace stockade
