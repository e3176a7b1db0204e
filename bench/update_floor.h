// The floor of counting: one absl::flat_hash_map of key → int64_t, and a ++ for every window that an event is
// counted in, under the very keys the engine uses. The keys are made beforehand, the map has room from the
// start, and each key is prefetched 16 updates ahead. No span, no distinct count, no eviction, no ceiling.
#pragma once

#include <cstdint>
#include <span>

#include "engine/event/keyed_hash.h"

namespace stockade {

// Runs the updates over a new map with room for `distinct` keys; returns how many keys it holds. `seconds` is
// what the updates took, without making and freeing the map.
size_t UpdateFloor(std::span<const Hash128> keys, size_t distinct, double* seconds);

}  // namespace stockade
