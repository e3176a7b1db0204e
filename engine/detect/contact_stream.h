// One stream of first contacts of the pressure detector (pressure.h): how often honest ones fail, and whether more do now.
//
// p₀, how often honest ones fail, is the lower quartile of the bins of four weeks (the least attacked ones) and some luck more, within
// bounds of the stream, and moves a fifth a day at most, at first a half. Nothing is learnt of it while more fail than usual. A bin is an hour, or as many as it takes to see kBinMin.
//
// Bad share α = (F - βS)/(F + S), β = p₀/(1-p₀), of the last ten minutes.
//
// Below 1 KiB, some 20 ns. noexcept. Not thread-safe. Source: Herley, Schechter, NDSS 2019 (least-attacked subset).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/detect/detector_settings.h"
#include "engine/detect/page_charts.h"

namespace stockade {

// What is known of a stream beforehand.
struct StreamPrior {
  float base;      // p₀ until some bins are known
  float base_min;  // lower quiet hours are luck
  float base_max;  // higher ones are an attack
  float luck;      // the least attacked hours were lucky ones, too
  float h_more;    // added to h: ln of how many more honest ones come by, for as few false alarms a day
};

class ContactStream {
 public:
  static constexpr int64_t kRateHalfLifeMs = int64_t{10} * 60 * 1000;
  static constexpr float kManyMin = 50;
  static constexpr float kMostMin = 200;

  ContactStream(const StreamPrior& prior, const PressureSettings& settings);

  void Set(const PressureSettings& settings) noexcept { settings_ = settings; }
  // 0: calm. 1: more fail. 2: at least half of kManyMin are bad. 3: nearly all of kMostMin are.
  int Level(int64_t now_ms) const noexcept;
  // A first contact: it failed or was stopped, or got in.
  void Feed(bool failed, int64_t now_ms) noexcept;
  // One that was fed as failed or stopped was no failure.
  void TakeBack(int64_t now_ms) noexcept;

  float p0() const noexcept { return p0_; }

 private:
  float h() const noexcept { return settings_.h + prior_.h_more; }
  bool IsFed(int64_t now_ms) const noexcept;
  void CloseBin(int64_t now_ms) noexcept;
  void LearnBase() noexcept;
  void Decay(int64_t now_ms) noexcept;

  StreamPrior prior_;
  PressureSettings settings_;
  PageCharts charts_;
  float p0_;
  bool learnt_ = false;
  int64_t on_until_ms_ = INT64_MIN;
  bool on_ = false;
  float failures_ = 0;  // of the last minutes, decayed
  float successes_ = 0;
  int64_t rate_ms_ = INT64_MIN;

  // The bins of four weeks at the least, each the share that failed in 1/254.
  static constexpr size_t kBins = 28 * 24;
  static constexpr uint32_t kBinMin = 40;
  std::array<uint8_t, kBins> bins_{};
  size_t bin_count_ = 0;  // ever
  int64_t hour_ = INT64_MIN;
  int64_t learnt_day_ = INT64_MIN;
  uint32_t bin_failures_ = 0;
  uint32_t bin_contacts_ = 0;
};

}  // namespace stockade
