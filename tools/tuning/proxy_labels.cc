#include "tools/tuning/proxy_labels.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/text.h"
#include "tools/tuning/days.h"

namespace stockade {
namespace {

bool GotIn(Outcome outcome) {
  return outcome == Outcome::kSuccess;
}
// What an attacker's password would come to.
bool Failed(Outcome outcome) {
  return outcome == Outcome::kBadPassword || outcome == Outcome::kUnknownAccount ||
         outcome == Outcome::kBadCertificate || outcome == Outcome::kAccountLocked;
}

struct Mark {
  uint8_t kind = 0;  // 0: there is none
  uint64_t high = 0;
  uint64_t low = 0;

  friend bool operator==(const Mark&, const Mark&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Mark& mark) {
    return H::combine(std::move(h), mark.kind, mark.high, mark.low);
  }
};

using Marks = std::array<Mark, 4>;

Marks MarksOf(const EventLog& log, size_t i) {
  Marks marks;
  const Address source = log.source(i);
  if (source.present()) {
    const Address network = SourcePrefix(source).address;
    const uint8_t version = source.is_v4() ? 0 : 1;
    marks[0] = {static_cast<uint8_t>(1 + version), source.high(), source.low()};
    marks[1] = {static_cast<uint8_t>(3 + version), network.high(), network.low()};
  }
  if (log.ja4(i) > 1 || log.user_agent(i) > 1) marks[2] = {5, log.ja4(i), log.user_agent(i)};
  if (log.password_id(i) > 1) marks[3] = {6, 0, log.password_id(i)};
  return marks;
}

struct Accounts {
  uint32_t failed = 0;
  uint32_t got_in = 0;

  bool IsCampaign() const {
    return failed >= ProxyRules::kAccountsMin && failed > got_in * ProxyRules::kFailuresPerSuccess;
  }
};

// Where an account was tried from.
struct TriedFrom {
  uint32_t account = 0;
  uint64_t network_high = 0;
  uint64_t network_low = 0;
  uint64_t device = 0;

  friend bool operator==(const TriedFrom&, const TriedFrom&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TriedFrom& from) {
    return H::combine(std::move(h), from.account, from.network_high, from.network_low, from.device);
  }
};

TriedFrom TriedFromOf(const EventLog& log, size_t i) {
  const Address source = log.source(i);
  const Address network =
      source.present() ? Prefix::Around(source, source.is_v4() ? 24 : 48).address : Address();
  const uint64_t device = log.device(i) > 1 ? uint64_t{log.device(i)} << 32 | 1
                                            : uint64_t{log.ja4(i)} << 32 ^ (uint64_t{log.user_agent(i)} << 1);
  return {log.account(i), network.high(), network.low(), device};
}

uint32_t MedianOf(std::vector<uint32_t> counts) {
  if (counts.empty()) return 0;
  const auto middle = counts.begin() + static_cast<int64_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  return *middle;
}

class Guess {
 public:
  explicit Guess(const EventLog& log) : log_(log), marked_(log.size()), in_hour_(log.size()) {
    labels_.guessed = true;
    labels_.of.resize(log.size());
  }

  Labels Make() {
    MarkDays();
    MarkHours();
    Decide();
    NumberCampaigns();
    for (const AttemptLabel& label : labels_.of)
      labels_.without_label += label.kind == AttemptKind::kUndecided ? 1 : 0;
    return std::move(labels_);
  }

 private:
  int64_t DayOf(size_t i) const { return log_.time_ms(i) / LogDays::kDayMs; }
  int64_t HourOf(size_t i) const { return log_.time_ms(i) / LogDays::kHourMs; }

  void MarkDays() {
    std::vector<uint32_t> by_day(log_.size());
    std::iota(by_day.begin(), by_day.end(), 0);
    std::ranges::stable_sort(by_day, {}, [this](uint32_t i) { return DayOf(i); });
    for (size_t begin = 0; begin < by_day.size();) {
      size_t end = begin;
      while (end < by_day.size() && DayOf(by_day[end]) == DayOf(by_day[begin])) ++end;
      MarkDay(std::span(by_day).subspan(begin, end - begin));
      begin = end;
    }
  }

  void MarkDay(std::span<const uint32_t> day) {
    absl::flat_hash_map<Mark, Accounts> accounts;
    absl::flat_hash_set<std::tuple<Mark, uint32_t, bool>> counted;
    for (const uint32_t i : day) {
      const bool got_in = GotIn(log_.outcome(i));
      if (log_.account(i) == 0 || (!got_in && !Failed(log_.outcome(i)))) continue;
      for (const Mark& mark : MarksOf(log_, i)) {
        if (mark.kind == 0 || !counted.emplace(mark, log_.account(i), got_in).second) continue;
        Accounts& of_mark = accounts[mark];
        ++(got_in ? of_mark.got_in : of_mark.failed);
      }
    }
    for (const uint32_t i : day) {
      for (const Mark& mark : MarksOf(log_, i)) {
        const auto found = mark.kind == 0 ? accounts.end() : accounts.find(mark);
        if (found != accounts.end() && found->second.IsCampaign()) marked_[i] = true;
      }
    }
  }

  void MarkHours() {
    absl::flat_hash_set<TriedFrom> at_home;
    for (size_t i = 0; i < log_.size(); ++i) {
      if (GotIn(log_.outcome(i)) && !marked_[i]) at_home.insert(TriedFromOf(log_, i));
    }
    // Of each hour with attempts, how many accounts strangers failed on.
    std::map<int64_t, uint32_t> strangers;
    absl::flat_hash_set<std::pair<int64_t, uint32_t>> counted;
    for (size_t i = 0; i < log_.size(); ++i) {
      uint32_t& count = strangers[HourOf(i)];
      if (marked_[i] || !Failed(log_.outcome(i)) || at_home.contains(TriedFromOf(log_, i))) continue;
      if (counted.emplace(HourOf(i), log_.account(i)).second) ++count;
    }
    std::vector<uint32_t> all;
    std::array<std::vector<uint32_t>, 24> of_day;
    for (const auto& [hour, count] : strangers) {
      all.push_back(count);
      of_day[static_cast<size_t>(hour % 24)].push_back(count);
    }
    const uint32_t median = MedianOf(all);
    absl::flat_hash_set<int64_t> hours;
    for (const auto& [hour, count] : strangers) {
      const std::vector<uint32_t>& alike = of_day[static_cast<size_t>(hour % 24)];
      const uint32_t usual = alike.size() < 3 ? median : MedianOf(alike);
      if (count >= ProxyRules::kHourMin && count >= ProxyRules::kHourTimes * usual) hours.insert(hour);
    }
    for (size_t i = 0; i < log_.size(); ++i) in_hour_[i] = hours.contains(HourOf(i));
  }

  void Decide() {
    absl::flat_hash_set<TriedFrom> proven;
    for (size_t i = 0; i < log_.size(); ++i) {
      if (log_.account(i) != 0 && GotIn(log_.outcome(i)) && !marked_[i] && !in_hour_[i])
        proven.insert(TriedFromOf(log_, i));
    }
    std::vector<uint32_t> person_of(log_.accounts(), kNoPerson);
    std::vector<bool> has_history(log_.accounts());
    for (size_t i = 0; i < log_.size(); ++i) {
      AttemptLabel& label = labels_.of[i];
      const uint32_t account = log_.account(i);
      label.right = GotIn(log_.outcome(i));
      if (account != 0 && proven.contains(TriedFromOf(log_, i))) {
        label.kind = AttemptKind::kCustomer;
        label.history = has_history[account];
        if (person_of[account] == kNoPerson) {
          person_of[account] = static_cast<uint32_t>(labels_.account_of.size());
          labels_.account_of.push_back(account);
        }
        label.person = person_of[account];
        if (label.right) has_history[account] = true;
      } else if (marked_[i] || (in_hour_[i] && Failed(log_.outcome(i)))) {
        label.kind = AttemptKind::kAttack;
      }
    }
  }

  void NumberCampaigns() {
    int64_t last_ms = 0;
    for (size_t i = 0; i < log_.size(); ++i) {
      AttemptLabel& label = labels_.of[i];
      if (label.kind != AttemptKind::kAttack) continue;
      const bool another = labels_.campaigns.empty() || log_.time_ms(i) - last_ms > ProxyRules::kGapMs;
      if (another && labels_.campaigns.size() < Labels::kCampaignsMax)
        labels_.campaigns.push_back(Concat(labels_.campaigns.size() + 1, " guessed"));
      label.campaign = static_cast<uint16_t>(labels_.campaigns.size());
      last_ms = std::max(last_ms, log_.time_ms(i));
    }
  }

  const EventLog& log_;
  Labels labels_;
  std::vector<bool> marked_;
  std::vector<bool> in_hour_;
};

}  // namespace

Labels GuessLabels(const EventLog& log) {
  return Guess(log).Make();
}

}  // namespace stockade
