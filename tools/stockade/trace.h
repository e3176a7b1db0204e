// What `explain` knows after replaying a log up to three times: to find the line or the decision, to trace
// the attempt that brought the decision about, and, with the engine's tracing on for the time of the windows
// that mattered, to name the attempts that counted in them.
//
// All passes are the run that replay makes, with the same options, so what is explained is what happened
// there. Each costs a replay up to the line in question, the last several times more inside the windows'
// time; memory is bounded as in replay, plus some 200 bytes a decision.
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
  bool stopped = false;  // the outcome is the log's: here it did not reach the password check
};

// One attempt of a replay: a line may stand for several ("message repeated 5 times").
struct AttemptId {
  uint64_t line = 0;  // over all inputs as merged; 0: none
  uint32_t nth = 0;   // of the line's attempts, from 0

  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

// The attempts that counted in one window: the first and the last few of them, and how many.
struct Contributions {
  static constexpr size_t kShown = 5;  // of each end

  uint64_t total = 0;
  std::vector<AttemptNote> first;
  std::deque<AttemptNote> last;  // those after `first`
  AttemptId newest;

  // Once an attempt, however often it was counted.
  void Add(const AttemptId& id, const AttemptNote& note);
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
  double allowed = 0;  // of a value that is exact
  WindowReading::Counts counts = WindowReading::Counts::kEvents;
  std::string counted_field;
  Hash128 key;
  std::vector<std::pair<std::string, std::string>> group;
  bool of_decision = false;  // of a trigger: the decision rests on it
  Contributions events;
};

// The way of one attempt through gate and rules.
struct TracedAttempt {
  AttemptId id;
  AttemptNote attempt;
  std::vector<std::pair<std::string, std::string>> steps;  // step → what it said
  VerdictKind verdict = VerdictKind::kAllow;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;
  Lane lane = Lane::kUnfamiliar;
  std::string by;
  std::string reason;
  bool reached = false;      // the password check, and with it the rules
  bool charged = false;      // denied for its certificate: rules count it for its source
  bool too_late = false;     // its time lies further back than the lateness: no rule counted it
  bool unconfirmed = false;  // its time lies in a future that nothing confirmed: no rule counted it
  // Why it was let through whatever the verdict; empty: it was not.
  std::string_view let_through;
  std::vector<std::string> matches;
  std::vector<TracedWindow> windows;
  std::vector<Decision> decisions;  // that this attempt brought about
};

// The verdicts of all attempts that a line stands for, in order.
struct LineVerdict {
  VerdictKind verdict = VerdictKind::kAllow;
  bool reached = false;
};

// What a detector's decision rests on: failed and stopped attempts of those it names, up to it.
struct DetectorGrounds {
  std::vector<std::pair<std::string, std::string>> fields;  // that they share
  Contributions attempts;
};

struct Explanation {
  // What was asked for, or what is known of it.
  enum class Found : uint8_t { kAttempt, kUnreadable, kNothing };
  Found found = Found::kNothing;
  std::string unreadable;                  // kUnreadable: where and why
  bool line_passed = false;                // kNothing: the inputs have that line
  std::optional<TracedAttempt> asked;      // of --line
  std::vector<LineVerdict> of_line;        // the same
  std::optional<Decision> decision;        // the one asked for, or in force for the line
  std::optional<TracedAttempt> trigger;    // the attempt that brought the decision about
  std::optional<DetectorGrounds> grounds;  // of a detector's decision
};

// Either a line or a decision is asked for.
struct Question {
  uint64_t line = 0;
  // Of a line that stands for several attempts, from 1; 0: the first that was stopped, or where none was the last.
  uint32_t attempt = 0;
  std::string decision_id;
};

// Errors: those of the inputs. A line or decision that is not there is no error but kNothing.
absl::StatusOr<Explanation> Explain(ReplaySession* session, const Question& question);

}  // namespace stockade
