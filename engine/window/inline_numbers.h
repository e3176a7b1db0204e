// The one or two numbers of a sum, average or percentile window that lie in the head block itself; with a
// third the key grows into an object (grown_windows.h). Most keys never see one.
#pragma once

#include <array>
#include <cstdint>

#include "engine/window/block_slab.h"
#include "engine/window/grown_windows.h"
#include "engine/window/keyed_table_state.h"

namespace stockade {

struct InlineNumbers {
  int size = 0;
  std::array<double, HeadBlock::kNumbersInline> numbers{};
  std::array<uint32_t, HeadBlock::kNumbersInline> times{};

  void DropExpired(uint32_t now, uint32_t span) noexcept;
};

InlineNumbers TakeNumbers(const HeadBlock& head) noexcept;
void PutNumbers(HeadBlock& head, const InlineNumbers& held) noexcept;

// What a window that holds only these says.
void FillNumbers(const HeadBlock& head, const Window& window, const InlineNumbers& held,
                 Reading& reading) noexcept;

// `object` is a SlidingSum or a SlidingPercentile.
void AddTo(GrownWindow& object, uint32_t now, uint32_t time, double number, bool may_grow) noexcept;

}  // namespace stockade
