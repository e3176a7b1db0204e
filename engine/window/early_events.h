// What is known of a key that has seen few events: the events themselves, instead of a window for each rule.
//
// Most keys never see enough for any rule to speak of them. As long as that is so, all that their windows could say
// follows from those few events, and nobody asks. So they lie in one row of the table (KeyedTable::AddEarly), and the
// key's windows are opened, by counting the row's events in them one after the other, only with the event that might
// make a difference. Who counts in which windows, and when that is, the caller says in an EarlyPlan.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

// Events that a row holds: one line of the cache and two more. Home addresses and single accounts hardly ever pass it.
inline constexpr size_t kEarlyEventsMax = 9;
// Windows that an event may be to be counted in, as bits.
inline constexpr size_t kEarlyFeedsMax = 32;
// Fields whose different values those windows count.
inline constexpr size_t kEarlyTagsMax = 2;
// Ages of a row's events are kept in 32 bits of milliseconds: no window of a longer span takes part.
inline constexpr int64_t kEarlySpanMsMax = int64_t{20} * 24 * 3600 * 1000;

struct EarlyEvent {
  int64_t time_ms = 0;
  uint32_t feeds = 0;  // what it is to be counted in, as bits
  std::array<uint32_t, kEarlyTagsMax> tags{};
  friend bool operator==(const EarlyEvent&, const EarlyEvent&) = default;
};

// So often one of some feeds within a span, or so many different tags with them: with that a window might make a difference.
struct EarlyLimit {
  static constexpr uint8_t kEvents = 0xff;

  uint32_t feeds = 0;
  uint32_t span_ms = 0;
  uint16_t count = 1;
  uint8_t tag =
      kEvents;  // whose different values are counted; kEvents: each event is, as often as it has such feeds
  uint8_t events = 1;  // with fewer it cannot be reached
  friend bool operator==(const EarlyLimit&, const EarlyLimit&) = default;
};

struct EarlyPlan {
  std::vector<EarlyLimit> limits;
  // For how long an event of each feed is of any account.
  std::array<uint32_t, kEarlyFeedsMax> spans_ms{};
  uint32_t shortest_ms = 0;  // of those that there are
  uint32_t longest_ms = 0;

  uint32_t SpanOf(uint32_t feeds) const noexcept {
    uint32_t span_ms = 0;
    for (; feeds != 0; feeds &= feeds - 1) {
      const uint32_t one = spans_ms[static_cast<size_t>(__builtin_ctz(feeds))];
      if (one > span_ms) span_ms = one;
    }
    return span_ms;
  }
};

// What a row held when its key's windows were opened, in the order it came.
struct EarlyEvents {
  std::array<EarlyEvent, kEarlyEventsMax> events;
  size_t size = 0;
};

}  // namespace stockade
