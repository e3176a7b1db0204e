// What `explain` knows after replaying a log up to three times: to find the line or the decision, to trace
// the attempt that brought the decision about, and, with the engine's tracing on for the time of the windows
// that mattered, to name the attempts that counted in them.
//
// All passes are the run that replay makes, with the same options, so what is explained is what happened
// there. Each costs a replay up to the line in question, the last several times more inside the windows'
// time; memory is bounded as in replay, plus some 50 bytes a decision.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "tools/stockade/replay_session.h"

namespace stockade {

// One attempt, as a person would name it. Owns its text.
struct AttemptNote {
  uint64_t line = 0;  // over all inputs as merged
  std::string input;  // and where it really stands
  uint64_t input_line = 0;
  int64_t time_ms = 0;
  std::string source;  // "-" where the log names none
  std::string account;
  std::string user_agent;
  std::string ja4;
  Outcome outcome = Outcome::kUnknown;
};

// The attempts that counted in one window: the first and the last few of them, and how many.
struct Contributions {
  static constexpr size_t kShown = 5;  // of each end

  uint64_t total = 0;
  std::vector<AttemptNote> first;
  std::deque<AttemptNote> last;  // those after `first`

  void Add(const AttemptNote& note);
};

// A WindowReading that owns its text, with the attempts behind it.
struct TracedWindow {
  std::string rule;
  std::string condition;
  int64_t span_ms = 0;
  double value = 0;
  bool at_least = false;
  bool estimated = false;
  bool met = false;
  bool quiet = false;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  double allowed = 0;
  Hash128 key;
  std::vector<std::pair<std::string, std::string>> group;
  bool of_decision = false;  // of a trigger: the decision rests on it
  Contributions events;
};

// The way of one attempt through gate and rules.
struct TracedAttempt {
  AttemptNote attempt;
  std::vector<std::pair<std::string, std::string>> steps;  // step → what it said
  VerdictKind verdict = VerdictKind::kAllow;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;
  Lane lane = Lane::kUnfamiliar;
  std::string by;
  std::string reason;
  bool reached = false;   // the password check, and with it the rules
  bool charged = false;   // denied for its certificate: rules count it for its source
  bool too_late = false;  // its time lies further back than the lateness: no rule counted it
  std::vector<std::string> matches;
  std::vector<TracedWindow> windows;
  std::vector<Decision> decisions;  // that this attempt brought about
};

struct Explanation {
  // What was asked for, or what is known of it.
  enum class Found : uint8_t { kAttempt, kUnreadable, kNothing };
  Found found = Found::kNothing;
  std::string unreadable;                // kUnreadable: where and why
  std::optional<TracedAttempt> asked;    // of --line
  std::optional<Decision> decision;      // the one asked for, or in force for the line
  std::optional<TracedAttempt> trigger;  // the attempt that brought the decision about
};

// Exactly one of them is asked for.
struct Question {
  uint64_t line = 0;
  std::string decision_id;
};

// Errors: those of the inputs. A line or decision that is not there is no error but kNothing.
absl::StatusOr<Explanation> Explain(ReplaySession* session, const Question& question);

}  // namespace stockade
