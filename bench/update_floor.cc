#include "bench/update_floor.h"

#include "absl/container/flat_hash_map.h"
#include "bench/measure.h"

namespace stockade {

size_t UpdateFloor(std::span<const Hash128> keys, size_t distinct, double* seconds) {
  constexpr size_t kAhead = 16;
  absl::flat_hash_map<Hash128, int64_t> map;
  map.reserve(distinct);
  const double begin = ProcessorSeconds();
  const size_t pipelined = keys.size() > kAhead ? keys.size() - kAhead : 0;
  size_t i = 0;
  for (; i < pipelined; ++i) {
    map.prefetch(keys[i + kAhead]);
    ++map[keys[i]];
  }
  for (; i < keys.size(); ++i) ++map[keys[i]];
  *seconds = ProcessorSeconds() - begin;
  return map.size();
}

}  // namespace stockade
