#include "engine/window/inline_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/status.h"

namespace stockade {

void InlineNumbers::DropExpired(uint32_t now, uint32_t span) noexcept {
  int kept = 0;
  for (int i = 0; i < size; ++i) {
    const auto from = static_cast<size_t>(i);
    if (now - times[from] >= span) continue;
    times[static_cast<size_t>(kept)] = times[from];
    numbers[static_cast<size_t>(kept)] = numbers[from];
    ++kept;
  }
  size = kept;
}

InlineNumbers TakeNumbers(const HeadBlock& head) noexcept {
  InlineNumbers held;
  held.size = head.size;
  std::memcpy(held.numbers.data(), head.payload.data(), sizeof(held.numbers));
  std::memcpy(held.times.data(), head.payload.data() + 4, sizeof(held.times));
  return held;
}

void PutNumbers(HeadBlock& head, const InlineNumbers& held) noexcept {
  head.size = static_cast<uint8_t>(held.size);
  std::memcpy(head.payload.data(), held.numbers.data(), sizeof(held.numbers));
  std::memcpy(head.payload.data() + 4, held.times.data(), sizeof(held.times));
}

void FillNumbers(const HeadBlock& head, const Window& window, const InlineNumbers& held,
                 Reading& reading) noexcept {
  static_assert(HeadBlock::kNumbersInline == 2);
  std::array<double, HeadBlock::kNumbersInline> sorted = held.numbers;
  if (held.size == 2 && sorted[0] > sorted[1]) std::swap(sorted[0], sorted[1]);
  double sum = 0;
  uint32_t oldest_age = 0;
  for (int i = 0; i < held.size; ++i) {
    sum += held.numbers[static_cast<size_t>(i)];
    oldest_age = std::max(oldest_age, Low(head.newest_ms) - held.times[static_cast<size_t>(i)]);
  }
  switch (window.config.kind) {
    case WindowKind::kSum:
      reading.value = sum;
      break;
    case WindowKind::kAverage:
      reading.value = held.size == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / held.size;
      break;
    default: {
      const double rank = std::max(1.0, std::ceil(window.config.percentile * held.size / 100));
      reading.value =
          held.size == 0 ? std::numeric_limits<double>::quiet_NaN() : sorted[static_cast<size_t>(rank) - 1];
    }
  }
  reading.count = held.size;
  if (held.size == 0) return;
  reading.newest_ms = head.newest_ms;
  reading.oldest_ms = head.newest_ms - oldest_age;
}

void AddTo(GrownWindow& object, uint32_t now, uint32_t time, double number, bool may_grow) noexcept {
  if (auto* sum = std::get_if<SlidingSum>(&object)) {
    sum->Add(now, time, number, may_grow);
    return;
  }
  auto* const percentile = std::get_if<SlidingPercentile>(&object);
  STOCKADE_CHECK(percentile != nullptr);
  percentile->Add(now, time, number, may_grow);
}

}  // namespace stockade
