// The watermark: wild times neither advance nor stall it, gaps lose nothing, late events are told apart.
#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "engine/window/watermark.h"

namespace stockade {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kNoonMs = int64_t{20'000} * kDayMs;

// What a caller would observe, in its order, with the one event that it may have to keep back.
struct Stream {
  Watermark watermark;
  std::vector<int64_t> observed;
  int64_t held_ms = 0;
  int rolled_back = 0;

  void Add(int64_t time_ms) {
    const Admission admission = watermark.Admit(time_ms);
    if (admission.held == HeldFate::kConfirmed) observed.push_back(held_ms);
    if (admission.arrival == Arrival::kHeld) held_ms = time_ms;
    if (admission.arrival == Arrival::kOnTime || admission.arrival == Arrival::kLate)
      observed.push_back(time_ms);
    rolled_back += admission.rolled_back;
  }
  void AddAll(const std::vector<int64_t>& times) {
    for (int64_t time : times) Add(time);
    if (watermark.Finish() == HeldFate::kConfirmed) observed.push_back(held_ms);
  }
};

TEST_CASE("an ordinary stream is observed whole and in its order", "[window][watermark]") {
  Stream stream;
  std::vector<int64_t> times;
  for (int i = 0; i < 100; ++i) times.push_back(kNoonMs + i * 1000 - (i % 7 == 3 ? kMinuteMs : 0));
  stream.AddAll(times);
  REQUIRE(stream.observed == times);
  REQUIRE(stream.watermark.counters().late == 14);
  REQUIRE(stream.watermark.now_ms() == kNoonMs + 99'000);
}

TEST_CASE("one wild time in the future is dropped and changes nothing", "[window][watermark]") {
  for (int64_t ahead : {6 * kMinuteMs, 50 * kMinuteMs, 2 * kHourMs, kDayMs, 3650 * kDayMs}) {
    Stream stream;
    stream.AddAll({kNoonMs, kNoonMs + 1, kNoonMs + ahead, kNoonMs + 2, kNoonMs - kMinuteMs, kNoonMs + 3});
    REQUIRE(stream.observed ==
            std::vector<int64_t>{kNoonMs, kNoonMs + 1, kNoonMs + 2, kNoonMs - kMinuteMs, kNoonMs + 3});
    REQUIRE(stream.watermark.counters().wild == 1);
    REQUIRE(stream.watermark.now_ms() == kNoonMs + 3);
  }
}

TEST_CASE("a clock that is wrong for every other event costs only its own events", "[window][watermark]") {
  Stream stream;
  for (int i = 0; i < 1000; ++i) {
    stream.Add(kNoonMs + i);
    stream.Add(kNoonMs + i + 400 * kDayMs);
  }
  REQUIRE(stream.observed.size() == 1000);
  REQUIRE(stream.watermark.counters().wild == 999);
}

TEST_CASE("a quiet night loses nothing", "[window][watermark]") {
  Stream stream;
  const std::vector<int64_t> times = {kNoonMs, kNoonMs + 1, kNoonMs + 9 * kHourMs, kNoonMs + 9 * kHourMs + 5,
                                      kNoonMs + 20 * kHourMs};
  stream.AddAll(times);
  REQUIRE(stream.observed == times);
  REQUIRE(stream.watermark.counters().wild == 0);
}

TEST_CASE("a log of one event a day loses nothing", "[window][watermark]") {
  Stream stream;
  std::vector<int64_t> times;
  for (int i = 0; i < 50; ++i) times.push_back(kNoonMs + i * kDayMs);
  stream.AddAll(times);
  REQUIRE(stream.observed == times);
}

TEST_CASE("a wild first event is dropped", "[window][watermark]") {
  Stream stream;
  stream.AddAll({kNoonMs + 400 * kDayMs, kNoonMs, kNoonMs + 1, kNoonMs + 2});
  REQUIRE(stream.observed == std::vector<int64_t>{kNoonMs, kNoonMs + 1, kNoonMs + 2});
  REQUIRE(stream.watermark.counters().wild == 1);
}

TEST_CASE("two wild events in a row are believed until three come back", "[window][watermark]") {
  Stream stream;
  stream.AddAll({kNoonMs, kNoonMs + 1, kNoonMs + 400 * kDayMs, kNoonMs + 400 * kDayMs + 1, kNoonMs + 2,
                 kNoonMs + 3, kNoonMs + 4, kNoonMs + 5});
  REQUIRE(stream.rolled_back == 1);
  REQUIRE(stream.watermark.counters().rollbacks == 1);
  REQUIRE(stream.watermark.counters().too_late == 2);
  REQUIRE(stream.observed.back() == kNoonMs + 5);
  REQUIRE(stream.observed[stream.observed.size() - 2] == kNoonMs + 4);
  REQUIRE(stream.watermark.now_ms() == kNoonMs + 5);
}

TEST_CASE("two wild first events are rolled back too", "[window][watermark]") {
  Stream stream;
  stream.AddAll(
      {kNoonMs + 400 * kDayMs, kNoonMs + 400 * kDayMs, kNoonMs, kNoonMs + 1, kNoonMs + 2, kNoonMs + 3});
  REQUIRE(stream.watermark.now_ms() == kNoonMs + 3);
  REQUIRE(stream.rolled_back == 1);
}

TEST_CASE("old events in a row do not turn back a time that many have confirmed", "[window][watermark]") {
  Stream stream;
  stream.Add(kNoonMs);
  for (int i = 0; i < 20; ++i) stream.Add(kNoonMs + kDayMs + i);
  for (int i = 0; i < 20; ++i) stream.Add(kNoonMs + i);
  REQUIRE(stream.watermark.now_ms() == kNoonMs + kDayMs + 19);
  REQUIRE(stream.watermark.counters().too_late == 20);
}

TEST_CASE("the edges of lateness belong to it", "[window][watermark]") {
  Watermark watermark;
  watermark.Admit(kNoonMs);
  REQUIRE(watermark.Admit(kNoonMs).held == HeldFate::kConfirmed);
  REQUIRE(watermark.Admit(kNoonMs - kLatenessMsDefault).arrival == Arrival::kLate);
  REQUIRE(watermark.Admit(kNoonMs - kLatenessMsDefault - 1).arrival == Arrival::kTooLate);
  REQUIRE(watermark.Admit(kNoonMs + kLatenessMsDefault).arrival == Arrival::kOnTime);
}

TEST_CASE("every short sequence is counted whole, held at most once, and ends where it can be believed",
          "[window][watermark]") {
  const std::vector<int64_t> steps = {0,       kMinuteMs, 5 * kMinuteMs, 6 * kMinuteMs,
                                      kHourMs, kDayMs,    40 * kDayMs};
  bool is_right = true;
  for (int code = 0; code < 7 * 7 * 7 * 7 * 7 * 7; ++code) {
    Stream stream;
    std::vector<int64_t> times;
    for (int rest = code; times.size() < 6; rest /= 7) times.push_back(kNoonMs + steps[size_t(rest % 7)]);
    bool has_now = false;
    for (int64_t time : times) {
      const auto before = stream.watermark.now_ms();
      stream.Add(time);
      const auto after = stream.watermark.now_ms();
      has_now = has_now || after.has_value();
      // Only a rollback moves time back, and time is always one that was seen.
      if (before && stream.rolled_back == 0) is_right = is_right && *after >= *before;
    }
    stream.watermark.Finish();
    const auto& counters = stream.watermark.counters();
    is_right =
        is_right && counters.on_time + counters.late + counters.too_late + counters.wild == times.size();
    is_right = is_right && !stream.watermark.is_holding() && stream.watermark.now_ms().has_value();
    if (std::is_sorted(times.begin(), times.end()) && times.back() - times.front() <= kSpanMsMax) {
      is_right = is_right && counters.on_time == times.size();
    }
    if (!is_right) FAIL("code " << code);
  }
  REQUIRE(is_right);
}

}  // namespace
}  // namespace stockade
