// Stockade's engine: one attempt in, one verdict out before the password check; one outcome in, decisions follow.
//
//   attempt ─► Assess ─► verdict ─► (password check) ─► Observe ─► windows ─► rules ─► decision ─► ledger
//                 ▲                                                                                   │
//                 └──────────────────────── standing decisions ◄──────────────────────────────────────┘
//
// What for: to be embedded: by the sidecar, by replay, by a gateway written in C++. What it needs comes in: events, and
// time with them. It does no I/O, reads no clock, starts no thread, and throws nothing.
//
// Order of calls, as a grammar: (Assess Observe?)* Finish?. Several attempts may be between Assess and Observe at once.
// Observe is called for every attempt that went on to the password check and for every one that was denied for its
// certificate (IsObserved says which), with the verdict that Assess gave for it; never for another that was stopped. Finish ends a stream whose last event may still be waiting for
// its timestamp to be believed.
//
// Certificates: an attempt that is denied for its certificate (Verdict::for_certificate) is handed to Observe too, which
// charges it to its source and to nothing else: its outcome is bad_certificate, it counts in no window that has the
// account in its key, and no decision on an account follows from it.
//
// Determinism: the same calls with the same options give the same verdicts, alerts and decisions, byte for byte, on
// every machine, at any speed.
//
// Time: an event counts at its own @timestamp, in whole milliseconds. See window/watermark.h for late and wild ones.
// What a late event gives rise to is decided, and lasts, from now on.
//
// Memory: everything the engine keeps stays below EngineOptions::memory_bytes.
//
// Cost: Assess a fraction of a microsecond; Observe a fraction more for each rule that matches. Neither allocates, save
// where an alert is raised or an account is learnt. Measured in bench/engine_bench.cc.
//
// Threads: none. One caller at a time; who has several serialises them. The RuleSet may be shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decision/alarm.h"
#include "engine/decision/allowlist.h"
#include "engine/decision/change.h"
#include "engine/decision/decision.h"
#include "engine/decision/policy.h"
#include "engine/detect/detector_settings.h"
#include "engine/detect/familiar_reader.h"
#include "engine/detect/familiar_writer.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/gate/assess.h"
#include "engine/gate/verdict.h"
#include "engine/limits.h"
#include "engine/rule/compile.h"
#include "engine/rule/correlate.h"

namespace stockade {

// What a user may set; validated whole by Engine::Create.
struct EngineOptions {
  Mode mode = Mode::kProtect;
  CertificateVerdicts certificates;
  size_t memory_bytes = kMemoryBytesDefault;  // ≥ kMemoryBytesMin
  int64_t lateness_ms = kLatenessMsDefault;   // 0 … kLatenessMsMax
  // Of window keys and decision ids. The default is public, so that replays agree everywhere; whoever serves strangers
  // live draws one at random and keeps it: with a known key they can compute names that fall together.
  HashKey hash_key{0x73746f636b616465, 0x2d64656661756c74};
  Allowlist allowlist;
  PolicySettings policy;
  // For standing decisions, of memory_bytes: some 800 bytes each. 0: an eighth of it.
  size_t ledger_bytes = 0;
  // Whether EngineListener::OnChanges is called.
  bool tells_changes = false;
  // Not there: no detectors (detect/detectors.h), rules alone.
  std::optional<DetectorSettings> detectors;
  // Every attempt goes on to the password check whatever the verdict, and is observed: the log of a system where nothing
  // was stopped. Then a bad certificate is observed as the log has it, like everything else.
  bool lets_through = false;
};

// Figures since the start.
struct EngineCounters {
  uint64_t assessed = 0;
  uint64_t observed = 0;
  uint64_t verdicts[4] = {};  // by VerdictKind
  uint64_t alerts = 0;
  uint64_t decisions = 0;
  uint64_t alarms = 0;
  uint64_t decisions_evicted = 0;      // of the ledger, which was full: gave way before their time
  uint64_t decisions_turned_away = 0;  // the same: never stood
  uint64_t late = 0;                   // counted where they belong
  uint64_t too_late = 0;               // older than the allowed lateness: assessed, not observed
  uint64_t wild = 0;             // timestamps in the future that nothing confirmed: assessed, not observed
  uint64_t scan_failures = 0;    // pattern scans that failed and were answered by the slow path
  uint64_t windows_evicted = 0;  // windows given up for memory before their span was over
  uint64_t undercount_max = 0;   // the largest count any of them held: what a rule may have missed by
  size_t memory_bytes = 0;       // in use now
};

// Who listens. Called from inside Assess, Observe and Finish; must not call back into the engine. Arguments
// live during the call only.
class EngineListener {
 public:
  virtual ~EngineListener() = default;
  virtual void OnAlert(const Alert&) {}
  virtual void OnDecision(const Decision&) {}
  // Every change of the ledger, in order, after the call that made them has done its work: for stores and firewalls.
  virtual void OnChanges(std::span<const Change>) {}
  virtual void OnAlarm(const Alarm&) {}
  // Only while tracing is on (SetTracing): the way of each attempt.
  virtual void OnGateStep(const GateStep&) {}
  virtual void OnRuleMatch(std::string_view /*rule*/) {}
  virtual void OnWindow(const WindowReading&) {}
};

class Engine {
 public:
  // Errors: InvalidArgument, naming the option, for one out of its range. `rules` and `listener` outlive the
  // engine; `listener` may be null.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options, const RuleSet* rules,
                                                        EngineListener* listener);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Hints that this event comes soon: does ahead what does not depend on what comes before it, and brings
  // the memory it will need closer. Best about eight events ahead. Never changes an answer. Optional; an
  // event that was hinted at stays where and as it is until its Observe, or until kPrefetchedMax further
  // events were hinted at.
  static constexpr size_t kPrefetchedMax = 16;
  void Prefetch(const LoginEvent& event) noexcept;

  Verdict Assess(const Attempt& attempt) noexcept;
  // Assess of an attempt that has taken its course elsewhere, where nobody asked (a log, a mirror port): what the verdict
  // would have been. Observe follows whatever it is, with the outcome that was seen, as with lets_through.
  Verdict Witness(const Attempt& attempt) noexcept;
  void Observe(const LoginEvent& event, const Verdict& verdict) noexcept;
  void Finish() noexcept;

  void SetMode(Mode mode) noexcept;
  // For a reload while running: nobody who was counted, known or stopped is forgotten.
  //   SwapRules   goes on with other rules; windows of those that did not change are kept (Correlator::SwapRules), and
  //               so are lanes, repeaters and standing decisions, also of rules that are gone. Errors leave the old rules
  //               at work. On success `rules` outlives the engine, and the set before may go. Events hinted at before are
  //               hints no longer; one whose time is not confirmed yet loses its extra fields, which the old rules named.
  absl::Status SwapRules(const RuleSet* rules);
  void SetAllowlist(Allowlist allowlist);
  // Whether the allowlist holds somebody whom this decision names (Allowlist::Touches).
  bool IsAllowlisted(const Decision& decision) const noexcept;
  void SetPolicy(const PolicySettings& policy);
  // Of an engine that was made with detectors; nothing else can be switched on later.
  void SetDetectors(const DetectorSettings& detectors);
  void SetCertificates(const CertificateVerdicts& certificates) noexcept;
  // The kill switch (Gate::SetEnforcing).
  void SetEnforcing(bool enforcing) noexcept;

  // Orders that no rule gave. A decision's `rule` then says where it came from.
  //   Propose  by hand, or taken in from elsewhere: made harmless as policy does, and given an id if it has none.
  //   Remove   takes out what stands with this id, doing this, to whom it names; false if nothing does. The rule behind it
  //            speaks again with the next event that meets it.
  //   Restore  at a start, what stood before, as it stood; of one that is over by now only its target is known, as a
  //            repeater's, where its rule escalates. Whom the allowlist holds by now is challenged.
  // `by`, `why`: for OnChanges.
  struct Proposed {
    Decision decision;  // as it was made
    Proposal fate;
  };
  Proposed Propose(Decision decision, std::string_view by, std::string_view why);
  bool Remove(const Decision& decision, std::string_view by, std::string_view why);
  // kCovered and kRefused: it does not stand, though it did.
  Proposal Restore(const Decision& decision, int64_t now_ms);

  // Who is at home, over a restart (detect/familiar_format.h). Windows, evidence and standing decisions are not in it.
  //   CopyFamiliar  the next step of a snapshot; false: that was the last. Changes nothing. Longest some 200 µs.
  //   LoadFamiliar  before the first attempt: takes a snapshot in. `next` gives its bytes, piece by piece, and nothing at its end;
  //                 its own errors come back. Errors of a snapshot, which say what to do, leave an engine that knows nobody.
  bool CopyFamiliar(FamiliarWriter* writer) const;
  absl::StatusOr<FamiliarFacts> LoadFamiliar(const std::function<absl::StatusOr<std::string_view>()>& next);
  // Accounts it knows, and those that gave way since the start for want of memory.
  struct FamiliarCounts {
    size_t accounts = 0;
    uint64_t given_way = 0;
  };
  FamiliarCounts familiar() const noexcept;

  void SetTracing(bool on) noexcept;
  EngineCounters counters() const noexcept;
  // Standing decisions at the engine's time, soonest expiry first.
  std::vector<Decision> StandingDecisions() const;

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stockade
