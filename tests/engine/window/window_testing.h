// What the tests of windows share: keys, events of either kind, the words of a failure.
#pragma once

#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "engine/window/keyed_table.h"

namespace stockade {

inline Hash128 KeyOf(uint64_t number) {
  return SipHash128(HashKey{1, 2}, &number, sizeof(number));
}

struct TestEvent {
  int64_t time_ms = 0;
  uint32_t tag = 0;
  double number = 0;
};

inline Reading AddTo(KeyedTable& table, uint16_t window, const Hash128& key, const TestEvent& event) {
  switch (table.config(window).kind) {
    case WindowKind::kCount:
      return table.Add(window, key, event.time_ms);
    case WindowKind::kDistinct:
    case WindowKind::kSequence:
      return table.AddTag(window, key, event.time_ms, event.tag);
    default:
      return table.AddNumber(window, key, event.time_ms, event.number);
  }
}

inline std::unique_ptr<KeyedTable> MakeTable(std::span<const WindowConfig> windows,
                                             size_t memory_bytes = 64 << 20,
                                             int64_t lateness_ms = kLatenessMsMax) {
  auto table = KeyedTable::Create({.memory_bytes = memory_bytes, .lateness_ms = lateness_ms}, windows);
  if (!table.ok()) throw std::runtime_error(std::string(table.status().message()));
  return std::move(table).value();
}

inline std::string Describe(const WindowConfig& config, const std::vector<TestEvent>& events,
                            const Reading& got, const Reading& want) {
  std::ostringstream text;
  text << "kind " << int(config.kind) << " span " << config.span_ms << " limit " << config.limit
       << "; time:tag";
  for (const TestEvent& event : events) text << ' ' << event.time_ms << ':' << event.tag;
  const auto say = [&](const char* who, const Reading& r) {
    text << "\n"
         << who << " value " << r.value << " before " << r.before << " count " << r.count << " oldest "
         << r.oldest_ms << " newest " << r.newest_ms << " counted " << r.counted << " saturated "
         << r.saturated;
  };
  say("got ", got);
  say("want", want);
  return text.str();
}

}  // namespace stockade
