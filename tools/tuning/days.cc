#include "tools/tuning/days.h"

#include <algorithm>

namespace stockade {
namespace {

// The different ones of `spans` in order, and of each attempt which it is.
std::vector<int64_t> Number(const std::vector<int64_t>& spans, std::vector<uint32_t>* of) {
  std::vector<int64_t> all = spans;
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  of->reserve(spans.size());
  for (const int64_t span : spans)
    of->push_back(static_cast<uint32_t>(std::ranges::lower_bound(all, span) - all.begin()));
  return all;
}

}  // namespace

LogDays LogDays::Build(const EventLog& log, const Labels& labels) {
  LogDays made;
  std::vector<int64_t> spans(log.size());
  for (size_t i = 0; i < log.size(); ++i) spans[i] = log.time_ms(i) / kDayMs;
  for (const int64_t day : Number(spans, &made.day_of)) made.days.push_back({day * kDayMs, 0, 0, false});
  for (size_t i = 0; i < log.size(); ++i) spans[i] = log.time_ms(i) / kHourMs;
  made.hours = Number(spans, &made.hour_of);
  for (int64_t& hour : made.hours) hour *= kHourMs;
  made.attacks.resize(made.hours.size());
  made.customers.resize(made.hours.size());
  for (size_t i = 0; i < log.size(); ++i) {
    LogDay& day = made.days[made.day_of[i]];
    ++day.attempts;
    const AttemptKind kind = labels.of[i].kind;
    if (kind == AttemptKind::kAttack || kind == AttemptKind::kCover) ++day.attacks;
    if (kind == AttemptKind::kAttack) ++made.attacks[made.hour_of[i]];
    if (kind == AttemptKind::kCustomer) ++made.customers[made.hour_of[i]];
  }
  for (LogDay& day : made.days) {
    day.quiet =
        labels.guessed ? day.attacks < kBackground && day.attacks * 100 < day.attempts : day.attacks == 0;
  }
  return made;
}

std::vector<uint32_t> LogDays::SettledQuietDays() const {
  std::vector<uint32_t> quiet;
  for (uint32_t i = 0; i < days.size(); ++i) {
    if (days[i].quiet) quiet.push_back(i);
  }
  if (quiet.size() > 1 && quiet.front() == 0) quiet.erase(quiet.begin());
  return quiet;
}

}  // namespace stockade
