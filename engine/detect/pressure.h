// D5, pressure: the campaign that nobody can see by address.
//
//   Y = 1 where a first contact (an account and hour; failures and successes apart) in the unfamiliar lane fails or is stopped.
//   Three Page charts over Y, for a campaign that is ρ = 0.1, 0.3 or 0.9 of the lane:
//     S ← min(h + 8, max(0, S + z)),   z = ln p₁/p₀ or ln (1-p₁)/(1-p₀),   p₁ = 0.985 ρ + (1-ρ) p₀
//
// Pressure is on while any S ≥ h, and for kHoldMs at least; off when all are below 1. p₀, how often honest strangers fail, is the
// lower quartile of the hours of four weeks (the least attacked ones), within [0.15, 0.45], and moves a fifth a day at most, once it
// is known.
//
// Levels. 1: on. 2: at least half of what comes is bad, of kManyMin. 3: nearly all of kMostMin is, or challenges are being
// solved: the same charts over strangers who passed a human test (SolverAlarm). Bad share α = (F - βS)/(F + S), β = p₀/(1-p₀),
// over ten minutes.
//
// Explain away: what a suspect source or tuple accounts for is not fed (Feed is not called), and when one is condemned that accounts
// for most of what was lately, the charts begin anew (Explained): the burden on honest strangers ends where the attack has a name.
//
// State below 4 KiB. Some 30 ns. Attempts of an attack before it is on, at p₀ = 0.25 and h = 7: 6 where all of the lane is
// attack, 38 (median) where a twentieth is. A false alarm every 3,400 honest strangers at h = 7, every 37,000 at 9.2.
// Fails: an attack below a thirtieth of the lane; lists of which a quarter is right.
//
// Source: Javed, Paxson, CCS 2013; Page 1954; Herley, Schechter, NDSS 2019 (least-attacked subset). Deterministic; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/detect/detector_settings.h"

namespace stockade {

// The three charts over one stream of outcomes.
class PageCharts {
 public:
  // What a failure and a success add to each chart, at this honest failure share.
  void SetBase(float p0) noexcept;
  void Add(bool failed, float h) noexcept;
  // Takes back what was added, as well as that can be.
  void TakeBack(bool failed) noexcept;
  void Clear() noexcept { scores_ = {}; }
  bool IsAbove(float level) const noexcept;

 private:
  static constexpr std::array<float, 3> kShares = {0.1F, 0.3F, 0.9F};
  std::array<float, 3> scores_ = {};
  std::array<float, 3> of_failure_ = {};
  std::array<float, 3> of_success_ = {};
};

class Pressure {
 public:
  static constexpr int64_t kRateHalfLifeMs = int64_t{10} * 60 * 1000;
  static constexpr float kManyMin = 50;
  static constexpr float kMostMin = 200;

  explicit Pressure(const PressureSettings& settings = {});

  void Set(const PressureSettings& settings) noexcept { settings_ = settings; }
  // 0: calm, 1 … 3 as above.
  int Level(int64_t now_ms) const noexcept;
  bool solver_alarm(int64_t now_ms) const noexcept { return now_ms < solved_until_ms_; }

  // A first contact of a stranger: it failed or was stopped, or got in.
  void Feed(bool failed, int64_t now_ms) noexcept;
  // Of one that was fed as stopped and got in after all.
  void Correct(int64_t now_ms) noexcept;
  // Of a stranger who passed a human test.
  void FeedSolved(bool failed, int64_t now_ms) noexcept;
  // Something was condemned that accounts for what was fed.
  void Explained() noexcept;

  float p0() const noexcept { return p0_; }

 private:
  void Learn(int64_t now_ms) noexcept;
  void Decay(int64_t now_ms) noexcept;

  PressureSettings settings_;
  PageCharts charts_;
  PageCharts solved_;
  float p0_ = 0.2F;  // a guess, until some hours are known
  bool learnt_ = false;
  int64_t on_until_ms_ = INT64_MIN;
  bool on_ = false;
  int64_t solved_until_ms_ = INT64_MIN;
  float failures_ = 0;  // of the last minutes, decayed
  float successes_ = 0;
  int64_t rate_ms_ = INT64_MIN;

  // The hours of four weeks, each the share that failed in 1/255; 255: too few.
  static constexpr size_t kHours = 28 * 24;
  static constexpr uint32_t kHourMin = 20;
  std::array<uint8_t, kHours> hours_;
  int64_t hour_ = INT64_MIN;
  uint32_t hour_failures_ = 0;
  uint32_t hour_contacts_ = 0;
};

}  // namespace stockade
