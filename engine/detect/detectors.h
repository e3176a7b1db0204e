// All detectors together: what they ask of an attempt before its password check, and what they learn from it afterwards.
//
//   attempt ─► Ask ─► verdict of the gate ─► Judged ─► (password check) ─► Observe
//
// Ask reads: the source ladder (D3), the account guard (D4), pressure (D5) and the campaign finder (D6) each say how it stands,
// and the policy table what that means in the attempt's lane; the strictest wins. Judged learns that it was stopped or goes
// on; Observe what came of it. What was stopped by a challenge counts as not passed until Observe says otherwise. Neither reads
// an outcome before its verdict.
//
// Each can be off, or in shadow: then it learns, and what it would have asked is counted and said while tracing, and nothing more.
//
// Memory: `bytes`, shared out. Cost: some 100 ns for an upper lane, some 600 for a stranger who fails. noexcept; allocates where
// something is found that people must know, and for a stranger who got in. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decision/alert.h"
#include "engine/detect/account_guard.h"
#include "engine/detect/campaign_finder.h"
#include "engine/detect/contact_memory.h"
#include "engine/detect/detector_settings.h"
#include "engine/detect/outage_interlock.h"
#include "engine/detect/pressure.h"
#include "engine/detect/source_ladder.h"
#include "engine/detect/takeover_watch.h"
#include "engine/event/login_event.h"

namespace stockade {

// What one detector asks of an attempt.
struct DetectorAsk {
  DetectorId by = DetectorId::kSourceLadder;
  Circumstance circumstance = Circumstance::kSourceSuspect;
  Cell cell = Cell::kAllow;
  bool for_want =
      false;  // a denial that the table has as a challenge, which cannot be asked where it came from
};

// What people must know at once.
struct DetectorNews {
  enum class Kind : uint8_t {
    kCampaign,  // something was condemned
    kTakeover,  // a right password inside a campaign: `event` is the success
    kOutage,    // the interlock holds
    kSolver,    // human tests are being solved
    kSource,  // a source where nobody is at home is condemned, and nothing stands against it: `event` came from there
  };
  Kind kind = Kind::kCampaign;
  int64_t time_ms = 0;
  std::string text;
  Prefix rung;  // of kSource
  OwnedEvent event;
  // Of kSource and kTakeover: what was condemned, on what, and the fields that attempts of it share. Of a password no field: it
  // is told of to nobody.
  DetectorFinding found;
  std::vector<std::pair<std::string_view, std::string>> group;
};

class Detectors {
 public:
  // The least that is shared out into useful parts.
  static constexpr size_t kBytesMin = size_t{1} << 20;

  Detectors(const DetectorSettings& settings, size_t bytes, const HashKey& key);

  void Set(const DetectorSettings& settings) noexcept;
  const DetectorSettings& settings() const noexcept { return settings_; }

  // What is asked of an attempt; the strictest. `asks`: where not null, what each asked, those in shadow too. The outcome of the
  // attempt may be anything: it is not looked at.
  DetectorAsk Ask(const Attempt& attempt, const Standing& standing, int64_t now_ms,
                  std::vector<DetectorAsk>* asks = nullptr) noexcept;
  // Why, as a sentence about the attempt that was asked about last. Lives until the next call.
  std::string_view Reason(const DetectorAsk& ask) noexcept;

  // The gate has spoken: `goes_on`, `challenged` or stopped; `ordered`: because of a standing decision. Returns what Observe must
  // be handed back.
  uint8_t Judged(const Attempt& attempt, const Standing& standing, bool goes_on, bool challenged,
                 bool ordered, int64_t now_ms) noexcept;
  // It reached the password check. `notes`: of Judged. `identity_passed`, `human_passed`: a challenge it was shown.
  void Observe(const LoginEvent& event, Lane lane, uint8_t notes, bool human_passed, bool identity_passed,
               int64_t now_ms);
  // It was stopped for its certificate: the source pays, and nobody else.
  void ObserveBadCertificate(const Attempt& attempt, Lane lane, int64_t now_ms) noexcept;

  // Whether a campaign is on, so that strangers' successes go on probation.
  bool pressure(int64_t now_ms) const noexcept { return pressure_.Level(now_ms) > 0; }
  // Since the last call.
  bool has_news() const noexcept { return !news_.empty(); }
  std::vector<DetectorNews> TakeNews() { return std::exchange(news_, {}); }

  uint64_t shadowed(DetectorId id) const noexcept { return shadowed_[static_cast<size_t>(id)]; }
  size_t bytes() const noexcept;

 private:
  bool IsOff(DetectorId id) const noexcept { return State(id) == DetectorState::kOff; }
  DetectorState State(DetectorId id) const noexcept { return settings_.states[static_cast<size_t>(id)]; }
  bool IsExplained() const noexcept {
    // A whole ASN accounts for too much to account for anything.
    return (source_.suspicion != Suspicion::kNone && source_.asn == 0) ||
           tuple_.suspicion != Suspicion::kNone;
  }
  void Read(const Attempt& attempt, const Standing& standing, int64_t now_ms) noexcept;
  // Whether nobody else brought this account near its lock, so that who comes from where it failed may go on (account_guard.h).
  bool IsAloneThere(const Attempt& attempt) const noexcept;
  Cell Soften(Cell cell, DetectorId by, const Standing& standing, int64_t now_ms) const noexcept;
  // A source that is condemned, nobody's home, and not stopped by an order yet.
  void SaySource(const Attempt& attempt, const SourceReading& source, int64_t now_ms);
  // After evidence was added: what has just been condemned.
  void LookForNews(const Attempt& attempt, bool ordered, int64_t now_ms);
  // What pressure learns of an outcome. `lane`: familiar for whoever has proved who he is.
  void TellPressure(const Attempt& attempt, uint64_t account, Lane lane, Clue clue, bool passed,
                    uint8_t notes, int64_t now_ms) noexcept;
  void Tell(DetectorNews::Kind kind, int64_t now_ms, std::string text);
  // The same of one event and what was condemned with it.
  void TellOf(DetectorNews::Kind kind, int64_t now_ms, std::string text, const LoginEvent& event,
              const Condemned& what);

  DetectorSettings settings_;
  HashKey key_;
  ContactMemory contacts_;
  SourceLadder sources_;
  AccountGuard guard_;
  Pressure pressure_;
  CampaignFinder campaigns_;
  OutageInterlock outage_;
  TakeoverWatch takeovers_;

  // Of the attempt that was asked about last.
  const Attempt* asked_ = nullptr;
  int64_t now_ms_ = 0;
  Lane lane_ = Lane::kUnfamiliar;
  CanAsk can_ask_ = CanAsk::kBoth;  // of settings and way
  uint64_t account_ = 0;            // its keyed hash; 0: it has none
  TupleTags tags_{};
  SourceReading source_;
  TupleReading tuple_;
  GuardLevel guard_level_ = GuardLevel::kFar;
  int pressure_level_ = 0;
  std::array<char, 320> reason_{};

  int64_t passed_ms_ = INT64_MIN / 2;  // the last challenge that was: the gateway shows them, and tells of it
  int64_t untold_since_ms_ = INT64_MIN / 2;     // since then strangers are stopped without a pause
  int64_t untold_ms_ = INT64_MIN / 2;           // the last of them
  int64_t failed_at_check_ms_ = INT64_MIN / 2;  // a stranger's last, of those that pressure was fed

  // What was said of lately, so that it is not said of every attempt.
  struct Said {
    Prefix rung;
    int64_t time_ms = INT64_MIN / 2;
  };
  static constexpr int64_t kSaidMs = 60'000;
  std::array<Said, 64> said_;
  size_t said_next_ = 0;

  bool outage_said_ = false;
  bool solver_said_ = false;
  std::vector<DetectorNews> news_;
  std::array<uint64_t, kDetectors> shadowed_{};
};

}  // namespace stockade
