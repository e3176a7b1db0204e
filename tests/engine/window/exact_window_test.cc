// Windows of up to 64 values are exact: equal to the oracle after every event, over all short sequences of
// few times and tags, and over thousands of random streams with late, equal and edge times.
#include <catch2/catch.hpp>

#include <random>

#include "tests/engine/window/window_testing.h"
#include "tests/oracle/window_oracle.h"

namespace stockade {
namespace {

// Just before the 32-bit milliseconds inside the blocks wrap.
constexpr int64_t kBaseMs = (int64_t{400} << 32) - 3;

// Adds the events under a fresh key and compares every reading; empty, or what went wrong.
std::string Compare(KeyedTable& table, uint16_t window, uint64_t key_number,
                    const std::vector<TestEvent>& events) {
  const WindowConfig& config = table.config(window);
  WindowOracle oracle(config);
  const Hash128 key = KeyOf(key_number);
  for (const TestEvent& event : events) {
    const Reading got = AddTo(table, window, key, event);
    const Reading want = oracle.Add(event.time_ms, event.tag, event.number);
    if (!SaysTheSame(got, want) || got.estimated) return Describe(config, events, got, want);
    Reading again = table.Read(key);
    again.before = got.before;
    again.counted = got.counted;
    if (!SaysTheSame(again, want)) return "Read: " + Describe(config, events, again, want);
  }
  if (config.kind != WindowKind::kDistinct && config.kind != WindowKind::kSequence) return "";
  std::array<TimedTag, 64> got_entries;
  const int count = table.Entries(table.Read(key).entry, got_entries);
  const std::vector<TimedTag> want_entries = oracle.Entries();
  bool is_same = size_t(count) == want_entries.size();
  for (size_t i = 0; is_same && i < want_entries.size(); ++i) {
    // A full distinct window keeps any of the values that share the oldest time.
    const bool is_tie =
        config.kind == WindowKind::kDistinct && want_entries[i].time_ms == want_entries[0].time_ms;
    is_same = got_entries[i].time_ms == want_entries[i].time_ms &&
              (is_tie || got_entries[i].tag == want_entries[i].tag);
  }
  return is_same ? "" : "Entries: " + Describe(config, events, Reading(), Reading());
}

TEST_CASE("every short sequence counts as the oracle counts", "[window][oracle]") {
  struct Case {
    WindowKind kind;
    int length;
    uint32_t tags;
  };
  for (const Case& c :
       {Case{WindowKind::kCount, 5, 1}, Case{WindowKind::kDistinct, 4, 2}, Case{WindowKind::kDistinct, 3, 3},
        Case{WindowKind::kSequence, 4, 2}, Case{WindowKind::kSum, 3, 2}, Case{WindowKind::kAverage, 4, 1},
        Case{WindowKind::kPercentile, 3, 2}}) {
    std::vector<WindowConfig> windows;
    for (int64_t span = 1; span <= 3; ++span) {
      for (int limit = 1; limit <= 3; ++limit) windows.push_back({c.kind, span, limit, 50});
    }
    const auto table = MakeTable(windows, 512 << 20);
    uint64_t key = 0;
    const uint32_t letters = 5 * c.tags;
    uint64_t sequences = 1;
    for (int i = 0; i < c.length; ++i) sequences *= letters;
    std::string failure;
    for (uint64_t sequence = 0; sequence < sequences && failure.empty(); ++sequence) {
      std::vector<TestEvent> events;
      for (uint64_t rest = sequence; events.size() < size_t(c.length); rest /= letters) {
        const uint64_t letter = rest % letters;
        const auto tag = uint32_t(letter / 5);
        events.push_back({kBaseMs + int64_t(letter % 5), tag, double(tag) * 2 - 1});
      }
      for (uint16_t window = 0; window < windows.size() && failure.empty(); ++window) {
        failure = Compare(*table, window, key++, events);
      }
    }
    INFO(failure);
    REQUIRE(failure.empty());
    REQUIRE(table->total().evicted == 0);
  }
}

TEST_CASE("random streams with late, equal and edge times count as the oracle counts", "[window][oracle]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return int64_t(random() % n); };
  std::string failure;
  for (int stream = 0; stream < 4000 && failure.empty(); ++stream) {
    WindowConfig config;
    config.kind = WindowKind(below(6));
    config.span_ms = std::vector<int64_t>{1, 10, 1000, 600'000, 86'400'000, kSpanMsMax}[size_t(below(6))];
    const bool is_number = config.kind >= WindowKind::kSum;
    config.limit = 1 + int(below(below(2) == 0 ? 8 : 64));
    config.percentile = 1 + double(below(100));
    // Numbers: no more than 64 events in the window at any time, which is what is promised.
    const int64_t length = is_number ? 60 : 1 + below(150);
    const int64_t tags = 1 + below(100);
    std::vector<TestEvent> events;
    int64_t now = kBaseMs;
    for (int64_t i = 0; i < length; ++i) {
      int64_t time = now;
      switch (below(8)) {
        case 0:
          break;
        case 1:
          time = now - below(uint64_t(std::min(config.span_ms * 2, kLatenessMsMax)));
          break;
        case 2:
          time = events.empty() ? now : events[size_t(below(events.size()))].time_ms + config.span_ms;
          break;
        case 3:
          time = events.empty() ? now : events[size_t(below(events.size()))].time_ms + config.span_ms - 1;
          break;
        default:
          time = now + below(uint64_t(config.span_ms / 8 + 2));
      }
      if (now - time > kLatenessMsMax) time = now;
      now = std::max(now, time);
      events.push_back({time, uint32_t(below(uint64_t(tags))), double(below(2000)) - 1000});
    }
    const auto table = MakeTable(std::span(&config, 1), KeyedTable::kBytesMin);
    failure = Compare(*table, 0, uint64_t(stream), events);
  }
  INFO(failure);
  REQUIRE(failure.empty());
}

TEST_CASE("an event counts for exactly its span", "[window]") {
  const WindowConfig config{WindowKind::kCount, 1000, 10, 50};
  const auto table = MakeTable(std::span(&config, 1));
  table->Add(0, KeyOf(1), 5000);
  REQUIRE(table->Add(0, KeyOf(1), 5999).value == 2);
  REQUIRE(table->Add(0, KeyOf(1), 6000).value == 2);
  const Reading late = table->Add(0, KeyOf(1), 5000);
  REQUIRE_FALSE(late.counted);
  REQUIRE(late.value == 2);
  REQUIRE(late.before == 2);
  REQUIRE(table->Add(0, KeyOf(1), 5001).value == 3);
}

TEST_CASE("the rising edge shows in value and before", "[window]") {
  const WindowConfig config{WindowKind::kCount, 1000, 3, 50};
  const auto table = MakeTable(std::span(&config, 1));
  int edges = 0;
  for (int64_t t : {0, 10, 20, 30, 40, 990, 1015, 1039, 3000, 3001, 3002}) {
    const Reading reading = table->Add(0, KeyOf(1), t);
    if (reading.value >= 3 && !(reading.before >= 3)) ++edges;
  }
  REQUIRE(edges == 2);
}

TEST_CASE("a window remembers when its rule fired until it runs empty", "[window]") {
  const WindowConfig config{WindowKind::kCount, 1000, 20, 50};
  const auto table = MakeTable(std::span(&config, 1));
  Reading reading = table->Add(0, KeyOf(1), int64_t{1} << 32);
  REQUIRE(reading.fired_ms == kNeverMs);
  table->SetFired(reading.entry, int64_t{1} << 32);
  // One millisecond off, for its low bits are those of "never".
  REQUIRE(std::abs(table->Read(KeyOf(1)).fired_ms - (int64_t{1} << 32)) <= 1);
  for (int i = 1; i <= 12; ++i) reading = table->Add(0, KeyOf(1), (int64_t{1} << 32) + i * 900);
  REQUIRE(std::abs(reading.fired_ms - (int64_t{1} << 32)) <= 1);
  reading = table->Add(0, KeyOf(1), reading.newest_ms + 1000);
  REQUIRE(reading.fired_ms == kNeverMs);
}

TEST_CASE("numbers that are none are refused", "[window]") {
  const WindowConfig config{WindowKind::kSum, 1000, 20, 50};
  const auto table = MakeTable(std::span(&config, 1));
  table->AddNumber(0, KeyOf(1), 0, 3);
  for (double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const Reading reading = table->AddNumber(0, KeyOf(1), 1, bad);
    REQUIRE_FALSE(reading.counted);
    REQUIRE(reading.value == 3);
  }
}

TEST_CASE("a configuration that cannot be is named", "[window]") {
  REQUIRE(Validate({WindowKind::kCount, 0, 5, 50}).message() ==
          "span_ms: 0 is not between 1 and 2592000000 (30 days)");
  REQUIRE_FALSE(Validate({WindowKind::kCount, kSpanMsMax + 1, 5, 50}).ok());
  REQUIRE(Validate({WindowKind::kSequence, 10, 65, 50}).message() == "limit: 65 is not between 1 and 64");
  REQUIRE_FALSE(Validate({WindowKind::kDistinct, 10, 0, 50}).ok());
  REQUIRE_FALSE(Validate({WindowKind::kPercentile, 10, 5, 0}).ok());
  REQUIRE_FALSE(Validate({WindowKind::kPercentile, 10, 5, std::nan("")}).ok());
  REQUIRE_FALSE(KeyedTable::Create({.memory_bytes = KeyedTable::kBytesMin - 1}, {}).ok());
}

}  // namespace
}  // namespace stockade
