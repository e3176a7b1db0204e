#include "engine/detect/account_record.h"

#include <algorithm>

namespace stockade {
namespace {

constexpr int kHalfLifeQuarters = 120;  // 30 days
constexpr int kProbationQuarters = 5;   // at least 24 hours, whatever the hour it began
// All counts of an account are halved here, below what a count can hold.
constexpr uint32_t kCountMax = 60'000;

constexpr std::array<double, kHalfLifeQuarters> MakeDecay() {
  std::array<double, kHalfLifeQuarters> decay{};
  double value = 1;
  for (double& entry : decay) {
    entry = value;
    value *= 0.9942404238175473;  // 2^(-1/120)
  }
  return decay;
}
constexpr std::array<double, kHalfLifeQuarters> kDecay = MakeDecay();

// One unit of a count after so many half-lives, in successes: powers of two, so that multiplying by one is exactly what
// dividing by its inverse is, at a fifth of the time.
constexpr int kHalvingsMax = 32;
constexpr std::array<double, kHalvingsMax> MakeUnits() {
  std::array<double, kHalvingsMax> units{};
  double value = 1.0 / kSuccessCount;
  for (double& entry : units) {
    entry = value;
    value /= 2;
  }
  return units;
}
constexpr std::array<double, kHalvingsMax> kUnits = MakeUnits();

uint16_t Stored(double successes) noexcept {
  return static_cast<uint16_t>(std::min(successes * kSuccessCount + 0.5, 65'534.0));
}

// One success more than so many, `age` quarters later.
uint16_t OneMore(uint16_t count, int age) noexcept {
  // As the general formula gives it, at the time that nearly all are learnt.
  if (age == 0) return static_cast<uint16_t>(std::min<uint32_t>(uint32_t{count} + kSuccessCount, 65'534));
  return Stored(Decayed(count, age) + 1);
}

template <size_t N>
void LearnToken(std::array<SeenToken, N>* seen, uint32_t token, DayQuarter now, bool on_probation) noexcept {
  if (token == 0) return;
  for (SeenToken& one : *seen) {
    if (one.token != token) continue;
    if (on_probation) return;  // known already, or already waiting since an earlier time
    if (one.on_probation()) {
      one = {token, kSuccessCount, now};
    } else {
      const int age = QuartersSince(one.quarter, now);
      one.count = OneMore(one.count, age);
      if (age > 0) one.quarter = now;
    }
    return;
  }
  SeenToken* place = nullptr;
  double least = 0;
  for (SeenToken& one : *seen) {
    // What is on probation gives way first; it may not push out what was learnt.
    const double worth = one.token == 0       ? -2
                         : one.on_probation() ? -1
                                              : Decayed(one.count, QuartersSince(one.quarter, now));
    if (on_probation && worth >= 0) continue;
    const bool lesser =
        place == nullptr || worth < least ||
        (worth == least && QuartersSince(one.quarter, now) > QuartersSince(place->quarter, now));
    if (lesser) {
      place = &one;
      least = worth;
    }
  }
  if (place != nullptr) *place = {token, on_probation ? kProbationCount : kSuccessCount, now};
}

}  // namespace

double Decayed(uint16_t count, int age) noexcept {
  const int halvings = age / kHalfLifeQuarters;
  if (halvings >= kHalvingsMax) return 0;
  return count * kDecay[static_cast<size_t>(age % kHalfLifeQuarters)] * kUnits[static_cast<size_t>(halvings)];
}

void Settle(AccountRecord* record, DayQuarter now) noexcept {
  const auto is_due = [now](const SeenToken& seen) noexcept {
    return seen.on_probation() && QuartersSince(seen.quarter, now) >= kProbationQuarters;
  };
  const auto admit = [record](DayQuarter since) noexcept {
    const double before = Decayed(record->count, QuartersSince(record->quarter, since));
    const double newer = Decayed(kSuccessCount, QuartersSince(since, record->quarter));
    record->count = Stored(before + newer);
    record->quarter = QuartersSince(since, record->quarter) > 0 ? record->quarter : since;
  };
  for (SeenToken& device : record->devices) {
    if (!is_due(device)) continue;
    const bool with_network =
        std::any_of(record->networks.begin(), record->networks.end(), [&](const SeenToken& network) noexcept {
          return is_due(network) && network.quarter == device.quarter;
        });
    if (!with_network) admit(device.quarter);
    device.count = kSuccessCount;
  }
  for (SeenToken& network : record->networks) {
    if (!is_due(network)) continue;
    admit(network.quarter);
    network.count = kSuccessCount;
  }
}

void LearnSuccess(AccountRecord* record, uint32_t network, uint32_t device, DayQuarter now,
                  bool on_probation) noexcept {
  LearnToken(&record->networks, network, now, on_probation);
  LearnToken(&record->devices, device, now, on_probation);
  if (on_probation) return;
  const int age = QuartersSince(record->quarter, now);
  record->count = OneMore(record->count, age);
  if (age > 0) record->quarter = now;
  if (record->count < kCountMax) return;
  // All halved together: what each is of the whole stays the same.
  record->count /= 2;
  const auto halve = [](SeenToken& seen) noexcept {
    if (!seen.on_probation()) seen.count /= 2;
  };
  std::for_each(record->networks.begin(), record->networks.end(), halve);
  std::for_each(record->devices.begin(), record->devices.end(), halve);
}

void ForgetSuccess(AccountRecord* record, uint32_t network, uint32_t device, DayQuarter now) noexcept {
  bool counted = false;
  const auto forget = [&counted](auto* seen, uint32_t token) noexcept {
    for (SeenToken& one : *seen) {
      const bool only = token != 0 && one.token == token && one.count <= kSuccessCount;
      if (!only && !one.on_probation()) continue;
      counted |= only;
      one = {};
    }
  };
  forget(&record->networks, network);
  forget(&record->devices, device);
  if (!counted) return;
  record->count = Stored(std::max(0.0, SuccessesOf(*record, now) - 1));
  if (QuartersSince(record->quarter, now) > 0) record->quarter = now;
}

}  // namespace stockade
