// Proves that a row of early events opens its key exactly when a list that keeps everything says so, hands on what it held
// in the order it came, and lives under the table's ceiling like any other key.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

#include "tests/engine/window/window_testing.h"

namespace stockade {
namespace {

constexpr int64_t kLatenessMs = 10;
constexpr WindowConfig kRows{WindowKind::kEarly, kEarlySpanMsMax, kEarlyEventsMax, 50};

EarlyPlan MakePlan() {
  EarlyPlan plan;
  plan.limits = {
      {0b011, 50, 4, EarlyLimit::kEvents, 2}, {0b100, 30, 3, 1, 3}, {0b1000, 20, 1, EarlyLimit::kEvents, 1}};
  plan.spans_ms[0] = plan.spans_ms[3] = 50;
  plan.spans_ms[1] = 200;
  plan.spans_ms[2] = 30;
  plan.shortest_ms = 30;
  plan.longest_ms = 200;
  return plan;
}

// What the row of one key should do.
struct Model {
  std::vector<EarlyEvent> events;
  bool open = false;
  int64_t newest_ms = kNeverMs;

  static bool Reached(const EarlyLimit& limit, const std::vector<EarlyEvent>& all, const EarlyEvent& added) {
    size_t count = 0;
    std::set<uint32_t> tags;
    for (const EarlyEvent& one : all) {
      if (std::abs(one.time_ms - added.time_ms) >= limit.span_ms || (one.feeds & limit.feeds) == 0) continue;
      count += static_cast<size_t>(__builtin_popcount(one.feeds & limit.feeds));
      if (limit.tag != EarlyLimit::kEvents) tags.insert(one.tags[limit.tag]);
    }
    return (limit.tag == EarlyLimit::kEvents ? count : tags.size()) >= limit.count;
  }

  KeyedTable::EarlyState Add(const EarlyEvent& event, const EarlyPlan& plan) {
    if (newest_ms != kNeverMs && event.time_ms - newest_ms >= plan.longest_ms + kLatenessMs) {
      events.clear();
      open = false;
    }
    newest_ms = std::max(newest_ms, event.time_ms);
    if (open) return KeyedTable::EarlyState::kOpen;
    const auto alive = std::count_if(events.begin(), events.end(), [&](const EarlyEvent& one) {
      return newest_ms - one.time_ms < plan.SpanOf(one.feeds) + kLatenessMs;
    });
    std::vector<EarlyEvent> all = events;
    all.push_back(event);
    open = alive >= static_cast<int64_t>(kEarlyEventsMax);
    for (const EarlyLimit& limit : plan.limits)
      open = open || ((event.feeds & limit.feeds) != 0 && Reached(limit, all, event));
    if (open) return KeyedTable::EarlyState::kOpening;
    events = all;
    return KeyedTable::EarlyState::kKept;
  }
};

TEST_CASE("a row opens its key when a list that keeps everything says so", "[window][oracle]") {
  size_t openings = 0;
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto draw = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const auto table = MakeTable({&kRows, 1}, KeyedTable::kBytesMin, kLatenessMs);
    const EarlyPlan plan = MakePlan();
    table->SetEarlyPlan(0, plan);
    std::array<Model, 3> models;
    std::array<uint32_t, 3> hints{kNoEntry, kNoEntry, kNoEntry};
    int64_t now_ms = 1'700'000'000'000;
    // Some streams are so slow that rows fill with what is long over.
    const int step_max = draw(1, 60);
    for (int step = 0; step < 300; ++step) {
      now_ms += draw(0, 40) == 0 ? draw(0, 400) : draw(0, step_max);
      const int64_t time_ms = draw(0, 3) == 0 ? now_ms - draw(0, kLatenessMs) : now_ms;
      const auto key = static_cast<size_t>(draw(0, 2));
      const uint32_t feeds = draw(0, 30) == 0 ? 0b1000 : static_cast<uint32_t>(draw(1, 7));
      const EarlyEvent event{
          time_ms, feeds, {static_cast<uint32_t>(draw(1, 3)), static_cast<uint32_t>(draw(1, 4))}};
      EarlyEvents before;
      const auto state = table->AddEarly(0, KeyOf(key), event, false, hints[key], &before);
      const std::vector<EarlyEvent> held = models[key].events;
      INFO("step " << step << " key " << key);
      REQUIRE(state == models[key].Add(event, plan));
      if (draw(0, 2) == 0) hints[key] = table->PrefetchBlock(KeyOf(key));
      if (state != KeyedTable::EarlyState::kOpening) continue;
      ++openings;
      models[key].events.clear();
      // All that is of account, in order, and nothing that never was.
      size_t at = 0;
      for (const EarlyEvent& one : held) {
        const bool handed_on = at < before.size && before.events[at] == one;
        if (handed_on) ++at;
        REQUIRE((handed_on || now_ms - one.time_ms >= plan.SpanOf(one.feeds) + kLatenessMs));
      }
      REQUIRE(at == before.size);
    }
  }
  CHECK(openings > 1000);
}

TEST_CASE("a flood of keys seen once leaves a row with several events alone", "[window]") {
  const auto table = MakeTable({&kRows, 1}, KeyedTable::kBytesMin, kLatenessMs);
  EarlyPlan plan;
  plan.spans_ms[0] = plan.shortest_ms = plan.longest_ms = 86'400'000;
  table->SetEarlyPlan(0, plan);
  EarlyEvents before;
  const Hash128 slow = KeyOf(1);
  int64_t time_ms = 1'700'000'000'000;
  for (int i = 0; i < 7; ++i)
    REQUIRE(table->AddEarly(0, slow, {time_ms += 1000, 1, {}}, false, kNoEntry, &before) ==
            KeyedTable::EarlyState::kKept);
  for (uint64_t key = 0; key < 500'000; ++key) {
    table->AddEarly(0, KeyOf(1000 + key), {time_ms, 1, {}}, false, kNoEntry, &before);
    if (key % 1000 == 0) REQUIRE(table->bytes() <= table->memory_bytes());
  }
  CHECK(table->total().evicted > 300'000);
  REQUIRE(table->AddEarly(0, slow, {time_ms, 1, {}}, true, kNoEntry, &before) ==
          KeyedTable::EarlyState::kOpening);
  CHECK(before.size == 7);
}

TEST_CASE("a row whose events are of no account any more gives way without loss", "[window]") {
  const auto table = MakeTable({&kRows, 1}, KeyedTable::kBytesMin, kLatenessMs);
  table->SetEarlyPlan(0, MakePlan());
  EarlyEvents before;
  // Each key once; the whole row would last for 200 ms, its event only for 30.
  for (uint64_t key = 0; key < 500'000; ++key)
    table->AddEarly(0, KeyOf(key), {1'700'000'000'000 + static_cast<int64_t>(key / 500), 0b100, {}}, false,
                    kNoEntry, &before);
  CHECK(table->total().evicted == 0);
  CHECK(table->total().reclaimed > 300'000);
}

}  // namespace
}  // namespace stockade
