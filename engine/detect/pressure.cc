#include "engine/detect/pressure.h"

#include <algorithm>

namespace stockade {
namespace {

// New devices, strange places, clients that were left behind, first logins: honest strangers fail more often than others.
constexpr StreamPrior kStrangers{
    .base = 0.2F, .base_min = 0.12F, .base_max = 0.45F, .luck = 0.03F, .h_more = 0};
// Of all who get in, some hundred times as many as strangers are.
constexpr StreamPrior kOfAll{
    .base = 0.04F, .base_min = 0.01F, .base_max = 0.2F, .luck = 0.01F, .h_more = 4.6F};
// Who passes a human test and fails: as often as a stranger at worst.
constexpr float kBaseOfSolved = 0.2F;

constexpr std::array<std::string_view, 3> kWhat = {
    "strangers at accounts that have an owner fail more than usual",
    "strangers at accounts that are new here fail more than usual",
    "accounts that do not exist are named more than usual"};

}  // namespace

Pressure::Pressure(const PressureSettings& settings)
    : settings_(settings),
      streams_{ContactStream(kStrangers, settings), ContactStream(kStrangers, settings),
               ContactStream(kOfAll, settings)} {
  solved_.SetBase(kBaseOfSolved);
}

void Pressure::Set(const PressureSettings& settings) noexcept {
  settings_ = settings;
  for (ContactStream& stream : streams_) stream.Set(settings);
}

int Pressure::Level(int64_t now_ms) const noexcept {
  int level = 0;
  for (const ContactStream& stream : streams_) level = std::max(level, stream.Level(now_ms));
  return level > 0 && solver_alarm(now_ms) ? 3 : level;
}

Pressure::Account Pressure::Loudest(int64_t now_ms) const noexcept {
  size_t loudest = 0;
  for (size_t i = 1; i < streams_.size(); ++i)
    if (streams_[i].Level(now_ms) > streams_[loudest].Level(now_ms)) loudest = i;
  return {kWhat[loudest], streams_[loudest].p0()};
}

void Pressure::FeedSolved(bool failed, int64_t now_ms) noexcept {
  solved_.Add(failed, settings_.h);
  if (solved_.IsAbove(settings_.h)) solved_until_ms_ = std::max(solved_until_ms_, now_ms + settings_.hold_ms);
}

}  // namespace stockade
