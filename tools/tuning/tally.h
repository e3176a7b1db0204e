// What one run over a log came to: metrics M1 to M5 of detectors.md 3, for whom the labels name.
//
// An attempt is stopped if it did not reach the password check: it was denied or throttled, or did not pass the challenge it was
// shown. Attacks are judged by attempts on accounts of others; cover on accounts of their own is counted apart, and so are
// customers' programs. Attempts that nobody labelled are counted, and judge nothing.
//
// The gateway's lock is played: of what reaches the check, `limit` wrong passwords in a row on one account lock it once, and the
// row begins anew; a success ends it, and so does `reset`. Attempts that the log says met a locked account count for nothing: nobody
// knows what their password was. By whom: somebody else was in the row; nobody labelled was; the owner alone.
//
// Add costs some 20 ns. Memory: some 12 bytes an account and 8 a person, a bit an attack. Not thread-safe; a function of the calls.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/detect/detector_settings.h"
#include "engine/gate/verdict.h"
#include "tools/simulation/campaign_course.h"
#include "tools/simulation/customer_score.h"
#include "tools/tuning/days.h"
#include "tools/tuning/event_log.h"
#include "tools/tuning/labels.h"

namespace stockade {

// How often something befell an account.
struct NamedCount {
  uint32_t account = 0;  // EventLog::AccountName
  uint64_t count = 0;
};

// Who was touched: how many people, and the kNamesMax of them whom it befell most often.
struct TouchedPeople {
  static constexpr size_t kNamesMax = 50;
  uint64_t people = 0;
  std::vector<NamedCount> names;
};

enum class LockedBy : uint8_t { kStranger, kUndecided, kOwner };
inline constexpr std::array<std::string_view, 3> kLockedByNames = {"strangers", "undecided", "owner"};

struct LockFigures {
  std::array<std::array<uint64_t, 4>, 3> times =
      {};                      // by LockedBy, then the lane of the attempt that completed the row
  TouchedPeople by_strangers;  // accounts

  uint64_t by(LockedBy who) const noexcept {
    uint64_t sum = 0;
    for (const uint64_t count : times[static_cast<size_t>(who)]) sum += count;
    return sum;
  }
};

// What one rule or detector did.
struct SpeakerFigures {
  uint64_t attacks_stopped = 0;
  uint64_t customers_touched = 0;
  uint64_t others = 0;  // stopped: programs, cover, undecided
};

struct HourFigures {
  uint32_t attacks_stopped = 0;
  uint32_t customers_touched = 0;
};

struct Figures {
  uint64_t attempts = 0;
  uint64_t reached = 0;
  std::array<uint64_t, 4> verdicts = {};  // by VerdictKind
  std::vector<CampaignFigures> campaigns;
  // Of customers themselves: [quiet day, else][first login, history][lane].
  std::array<std::array<std::array<CustomerScore, 4>, 2>, 2> customers = {};
  CustomerScore programs;
  CustomerScore cover;
  CustomerScore undecided;
  TouchedPeople challenged;
  TouchedPeople denied;
  LockFigures locks;
  std::map<std::string, SpeakerFigures> by;  // rule or detector → what it did
  std::vector<HourFigures> hours;            // as LogDays::hours
  uint64_t alerts = 0;
  uint64_t decisions = 0;
  uint64_t alarms = 0;
  uint64_t quiet_alarms = 0;  // on settled quiet days: false ones
  uint64_t windows_evicted = 0;

  CampaignFigures attack() const noexcept;  // all campaigns together; no settling
  CustomerScore customer() const noexcept;  // all of them
  CustomerScore customer(bool quiet, bool history) const noexcept;
  CustomerScore customer_in(Lane lane) const noexcept;
};

class Tally {
 public:
  // All outlive it.
  Tally(const EventLog& log, const Labels& labels, const LogDays& days, const LockoutRule& lock);

  void Add(size_t attempt, const Verdict& verdict, bool reached);
  // The engine said something, during the attempt that was added last or the one after it.
  void AddAlert() noexcept { ++figures_.alerts; }
  void AddDecision() noexcept { ++figures_.decisions; }
  void AddAlarm() noexcept;
  void AddWindowsEvicted(uint64_t count) noexcept { figures_.windows_evicted = count; }

  // Call once, last.
  Figures Finish();

 private:
  struct Row {
    int64_t last_ms = 0;
    uint8_t wrong = 0;
    bool stranger = false;
    bool undecided = false;
  };

  void AddAttack(size_t attempt, const AttemptLabel& label, const Verdict& verdict, bool reached);
  void PlayLock(size_t attempt, const AttemptLabel& label, Lane lane);
  SpeakerFigures* Speaker(std::string_view by);

  const EventLog& log_;
  const Labels& labels_;
  const LogDays& days_;
  const LockoutRule lock_;
  Figures figures_;
  std::vector<bool> settled_quiet_;  // by day
  size_t last_ = 0;
  std::vector<CampaignCourse> courses_;  // by campaign
  std::vector<uint32_t> challenged_;     // by person
  std::vector<uint32_t> denied_;
  std::vector<Row> rows_;         // by account
  std::vector<uint32_t> locked_;  // by account, by strangers
  std::string by_;
};

}  // namespace stockade
