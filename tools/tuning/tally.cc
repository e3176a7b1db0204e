#include "tools/tuning/tally.h"

#include <algorithm>
#include <utility>

namespace stockade {
namespace {

TouchedPeople MostTouched(const std::vector<uint32_t>& counts, const std::vector<uint32_t>* account_of) {
  TouchedPeople touched;
  for (uint32_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    ++touched.people;
    touched.names.push_back({account_of == nullptr ? i : (*account_of)[i], counts[i]});
  }
  const size_t kept = std::min(touched.names.size(), TouchedPeople::kNamesMax);
  std::partial_sort(touched.names.begin(), touched.names.begin() + static_cast<int64_t>(kept),
                    touched.names.end(), [](const NamedCount& a, const NamedCount& b) {
                      return a.count != b.count ? a.count > b.count : a.account < b.account;
                    });
  touched.names.resize(kept);
  return touched;
}

}  // namespace

CampaignFigures Figures::attack() const noexcept {
  CampaignFigures all;
  for (const CampaignFigures& one : campaigns) {
    all.attempts += one.attempts;
    all.reached += one.reached;
    all.reached_first_minute += one.reached_first_minute;
    all.reached_first_ten_minutes += one.reached_first_ten_minutes;
    all.challenges_solved += one.challenges_solved;
    all.valid_tried += one.valid_tried;
    all.taken_over += one.taken_over;
  }
  return all;
}

CustomerScore Figures::customer(bool quiet, bool history) const noexcept {
  CustomerScore sum;
  for (const CustomerScore& one : customers[quiet ? 0 : 1][history ? 1 : 0]) sum += one;
  return sum;
}

CustomerScore Figures::customer() const noexcept {
  CustomerScore sum;
  for (const bool quiet : {false, true})
    for (const bool history : {false, true}) sum += customer(quiet, history);
  return sum;
}

CustomerScore Figures::customer_in(Lane lane) const noexcept {
  CustomerScore sum;
  for (const auto& period : customers)
    for (const auto& history : period) sum += history[static_cast<size_t>(lane)];
  return sum;
}

Tally::Tally(const EventLog& log, const Labels& labels, const LogDays& days, const LockoutRule& lock)
    : log_(log),
      labels_(labels),
      days_(days),
      lock_(lock),
      settled_quiet_(days.days.size()),
      courses_(labels.campaigns.size()),
      challenged_(labels.account_of.size()),
      denied_(labels.account_of.size()),
      rows_(log.accounts()),
      locked_(log.accounts()) {
  figures_.campaigns.resize(labels.campaigns.size());
  figures_.hours.resize(days.hours.size());
  for (const uint32_t day : days.SettledQuietDays()) settled_quiet_[day] = true;
}

SpeakerFigures* Tally::Speaker(std::string_view by) {
  by_.assign(by.empty() ? "mode" : by);
  return &figures_.by[by_];
}

void Tally::Add(size_t attempt, const Verdict& verdict, bool reached) {
  last_ = attempt;
  const AttemptLabel& label = labels_.of[attempt];
  HourFigures& hour = figures_.hours[days_.hour_of[attempt]];
  ++figures_.attempts;
  figures_.reached += reached ? 1 : 0;
  ++figures_.verdicts[static_cast<size_t>(verdict.kind)];
  const bool touched = verdict.kind != VerdictKind::kAllow;
  SpeakerFigures* const speaker = touched ? Speaker(verdict.by) : nullptr;
  switch (label.kind) {
    case AttemptKind::kAttack:
      AddAttack(attempt, label, verdict, reached);
      if (reached) break;
      ++hour.attacks_stopped;
      ++speaker->attacks_stopped;
      break;
    case AttemptKind::kCustomer:
      figures_
          .customers[days_.is_quiet(attempt) ? 0 : 1][label.history ? 1 : 0]
                    [static_cast<size_t>(verdict.lane)]
          .Add(verdict.kind, reached, label.right);
      if (!touched) break;
      ++hour.customers_touched;
      ++speaker->customers_touched;
      if (verdict.kind == VerdictKind::kChallenge) ++challenged_[label.person];
      if (verdict.kind == VerdictKind::kDeny) ++denied_[label.person];
      break;
    case AttemptKind::kProgram:
      figures_.programs.Add(verdict.kind, reached, label.right);
      break;
    case AttemptKind::kCover:
      figures_.cover.Add(verdict.kind, reached, label.right);
      break;
    case AttemptKind::kUndecided:
      figures_.undecided.Add(verdict.kind, reached, label.right);
  }
  if (touched && !reached && label.kind != AttemptKind::kAttack && label.kind != AttemptKind::kCustomer)
    ++speaker->others;
  if (reached && lock_.limit > 0 && log_.account(attempt) != 0) PlayLock(attempt, label, verdict.lane);
}

void Tally::AddAttack(size_t attempt, const AttemptLabel& label, const Verdict& verdict, bool reached) {
  const size_t number = label.campaign - size_t{1};
  courses_[number].Add({.time_ms = log_.time_ms(attempt),
                        .right = label.right,
                        .challenged = verdict.kind == VerdictKind::kChallenge,
                        .reached = reached,
                        .got_in = log_.outcome(attempt) == Outcome::kSuccess},
                       &figures_.campaigns[number]);
}

void Tally::PlayLock(size_t attempt, const AttemptLabel& label, Lane lane) {
  Row& row = rows_[log_.account(attempt)];
  const Outcome outcome = log_.outcome(attempt);
  if (outcome == Outcome::kSuccess || outcome == Outcome::kSecondFactorFailed)  // the password was right
    row = Row();
  if (outcome != Outcome::kBadPassword) return;
  const int64_t time_ms = log_.time_ms(attempt);
  if (lock_.reset_ms > 0 && row.wrong > 0 && time_ms - row.last_ms > lock_.reset_ms) row = Row();
  row.last_ms = time_ms;
  ++row.wrong;
  const bool owner =
      label.own_account && (label.kind == AttemptKind::kCustomer || label.kind == AttemptKind::kProgram);
  row.undecided |= label.kind == AttemptKind::kUndecided;
  row.stranger |= !owner && label.kind != AttemptKind::kUndecided;
  if (row.wrong < lock_.limit) return;
  const LockedBy by = row.stranger    ? LockedBy::kStranger
                      : row.undecided ? LockedBy::kUndecided
                                      : LockedBy::kOwner;
  ++figures_.locks.times[static_cast<size_t>(by)][static_cast<size_t>(lane)];
  if (by == LockedBy::kStranger) ++locked_[log_.account(attempt)];
  row = Row();
}

void Tally::AddAlarm() noexcept {
  ++figures_.alarms;
  if (log_.size() > 0 && settled_quiet_[days_.day_of[last_]]) ++figures_.quiet_alarms;
}

Figures Tally::Finish() {
  for (size_t i = 0; i < courses_.size(); ++i) courses_[i].Settle(&figures_.campaigns[i]);
  figures_.challenged = MostTouched(challenged_, &labels_.account_of);
  figures_.denied = MostTouched(denied_, &labels_.account_of);
  figures_.locks.by_strangers = MostTouched(locked_, nullptr);
  return std::move(figures_);
}

}  // namespace stockade
