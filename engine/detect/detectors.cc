#include "engine/detect/detectors.h"

#include <algorithm>

#include "engine/text.h"

namespace stockade {
namespace {

// What Judged did, for Observe to correct.
constexpr uint8_t kSourceCharged = 1;
constexpr uint8_t kTupleCharged = 2;
constexpr uint8_t kChartFed = 4;
constexpr uint8_t kReserved = 8;
constexpr uint8_t kExplainedThen = 16;
constexpr uint8_t kAtKnown = 32;    // the account has had its owner
constexpr uint8_t kProved = 64;     // and an identity step-up was passed from there lately
constexpr uint8_t kAtDevice = 128;  // the device, too, speaks for the owner

// Kinds of pairs in ContactMemory.
constexpr uint64_t kFailureOnChart = 0x30;
constexpr uint64_t kSuccessOnChart = 0x32;
constexpr uint64_t kSolvedOnChart = 0x31;
constexpr uint64_t kStoppedOnChart = 0x33;
constexpr uint64_t kSuccessOfAll = 0x34;
constexpr uint64_t kFailureAtHome = 0x35;
constexpr uint64_t kCleanOnShares = 0x36;
constexpr uint64_t kFailureFromPlace = 0x37;
constexpr int kHourTicks = 4;
// A program with an old password comes every morning, at another minute each: whoever failed on this account from this place within
// so long is no news, and puts off when he will be again.
constexpr int kAgainTicks = 36 * kHourTicks;
// Pressure lives on challenges that nobody passes for so long, and then looks again at what reaches the password check.
constexpr int64_t kUntoldMs = int64_t{4} * 3600 * 1000;
constexpr int64_t kUntoldGapMs = int64_t{3600} * 1000;
// For so long after somebody has passed one, challenges are known to be shown and told of.
constexpr int64_t kToldMs = int64_t{24} * 3600 * 1000;
// One in so many accounts at home is counted, for all of them. Odd, for hashes of accounts are.
constexpr uint32_t kAtHomeSample = 7;

bool IsStranger(Lane lane) noexcept {
  return lane >= Lane::kHalf;
}

bool Failed(Clue clue) noexcept {
  return clue != Clue::kSuccess && clue != Clue::kNothing;
}

// The account's keyed hash; 0: there is none.
uint64_t AccountOf(const Attempt& attempt, const HashKey& key) noexcept {
  return attempt.has_account() ? SipHash128(key, attempt.account).low | 1 : 0;
}

Pressure::Stream StreamOf(bool at_known) noexcept {
  return at_known ? Pressure::Stream::kKnown : Pressure::Stream::kNew;
}

// Where an attempt comes from, to tell one stranger from several.
uint64_t PlaceOf(const Attempt& attempt, const HashKey& key) noexcept {
  const HashKey place_key{key.k0 ^ 0x706c616365000000, key.k1};
  const Address network = Prefix::Around(attempt.source, Ladder(attempt.source).back()).address;
  const std::array<uint64_t, 2> from = {network.is_v6() ? network.high() : 4, network.low()};
  Hash128 place = SipHash128(place_key, from.data(), sizeof from);
  if (!attempt.device.empty()) {
    place = Combine(place, SipHash128(place_key, attempt.device));
  } else {
    place = Combine(Combine(place, SipHash128(place_key, attempt.ja4)),
                    SipHash128(place_key, attempt.user_agent));
  }
  return place.low;
}

// Who proved who he is, minutes ago and from the same place and device, is at home for as long.
Lane LaneOf(Lane arrived, bool proved) noexcept {
  return proved ? Lane::kFamiliar : arrived;
}

// How the memory is shared out, in sixteenths.
constexpr size_t kSources = 7;
constexpr size_t kGuard = 4;
constexpr size_t kTuples = 3;
constexpr size_t kContacts = 2;
static_assert(kSources + kGuard + kTuples + kContacts == 16);

}  // namespace

Detectors::Detectors(const DetectorSettings& settings, size_t bytes, const HashKey& key)
    : settings_(settings),
      key_{key.k0 ^ 0x6465746563740000, key.k1},
      contacts_(bytes / 16 * kContacts),
      sources_(bytes / 16 * kSources, key_),
      guard_(bytes / 16 * kGuard, settings.lock),
      pressure_(settings.pressure),
      campaigns_(bytes / 16 * kTuples, key_) {
  Set(settings);
}

void Detectors::Set(const DetectorSettings& settings) noexcept {
  settings_ = settings;
  sources_.Set(settings.evidence);
  campaigns_.Set(settings.evidence);
  guard_.Set(settings.lock);
  pressure_.Set(settings.pressure);
}

size_t Detectors::bytes() const noexcept {
  return contacts_.bytes() + sources_.bytes() + guard_.bytes() + campaigns_.bytes();
}

bool Detectors::IsAloneThere(const Attempt& attempt) const noexcept {
  const uint16_t place = AccountGuard::PlaceOf(PlaceOf(attempt, key_));
  if (!IsStranger(lane_)) return guard_.StrangersAllFrom(account_, place);
  // Where he could not be asked at the try after, there is none.
  return guard_level_ == GuardLevel::kNear && AsksIdentity(can_ask_) &&
         guard_.HasTryLeft(account_, place, now_ms_);
}

void Detectors::Read(const Attempt& attempt, const Standing& standing, int64_t now_ms) noexcept {
  asked_ = &attempt;
  now_ms_ = now_ms;
  lane_ = LaneOf(standing.lane, standing.proved);
  can_ask_ = Narrowed(settings_.challenges, attempt.can_ask);
  account_ = AccountOf(attempt, key_);
  contacts_.Prefetch(PairOf(1, account_, kSuccessOfAll));  // on its way while the verdict is made
  source_ = {};
  tuple_ = {};
  tags_ = {};
  guard_level_ = GuardLevel::kFar;
  pressure_level_ = pressure_.Level(now_ms);
  if (!IsOff(DetectorId::kAccountGuard) && account_ != 0) guard_level_ = guard_.Read(account_, lane_, now_ms);
  if (guard_level_ != GuardLevel::kFar && IsAloneThere(attempt)) guard_level_ = GuardLevel::kFar;
  if (!IsStranger(lane_)) return;
  if (!IsOff(DetectorId::kSourceLadder)) source_ = sources_.Read(attempt, now_ms);
  if (IsOff(DetectorId::kCampaignFinder)) return;
  tags_ = campaigns_.TagsOf(attempt);
  tuple_ = campaigns_.Read(tags_, now_ms);
}

Cell Detectors::Soften(Cell cell, DetectorId by, const Standing& standing, int64_t now_ms) const noexcept {
  // While customers at home fail, nobody can be told from an attacker by failing; his lock can still be kept from him.
  const bool outage = State(DetectorId::kOutageInterlock) == DetectorState::kOn && outage_.IsOn(now_ms);
  if (cell == Cell::kDeny && by != DetectorId::kAccountGuard && outage) cell = Cell::kChallenge;
  const bool identity = AsksIdentity(can_ask_);
  const bool may_be_customer = standing.may_be_owner || standing.device_known;
  if (cell == Cell::kDeny && may_be_customer && identity) cell = Cell::kIdentity;
  // A test that somebody solves for money tells nobody apart.
  if (cell == Cell::kChallenge && identity && pressure_.solver_alarm(now_ms)) cell = Cell::kIdentity;
  if (cell == Cell::kChallenge && !AsksHuman(can_ask_)) cell = identity ? Cell::kIdentity : Cell::kDeny;
  if (cell == Cell::kIdentity && !identity) {
    const bool last = by == DetectorId::kAccountGuard && guard_level_ == GuardLevel::kLast;
    cell = last || !AsksHuman(can_ask_) ? Cell::kDeny : Cell::kChallenge;
  }
  return cell;
}

DetectorAsk Detectors::Ask(const Attempt& attempt, const Standing& standing, int64_t now_ms,
                           std::vector<DetectorAsk>* asks) noexcept {
  DetectorAsk strictest;
  Read(attempt, standing, now_ms);
  if (standing.lane == Lane::kCertified) return strictest;
  const auto ask = [&](DetectorId by, Circumstance circumstance) {
    const Cell written = settings_.policy.Of(circumstance, lane_);
    const Cell cell = Soften(written, by, standing, now_ms);
    if (cell == Cell::kAllow) return;
    const bool for_want = cell == Cell::kDeny && written != Cell::kDeny;
    if (asks != nullptr) asks->push_back({by, circumstance, cell, for_want});
    if (State(by) == DetectorState::kShadow) {
      ++shadowed_[static_cast<size_t>(by)];
    } else if (cell > strictest.cell || (cell == strictest.cell && strictest.for_want && !for_want)) {
      strictest = {by, circumstance, cell, for_want};
    }
  };
  const bool half = lane_ == Lane::kHalf;
  if (source_.suspicion == Suspicion::kSuspect && !(half && standing.network_at_home))
    ask(DetectorId::kSourceLadder, Circumstance::kSourceSuspect);
  if (source_.suspicion == Suspicion::kCondemned)
    ask(DetectorId::kSourceLadder,
        source_.shared ? Circumstance::kSourceShared : Circumstance::kSourceCondemned);
  if (tuple_.suspicion != Suspicion::kNone)
    ask(DetectorId::kCampaignFinder, tuple_.suspicion == Suspicion::kCondemned ? Circumstance::kTupleCondemned
                                                                               : Circumstance::kTupleSuspect);
  if (pressure_level_ > 0 && !IsOff(DetectorId::kPressure) && !(half && standing.nearly_familiar))
    ask(DetectorId::kPressure, pressure_level_ >= 3 ? Circumstance::kPressureHigh : Circumstance::kPressure);
  if (guard_level_ != GuardLevel::kFar)
    ask(DetectorId::kAccountGuard,
        guard_level_ == GuardLevel::kLast ? Circumstance::kGuardLast : Circumstance::kGuardNear);
  return strictest;
}

uint8_t Detectors::Judged(const Attempt& attempt, const Standing& standing, bool goes_on, bool challenged,
                          bool ordered, int64_t now_ms) noexcept {
  if (asked_ != &attempt) Read(attempt, standing, now_ms);
  asked_ = nullptr;
  uint8_t notes = 0;
  if (goes_on && account_ != 0) {
    guard_.Reserve(account_, now_ms);
    notes |= kReserved;
  }
  if (IsExplained()) notes |= kExplainedThen;
  if (standing.has_history) notes |= kAtKnown;
  if (standing.proved) notes |= kProved;
  if (standing.device_at_home || standing.lane == Lane::kCertified) notes |= kAtDevice;
  if (goes_on || !IsStranger(LaneOf(standing.lane, standing.proved)) || outage_.IsOn(now_ms)) return notes;
  // A denial keeps its source's evidence alive; who does not pass a challenge adds to it.
  const float z = challenged ? EvidenceOf(standing.lane, Clue::kNotPassed) : kEvidenceOfDenied;
  if (!IsOff(DetectorId::kSourceLadder) &&
      sources_.Note(attempt, account_, Clue::kNotPassed, z, now_ms, &contacts_))
    notes |= kSourceCharged;
  if (challenged && !IsOff(DetectorId::kCampaignFinder) &&
      campaigns_.Note(tags_, account_, Clue::kNotPassed, z, now_ms, &contacts_))
    notes |= kTupleCharged;
  // Where nobody ever passes, a challenge that was not passed tells nobody apart, and would keep pressure on for ever.
  if (now_ms - untold_ms_ > kUntoldGapMs) untold_since_ms_ = now_ms;
  untold_ms_ = now_ms;
  const bool tells =
      now_ms - passed_ms_ < kToldMs || now_ms - std::max(failed_at_check_ms_, untold_since_ms_) < kUntoldMs;
  if (tells && standing.lane == Lane::kUnfamiliar && (notes & kExplainedThen) == 0 &&
      contacts_.IsFirst(PairOf(1, account_, kFailureOnChart), now_ms, kHourTicks) &&
      contacts_.IsNew(PairOf(PlaceOf(attempt, key_), account_, kFailureFromPlace), now_ms, kAgainTicks)) {
    pressure_.Feed(StreamOf(standing.has_history), true, now_ms);
    contacts_.IsFirst(PairOf(1, account_, kStoppedOnChart), now_ms, kHourTicks);
    notes |= kChartFed;
  }
  LookForNews(attempt, ordered, now_ms);
  return notes;
}

void Detectors::Observe(const LoginEvent& event, Lane arrived, uint8_t notes, bool human_passed,
                        bool identity_passed, int64_t now_ms) {
  const Lane lane = LaneOf(arrived, (notes & kProved) != 0);
  const Attempt& attempt = event.attempt;
  const Outcome outcome = event.aftermath.outcome;
  const Clue clue = ClueOf(outcome);
  const uint64_t account = AccountOf(attempt, key_);
  const bool passed = human_passed || identity_passed;
  if (passed) passed_ms_ = now_ms;
  // Once an account and quarter of an hour: nobody hides a list of names behind an account of his own.
  const bool is_first_success =
      clue == Clue::kSuccess && contacts_.IsFirst(PairOf(1, account, kSuccessOfAll), now_ms, 1);
  if (account != 0) {
    if ((notes & kReserved) == 0) guard_.Reserve(account, now_ms);
    const bool is_owner = identity_passed || (!IsStranger(lane) && (notes & (kAtDevice | kProved)) != 0);
    const bool counts = outcome == Outcome::kBadPassword || outcome == Outcome::kUnknown;
    const uint16_t place = identity_passed || (counts && !is_owner)
                               ? AccountGuard::PlaceOf(PlaceOf(attempt, key_))
                               : AccountGuard::kNoPlace;
    if (identity_passed) guard_.NoteProof(account, place);
    guard_.Settle(account, outcome, is_owner ? AccountGuard::kNoPlace : place, now_ms);
  }
  // Failures once: nobody makes an outage with an account of his own.
  if (!IsStranger(lane) &&
      (clue == Clue::kSuccess ||
       (Failed(clue) && contacts_.IsFirst(PairOf(1, account, kFailureAtHome), now_ms, 1)))) {
    outage_.Feed(Failed(clue), now_ms);
    const bool on = outage_.IsOn(now_ms);
    if (on && !outage_said_)
      Tell(DetectorNews::Kind::kOutage, now_ms,
           "customers at home on their accounts fail far more than usual: an outage, and not an attack; "
           "nothing is "
           "learnt from failures, and detectors deny nobody until it is over");
    outage_said_ = on;
  }
  if (clue == Clue::kNothing) return;
  if (clue == Clue::kSuccess && (!IsStranger(lane) || identity_passed))
    sources_.NoteAtHome(attempt, account, now_ms);
  if (Failed(clue) && outage_.IsOn(now_ms)) return;
  // What customers have in common is as well known from some of those at home, for whom it is the dearest part.
  const bool is_sampled = !IsStranger(arrived) && campaigns_.knows_many();
  const bool is_counted = !is_sampled || account % kAtHomeSample == 0;
  const TupleTags tags = is_counted ? campaigns_.TagsOf(attempt) : TupleTags{};
  if (clue == Clue::kSuccess && is_counted &&
      contacts_.IsFirst(PairOf(1, account, kCleanOnShares), now_ms, ContactMemory::kDay))
    campaigns_.NoteClean(tags, is_sampled ? kAtHomeSample : 1, now_ms);

  // Who proved who he is speaks as somebody at home.
  const Lane as = identity_passed ? Lane::kFamiliar : lane;
  const float z = EvidenceOf(as, clue);
  const float taken_back = EvidenceOf(lane, Clue::kNotPassed);
  if ((notes & kSourceCharged) != 0) {
    sources_.Amend(attempt, z - taken_back, now_ms);
  } else {
    sources_.Note(attempt, account, clue, z, now_ms, &contacts_);
  }
  if (IsStranger(lane)) {
    if ((notes & kTupleCharged) != 0) {
      campaigns_.Amend(tags, z - taken_back, clue == Clue::kSuccess, now_ms);
    } else {
      campaigns_.Note(tags, account, clue, z, now_ms, &contacts_);
    }
  }
  if (is_first_success) pressure_.Feed(Pressure::Stream::kNames, false, now_ms);
  TellPressure(attempt, account, as, clue, passed, notes, now_ms);
  if (lane == Lane::kUnfamiliar && human_passed && !identity_passed &&
      contacts_.IsFirst(PairOf(1, account, kSolvedOnChart), now_ms, kHourTicks)) {
    pressure_.FeedSolved(Failed(clue), now_ms);
    const bool alarm = pressure_.solver_alarm(now_ms);
    if (alarm && !solver_said_)
      Tell(DetectorNews::Kind::kSolver, now_ms,
           AsksIdentity(Narrowed(settings_.challenges, attempt.can_ask))
               ? "strangers pass the human test and then fail as attackers do: it is being solved "
                 "for them; strangers are asked for their identity instead"
               : "strangers pass the human test and then fail as attackers do: it is being solved "
                 "for them, and nothing else can be asked here");
    solver_said_ = alarm;
  }
  if (clue == Clue::kSuccess && IsStranger(lane) && !identity_passed) {
    if (const Condemned* const campaign = takeovers_.NoteSuccess(event, tags, now_ms))
      TellOf(DetectorNews::Kind::kTakeover, now_ms,
             "the password of this account was right inside a campaign", event, *campaign);
  }
  tags_ = tags;
  if (Failed(clue)) LookForNews(attempt, false, now_ms);
}

void Detectors::ObserveBadCertificate(const Attempt& attempt, Lane lane, int64_t now_ms) noexcept {
  const uint64_t account = AccountOf(attempt, key_);
  if (IsOff(DetectorId::kSourceLadder)) return;
  sources_.Note(attempt, account, Clue::kBadCertificate, EvidenceOf(lane, Clue::kBadCertificate), now_ms,
                &contacts_);
}

void Detectors::TellPressure(const Attempt& attempt, uint64_t account, Lane lane, Clue clue, bool passed,
                             uint8_t notes, int64_t now_ms) noexcept {
  const Pressure::Stream stream = StreamOf((notes & kAtKnown) != 0);
  // He was stopped and passes now, perhaps with an attempt that came after the one that was stopped.
  const bool fed = (notes & kChartFed) != 0 ||
                   (passed && contacts_.Forget(PairOf(1, account, kStoppedOnChart), now_ms, kHourTicks));
  const bool slip = clue == Clue::kUnknownAccount;
  if (fed && (slip || !Failed(clue) || lane != Lane::kUnfamiliar)) pressure_.TakeBack(stream, now_ms);
  if (lane != Lane::kUnfamiliar || (notes & kExplainedThen) != 0 || (fed && Failed(clue) && !slip)) return;
  if (!contacts_.IsFirst(PairOf(1, account, Failed(clue) ? kFailureOnChart : kSuccessOnChart), now_ms,
                         kHourTicks) &&
      !fed)
    return;
  if (Failed(clue) && !fed &&
      !contacts_.IsNew(PairOf(PlaceOf(attempt, key_), account, kFailureFromPlace), now_ms, kAgainTicks))
    return;
  pressure_.Feed(slip ? Pressure::Stream::kNames : stream, Failed(clue), now_ms);
  if (Failed(clue)) failed_at_check_ms_ = now_ms;
}

}  // namespace stockade
