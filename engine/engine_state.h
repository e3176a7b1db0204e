// What an engine is made of: the rooms in their order, and what goes from one to the next. For engine*.cc alone: engine.h is
// what everybody else sees.
//
//   engine.cc            an attempt and its outcome: time, gate, rules, windows, lanes
//   engine_decisions.cc  from what was found to decisions and alarms
//   engine_operation.cc  what is done to an engine while it runs: reloads, orders by hand, snapshots, figures
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/block_release.h"
#include "engine/decision/ledger.h"
#include "engine/decision/policy.h"
#include "engine/detect/detectors.h"
#include "engine/detect/lanes.h"
#include "engine/engine.h"
#include "engine/text.h"
#include "engine/window/watermark.h"

namespace stockade {

// How one ceiling is shared out, in bytes (engine.cc).
struct MemoryShares {
  size_t lanes, ledger, repeaters, customers, active, detectors, windows;
};
inline constexpr size_t kRepeaterBytes = 128;

struct Engine::State final : CorrelationListener {
  State(const EngineOptions& options, const RuleSet* rule_set, EngineListener* engine_listener,
        std::unique_ptr<Correlator> made, const MemoryShares& shares)
      : rules(rule_set),
        listener(engine_listener),
        scratch(std::in_place, *rule_set),
        correlator(std::move(made)),
        watermark({options.lateness_ms, kJumpMsMax}),
        lanes(shares.lanes, options.hash_key),
        hash_key(options.hash_key),
        ledger(LedgerOptions{options.hash_key, shares.ledger, options.tells_changes ? kChangesMax : 0}),
        policy(options.hash_key, shares.repeaters / kRepeaterBytes,
               shares.customers / ProvenCustomers::kCustomerBytes, options.policy,
               shares.active / ActiveCustomers::kCustomerBytes),
        detectors(options.detectors.has_value()
                      ? std::make_unique<Detectors>(*options.detectors, shares.detectors, options.hash_key)
                      : nullptr),
        gate(&ledger, &lanes, detectors.get()),
        trace([this](const GateStep& step) { listener->OnGateStep(step); }) {
    ledger.SetAllowlist(options.allowlist);
    gate.SetMode(options.mode);
    lets_through = options.lets_through;
    gate.SetCertificates(options.certificates);
    correlator->SetLifted(&ledger.lifted());
    TakeRules();
  }

  // Changes are told after each call, so that no call can bring more than there may be decisions.
  static constexpr size_t kChangesMax = SIZE_MAX;
  // A ledger that is full is full for long: an alarm an hour says it.
  static constexpr int64_t kFullAlarmEveryMs = 3'600'000;

  uint64_t AdmitTime(int64_t time_ms);
  void TellChanges();
  Circumstances Now() const;
  void Resolve(HeldFate fate);
  Verdict Assess(const Attempt& attempt, bool is_witnessed) noexcept;
  // Takes an outcome when its time is believed: now, or once the next event has confirmed it.
  void Settle(const LoginEvent& event, const Verdict& verdict) noexcept;
  void Take(const LoginEvent& event, const Verdict& verdict);
  struct Prepared;
  void Prepare(const LoginEvent& event, Prepared* into,
               Correlator::Charge charge = Correlator::Charge::kAll) noexcept;
  // Where an attempt was prepared; kPrefetchedMax: nowhere.
  size_t FindPrepared(const Attempt& attempt) noexcept;
  // What is read off the rules once, and not for every event or decision.
  void TakeRules();
  void RaiseBaseAlerts(const LoginEvent& event, std::span<const uint16_t> matched, int64_t time_ms);
  // What detectors found that people must know, and what is decided about it.
  void TakeNews();
  // An owner got in from behind a block.
  void NoteBehindBlock(const Attempt& attempt);
  void OnAlert(const Alert& alert) override;
  // Hands a decision to the ledger, and what follows from that.
  Proposal Enter(const Decision& decision, std::string_view by, std::string_view why,
                 const std::optional<Alarm>& alarm);
  void Raise(const Alarm& alarm);
  // Says that the ledger is full, where it is; seldom, for it says it of many.
  void WarnOfFullLedger(int64_t time_ms);
  void OnWindow(const WindowReading& reading) override { listener->OnWindow(reading); }

  const RuleSet* rules;
  EngineListener* listener;
  std::optional<MatchScratch> scratch;  // made anew for each rule set
  std::unique_ptr<Correlator> correlator;
  Watermark watermark;
  Lanes lanes;
  const HashKey hash_key;
  int64_t familiar_ms = 0;  // as of when the snapshot was that was loaded
  Ledger ledger;
  BlockRelease release;
  Policy policy;
  std::unique_ptr<Detectors> detectors;  // null: none
  Gate gate;
  Gate::Trace trace;
  bool tracing = false;
  bool lets_through = false;
  std::vector<Change> changes;    // while they are told; reused
  bool stranger_inside = false;   // while the success of a stranger is taken
  bool charging_sources = false;  // while an attempt is taken that was denied for its certificate
  int64_t observed_ms =
      INT64_MIN;           // the newest time of an event whose outcome was taken; goes back in a rollback
  uint64_t displaced = 0;  // by the ledger for want of memory, of which there was a warning
  int64_t displaced_said_ms = INT64_MIN;
  EngineCounters counters;
  uint64_t scan_failures_before = 0;  // with rule sets that were swapped since

  // What an event means to rules, windows and ledger, worked out before its turn.
  struct Prepared {
    Prepared() { matched.reserve(64); }
    int64_t time_ns = 0;
    std::vector<uint16_t> matched;
    Correlator::Feeds feeds;
    // Under the engine's key, where rules ask for them.
    std::optional<Hash128> account, fingerprint;
    // What later parts of a hint need of the event, which may be gone by then: a replay that was denied lets go of it.
    Address source;
    bool may_succeed = false;
    ProvenCustomers::CustomerNumber customer = ProvenCustomers::kNobody;
  };
  std::array<Prepared, Engine::kPrefetchedMax> prepared;
  // Whose each is, null where it is spent. Apart from them, because every call searches here.
  std::array<const LoginEvent*, Engine::kPrefetchedMax> prepared_for{};
  size_t prepared_next = 0;
  size_t prepared_due = 0;  // where the search begins: events come in the order of their hints
  Prepared unprepared;      // for events that nobody hinted at
  absl::flat_hash_map<absl::string_view, const Response*> responses;  // by the name of the rule
  std::vector<uint8_t> raising;  // by base rule: whether a match is an alert by itself

  // The one event whose time nobody has confirmed yet, and whether its outcome is in already.
  uint64_t held_ticket = kTicketHeldFirst;
  bool holding = false;
  bool held_observed = false;
  OwnedEvent held_event;
  Verdict held_verdict;
  // What became of the last held events, by ticket: for outcomes that come after their time was judged.
  static constexpr size_t kFatesKept = 256;
  std::array<HeldFate, kFatesKept> fates{};
};

}  // namespace stockade
