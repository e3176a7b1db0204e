#include "engine/window/sliding_percentile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stockade {

SlidingPercentile::SlidingPercentile(uint32_t span, double percentile)
    : span_(span), percentile_(percentile) {
  numbers_.reserve(16);
}

size_t SlidingPercentile::growth_bytes() const noexcept {
  if (numbers_.size() < numbers_.capacity() || numbers_.capacity() >= kSampleMax) return 0;
  return 2 * bytes();
}

// SplitMix64 (Steele, Lea & Flood 2014).
uint64_t SlidingPercentile::NextRandom() noexcept {
  uint64_t z = (random_ += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

void SlidingPercentile::FindOldest(uint32_t now) noexcept {
  oldest_ = now;
  for (const Number& number : numbers_) {
    if (now - number.time > now - oldest_) oldest_ = number.time;
  }
}

void SlidingPercentile::Expire(uint32_t now) noexcept {
  if (numbers_.empty() || now - oldest_ < span_) return;
  std::erase_if(numbers_, [&](const Number& number) {
    if (now - number.time < span_) return false;
    weight_ -= number.weight;
    return true;
  });
  FindOldest(now);
  if (numbers_.empty()) {
    weight_of_new_ = 1;
    has_sampled_ = false;
  }
}

void SlidingPercentile::Halve(uint32_t now) noexcept {
  weight_of_new_ *= 2;
  has_sampled_ = true;
  weight_ = 0;
  std::erase_if(numbers_, [&](Number& number) {
    if (number.weight < weight_of_new_) {
      if ((NextRandom() & 1) == 0) return true;
      number.weight *= 2;
    }
    weight_ += number.weight;
    return false;
  });
  FindOldest(now);
}

void SlidingPercentile::Add(uint32_t now, uint32_t time, double number, bool may_grow) {
  Expire(now);
  if (weight_of_new_ > 1 && numbers_.size() < kSampleMax / 4) weight_of_new_ /= 2;
  if (weight_of_new_ > 1 && (NextRandom() & (weight_of_new_ - 1)) != 0) return;
  if (numbers_.size() == numbers_.capacity()) {
    if (numbers_.capacity() < kSampleMax && may_grow) {
      numbers_.reserve(numbers_.capacity() * 2);
    } else {
      // Weights are a power of two and at most 2^31: beyond that many events nothing is left to be thinned.
      while (numbers_.size() == numbers_.capacity() && weight_of_new_ < (1u << 30)) Halve(now);
      if (numbers_.size() == numbers_.capacity()) return;
    }
  }
  const auto at = std::upper_bound(numbers_.begin(), numbers_.end(), number,
                                   [](double value, const Number& other) { return value < other.value; });
  if (numbers_.empty() || now - time > now - oldest_) oldest_ = time;
  numbers_.insert(at, Number{number, time, weight_of_new_});
  weight_ += weight_of_new_;
}

double SlidingPercentile::Value() const noexcept {
  if (numbers_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double rank = std::max(1.0, std::ceil(percentile_ * double(weight_) / 100));
  if (!has_sampled_) return numbers_[std::min(numbers_.size(), static_cast<size_t>(rank)) - 1].value;
  uint64_t below = 0;
  for (const Number& number : numbers_) {
    below += number.weight;
    if (double(below) >= rank) return number.value;
  }
  return numbers_.back().value;
}

}  // namespace stockade
