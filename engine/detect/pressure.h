// D5, pressure: the campaign that nobody can see by address.
//
//   Y = 1 where a first contact (an account and hour; failures and successes apart) fails or is stopped. A failure on an account
//   from a place (network and device) that failed on it within 36 hours is none: programs with an old password come every morning,
//   and where most are at home they are most of the strangers who fail.
//
// Three Page charts (page_charts.h) over the Y of each of three streams:
//   known   strangers at accounts that have had their owner. Few honest ones are there, and most of an attack: it stands out
//           after a few attempts, also in the rush of the open.
//   new     strangers at accounts nobody has been seen on.
//   names   whoever names an account that does not exist, among all who get in: honest ones mistype theirs, once in fifty.
//
// Pressure is on while any S ≥ h, and for the hold at least; off when all of its stream are below h/2. Levels. 1: on. 2: at least half of what comes
// is bad, of kManyMin. 3: nearly all of kMostMin is, or challenges are being solved: the same charts over strangers who passed a human
// test (solver_alarm).
//
// A stranger who was challenged counts as failed until he passes. Where nobody ever passes, as in a log that tells nothing of
// challenges, that holds for four hours after it began, or after the last who failed at the password check: strangers would keep it on for ever.
//
// Explain away: what a suspect source or tuple accounts for is not fed (Feed is not called), so that pressure ends when what it
// began with has a name and nothing else goes on. What was fed before it had one stays: taken back, a second half of the attack
// that has no mark began from nothing (40 instead of 24 attempts at worst in 20 worlds of ten attacks at once, for a hundredth
// fewer challenges).
//
// State below 4 KiB. Some 30 ns. Attempts of an attack before it is on, at p₀ = 0.2 and h = 7, median: below 9 where all of a stream is
// attack, below 46 where a tenth is (tests/engine/detect/pressure_test.cc). Fails: an attack below a thirtieth of its stream; lists of which
// a quarter is right; three successes of an attacker's own accounts, each an hour, hide one failure where he is a tenth of it.
//
// Source: Javed, Paxson, CCS 2013; Herley, Schechter, NDSS 2019. Deterministic; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/detect/contact_stream.h"
#include "engine/detect/detector_settings.h"
#include "engine/detect/page_charts.h"

namespace stockade {

class Pressure {
 public:
  enum class Stream : uint8_t { kKnown, kNew, kNames };

  explicit Pressure(const PressureSettings& settings = {});

  void Set(const PressureSettings& settings) noexcept;
  // 0: calm, 1 … 3 as above.
  int Level(int64_t now_ms) const noexcept;
  bool solver_alarm(int64_t now_ms) const noexcept { return now_ms < solved_until_ms_; }

  // A first contact: it failed or was stopped, or got in.
  void Feed(Stream stream, bool failed, int64_t now_ms) noexcept { Of(stream).Feed(failed, now_ms); }
  // One that was fed as stopped did not fail.
  void TakeBack(Stream stream, int64_t now_ms) noexcept { Of(stream).TakeBack(now_ms); }
  // Of a stranger who passed a human test.
  void FeedSolved(bool failed, int64_t now_ms) noexcept;

  // What is said of the stream whose level is the highest.
  struct Account {
    std::string_view what;  // "strangers at accounts that are new here fail more than usual"; a literal
    float p0 = 0;           // how many usually do
  };
  Account Loudest(int64_t now_ms) const noexcept;

 private:
  ContactStream& Of(Stream stream) noexcept { return streams_[static_cast<size_t>(stream)]; }

  PressureSettings settings_;
  std::array<ContactStream, 3> streams_;
  PageCharts solved_;
  int64_t solved_until_ms_ = INT64_MIN;
};

}  // namespace stockade
