// The desk over an engine: what gate_desk.h promises, and what the process around it needs besides.
//
// Time: the desk takes it from the clock it was given, once a call, inside the lock, so that engine and record see one
// order. A clock that steps back by no more than the engine's lateness is held where it was; one that was set back
// further is followed, for the engine knows such logs (window/watermark.h) and a desk that insisted would stand still
// until the clock had caught up.
//
// Tickets: an attempt that was let through waits for its outcome with its text, about 600 bytes. It is given up, its
// outcome unknown, kTicketTime after it was asked, or when kTicketsMax others came after it: an upstream that never
// answers costs a bounded memory. An outcome that comes later is counted and dropped.
//
// Reload: other rules, allowlist and the table of certificates take effect between two attempts; windows of rules that did not
// change, lanes, standing decisions, tickets and remembered challenges stay (Engine::SwapRules).
//
// Threads: any, at once. The listener is called inside the lock: it must be quick, do no I/O, and not call back.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/gateway/challenge_memory.h"
#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/latency_histogram.h"
#include "engine/engine.h"

namespace stockade {

// Hears alerts and decisions of the engine, and what the desk answers and records.
class DeskListener : public EngineListener {
 public:
  // One line of the record, without its newline (gate_record.h). Only where DeskOptions::record says so.
  virtual void OnRecordLine(std::string_view /*text*/) {}
  // `line` is that of the attempt in the record, whether one is kept or not: what replay will call it.
  virtual void OnVerdict(uint64_t /*line*/, const Attempt&, const Verdict&) {}
};

struct DeskOptions {
  EngineOptions engine;
  absl::Duration remember = absl::Minutes(15);  // a passed challenge
  bool record = false;
  // What extra fields the rules ask for; null: attempts have none.
  std::shared_ptr<const FieldTable> fields;
  std::function<int64_t()> clock;  // nanoseconds since 1970; called by one thread at a time
};

// Figures since the start, taken at one moment.
struct DeskFigures {
  EngineCounters engine;
  // Verdicts by what gave them: a rule, "certificate", "mode"; plain allows under "".
  std::map<std::string, std::array<uint64_t, 4>> verdicts_by;
  uint64_t outcomes[kOutcomeNames.size()] = {};  // told, by Outcome; given up ones are not among them
  uint64_t given_up = 0;                         // let through and never told: taken as unknown
  uint64_t abandoned = 0;
  uint64_t witnessed = 0;    // brought by live sources; their outcomes are among those told
  uint64_t clock_ahead = 0;  // of those: later than now by more than the lateness, taken as of now
  uint64_t unmatched = 0;    // outcomes of tickets that nobody holds (any more)
  size_t in_flight = 0;
  size_t challenges_remembered = 0;
  uint64_t challenges_used = 0;
  uint64_t challenges_pushed_out = 0;
  LatencyHistogram assess;   // inside the engine
  LatencyHistogram observe;  // the same
  Engine::FamiliarCounts familiar;
  Mode mode = Mode::kProtect;
};

class EngineDesk final : public GateDesk {
 public:
  // An upstream's answer takes a minute at most by default (answer_time), one by way of /v1/outcome a little longer.
  static constexpr absl::Duration kTicketTime = absl::Minutes(2);
  // At ten thousand logins a second: six seconds of them; 40 MiB.
  static constexpr size_t kTicketsMax = 65536;

  // `rules` is shared because attempts and a reload may hold it; `listener` outlives the desk, and may be null. Errors:
  // those of Engine::Create.
  static absl::StatusOr<std::unique_ptr<EngineDesk>> Create(DeskOptions options,
                                                            std::shared_ptr<const RuleSet> rules,
                                                            DeskListener* listener);

  GateAnswer Assess(const Attempt& attempt) override;
  void Observe(uint64_t ticket, Outcome outcome) override;
  void Abandon(uint64_t ticket) override;
  void NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                           std::string_view device) override;

  // An attempt that a live source brought, with its own time and outcome: the engine witnesses it, and nobody waits for an
  // answer. Extra fields count where `fields` is the table that the desk was given last, by which their ids go; else, around
  // a reload, they are dropped.
  void Witness(const LoginEvent& event, const FieldTable* fields);

  void SetMode(Mode mode);
  Mode mode() const;
  // What may change while running. Errors, naming a rule's place, leave everything as it was.
  struct Changes {
    std::shared_ptr<const RuleSet> rules;
    Allowlist allowlist;
    CertificateVerdicts certificates;
    PolicySettings policy;
    absl::Duration remember = absl::Minutes(15);
    std::optional<DetectorSettings> detectors = {};  // not there: as they are
    std::shared_ptr<const FieldTable> fields = {};   // of the rules
  };
  absl::Status Reload(Changes changes);

  // Orders that no rule gave; each is in the record, and the listener hears of what comes of it. `by`: who, `why`: for the
  // audit log. Logins go on in between, also where there are many.
  //   Order    by hand or taken in from elsewhere: from now on, until its `until_ms`. One answer each, in their order.
  //   Release  takes out those that still stand as given here (same id); how many did.
  //   Restore  before the first attempt: what stood, and what was over lately, when the process ended last.
  std::vector<Engine::Proposed> Order(std::vector<Decision> decisions, std::string_view by,
                                      std::string_view why);
  size_t Release(std::span<const Decision> decisions, std::string_view by, std::string_view why);
  //            Those that stood and do not now, for want of room or because another holds them.
  std::vector<Decision> Restore(std::span<const Decision> decisions);
  // Who is at home (Engine::LoadFamiliar, CopyFamiliar). Load: before the first attempt; what was loaded is in the record. Copy: one
  // step of a snapshot, for which logins wait some 20 to 200 µs; also after Finish.
  absl::StatusOr<FamiliarFacts> LoadFamiliar(const std::function<absl::StatusOr<std::string_view>()>& next);
  bool CopyFamiliar(FamiliarWriter* writer) const;
  // The kill switch: false, and standing decisions act on nobody here. They stay, and new ones are made.
  void SetEnforcing(bool enforcing);
  // Whether somebody vouches for whom this names.
  bool IsAllowlisted(const Decision& decision) const;

  // Gives up tickets whose time is over; call it every second or so, for when no attempts come.
  void Tick();
  // The end: gives up every ticket and ends the engine's stream. Further attempts are answered as in trouble, further
  // outcomes are dropped. Idempotent.
  void Finish();

  DeskFigures figures() const;
  // Soonest expiry first. Holds the desk while it copies: about a microsecond for each decision.
  std::vector<Decision> StandingDecisions() const;

 private:
  struct Waiting {
    uint64_t ticket = 0;
    int64_t asked_ns = 0;
    OwnedEvent event;
    Verdict verdict;  // without its views
  };
  using WaitingList = std::list<Waiting>;

  EngineDesk(DeskOptions options, std::shared_ptr<const RuleSet> rules, DeskListener* listener);

  int64_t Now();
  void GiveUpOld(int64_t now_ns);
  void GiveUpFirst(int64_t now_ns);
  // Tells the engine, and lets the ticket go.
  void Tell(WaitingList::iterator waiting, Outcome outcome, int64_t now_ns);
  void Release(WaitingList::iterator waiting);
  void KnowChallenge(const Attempt& attempt, const Verdict& verdict, ChallengeResults* results);
  // What his way can ask for, and what he has passed already, however he was asked: that need not be shown to him again.
  CanAsk WhatCanBeAsked(const Attempt& attempt) const;
  void Count(const Verdict& verdict);
  // Counts a line of the record, and appends it if one is kept: `append` fills the text.
  template <typename AppendLine>
  void Record(const AppendLine& append);

  const std::function<int64_t()> clock_;
  const int64_t lateness_ns_;
  const HashKey hash_key_;
  const bool record_;
  DeskListener* const listener_;

  mutable std::mutex mutex_;
  std::shared_ptr<const RuleSet> rules_;
  std::shared_ptr<const FieldTable> fields_;
  std::unique_ptr<Engine> engine_;
  bool finished_ = false;
  Mode mode_;
  int64_t now_ns_ = 0;
  int64_t remember_ns_;
  uint64_t last_ticket_ = 0;
  uint64_t line_ = 0;
  std::string text_;               // of a line, reused
  std::vector<ExtraField> extra_;  // of an attempt that is witnessed, reused
  WaitingList waiting_;            // in the order they were asked
  WaitingList spare_;              // whose memory is used again
  absl::flat_hash_map<uint64_t, WaitingList::iterator> by_ticket_;
  ChallengeMemory challenges_;
  absl::flat_hash_map<std::string, std::array<uint64_t, 4>> verdicts_by_;
  DeskFigures figures_;  // what is counted here; the rest is filled in by figures()
};

}  // namespace stockade
