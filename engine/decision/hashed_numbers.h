// Numbers by keyed 64-bit hashes, each found in the cache line that Prefetch brings: which customer is whose, how many come from where.
//
// Lines of five entries; who finds his own full goes to the next that is not. Nothing is ever taken out. Whoever owns the table knows
// which entries mean nothing any more, and says so when four fifths of it are taken: then the others move into one that they half
// fill. So what comes, goes and comes again costs a look-up each time. Half full, one of 36 lies beyond its line; at four fifths,
// one of eight.
//
// 13 bytes an entry, 16 to 26 with what is free, and twice that while it moves. Find is O(1), noexcept, 10 ns; FindOrMake allocates
// where it moves, which is O(n) and paid for by as many new keys as a third of it has room for. Not thread-safe. Oracle: a std::map, in
// tests/engine/decision/hashed_numbers_test.cc.
// Source: Knuth, "The Art of Computer Programming", volume 3, 6.4: open addressing with buckets.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace stockade {

class HashedNumbers {
 public:
  HashedNumbers() : lines_(kLinesMin) {}

  // `hash`: keyed, so that nobody chooses what falls together; not 0. Null: it is not there. Pointers live until the next FindOrMake.
  const uint32_t* Find(uint64_t hash) const noexcept {
    const Place place = PlaceOf(hash);
    const Line& line = lines_[place.line];
    return line.hashes[place.way] == 0 ? nullptr : &line.numbers[place.way];
  }
  // What is made is 0. `is_live(hash, number)`: whether an entry has to be kept.
  template <typename IsLive>
  uint32_t& FindOrMake(uint64_t hash, IsLive&& is_live) {
    Place place = PlaceOf(hash);
    if (lines_[place.line].hashes[place.way] == 0) [[unlikely]] {
      if (used_ >= entries() / 5 * 4) {
        Move(is_live);
        place = PlaceOf(hash);
      }
      lines_[place.line].hashes[place.way] = hash;
      ++used_;
    }
    return lines_[place.line].numbers[place.way];
  }
  void Prefetch(uint64_t hash) const noexcept { __builtin_prefetch(&lines_[HomeOf(hash)]); }

  size_t entries() const noexcept { return lines_.size() * kWays; }

 private:
  static constexpr size_t kWays = 5;
  struct alignas(64) Line {
    std::array<uint64_t, kWays> hashes{};  // 0: free, and so are those after it
    std::array<uint32_t, kWays> numbers{};
  };
  static_assert(sizeof(Line) == 64);
  static constexpr size_t kLinesMin = 16;
  struct Place {
    size_t line;
    size_t way;
  };

  size_t HomeOf(uint64_t hash) const noexcept {
    return static_cast<size_t>(static_cast<unsigned __int128>(hash) * lines_.size() >> 64);
  }
  // Where it is, or the free place where it would be.
  Place PlaceOf(uint64_t hash) const noexcept {
    size_t at = HomeOf(hash);
    while (true) {
      const Line& line = lines_[at];
      for (size_t way = 0; way < kWays; ++way)
        if (line.hashes[way] == hash || line.hashes[way] == 0) return {at, way};
      at = at + 1 < lines_.size() ? at + 1 : 0;
    }
  }
  template <typename Use>
  static void ForEach(const std::vector<Line>& lines, Use&& use) {
    for (const Line& line : lines)
      for (size_t way = 0; way < kWays && line.hashes[way] != 0; ++way)
        use(line.hashes[way], line.numbers[way]);
  }
  template <typename IsLive>
  void Move(IsLive&& is_live) {
    size_t live = 0;
    ForEach(lines_, [&](uint64_t hash, uint32_t number) { live += is_live(hash, number) ? 1 : 0; });
    const std::vector<Line> from =
        std::exchange(lines_, std::vector<Line>(std::max(kLinesMin, 2 * live / kWays)));
    used_ = live;
    ForEach(from, [&](uint64_t hash, uint32_t number) {
      if (!is_live(hash, number)) return;
      const Place place = PlaceOf(hash);
      lines_[place.line].hashes[place.way] = hash;
      lines_[place.line].numbers[place.way] = number;
    });
  }

  std::vector<Line> lines_;
  size_t used_ = 0;
};

}  // namespace stockade
