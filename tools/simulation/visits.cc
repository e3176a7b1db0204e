#include "tools/simulation/visits.h"

#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

constexpr int64_t kSecondMs = 1000;
constexpr uint16_t kTriesMax = 12;
constexpr uint16_t kStaleTries = 24 * 60 / 5;
constexpr int64_t kStaleGapMs = 5 * kMinuteMs;

// Wrong passwords that somebody keeps typing, by why.
enum class WrongPassword : uint64_t { kOther = 1, kStale, kManager };

}  // namespace

Visits::Visits(const WorldOptions& options, Population* population, OrderGateway* gateway,
               const Shocks* shocks, const ClientTable* clients)
    : options_(options), population_(*population), gateway_(*gateway), shocks_(*shocks), clients_(*clients) {}

uint32_t Visits::Open(const Visit& visit) {
  if (free_.empty()) {
    visits_.push_back(visit);
    return static_cast<uint32_t>(visits_.size() - 1);
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  visits_[number] = visit;
  return number;
}

uint32_t Visits::Begin(const PlannedLogin& login) {
  Visit visit;
  visit.chance = Chance::Of(options_.seed, Stream::kVisit, login.customer, login.number);
  visit.customer = login.customer;
  if (login.by_aggregator) {
    visit.kind = Kind::kAggregator;
    // Four machines of one data centre. One customer in fifty has changed his password and not told it.
    visit.origin = DataCentre(kDataCentres - 1, 0x100u + login.customer % 4);
    if (Chance::Mix(options_.seed + login.customer) % 50 == 0) visit.slip = Slip::kOldPassword;
    return Open(visit);
  }
  ChoosePlace(&visit, login.time_ms);
  ChooseSlip(&visit, login.time_ms);
  return Open(visit);
}

void Visits::ChoosePlace(Visit* visit, int64_t time_ms) const {
  const Customer& customer = population_[visit->customer];
  Chance& chance = visit->chance;
  const bool phone = customer.has_phone &&
                     (!customer.has_computer || chance.Happens(customer.prefers_phone ? 800'000 : 200'000));
  visit->slot = phone ? DeviceSlot::kPhone : DeviceSlot::kComputer;
  if (chance.Happens(options_.strange_ppm)) {
    visit->strange = true;
    visit->borrowed = !phone && chance.Happens(300'000);
    visit->origin = Abroad(&chance);
    return;
  }
  if (shocks_.Moved(visit->customer, time_ms)) {
    // Another carrier's network, by a friend's phone or a new line: an address he never had.
    visit->origin = chance.Happens(600'000) ? Mobile((customer.carrier + 1) % kCarriers,
                                                     static_cast<uint32_t>(chance.Below(kCarrierRegions)),
                                                     customer.mobile_v6, &chance)
                                            : DomesticHome(&chance);
    return;
  }
  const int64_t time_of_day = TimeOfDayMs(time_ms);
  const bool at_work = IsWeekday(TaipeiDay(time_ms)) && time_of_day > 8 * kHourMs + 30 * kMinuteMs &&
                       time_of_day < 18 * kHourMs;
  if (at_work && customer.office != kNobody && chance.Happens(phone ? 250'000 : 700'000)) {
    visit->origin = Office(customer.office);
    return;
  }
  if (chance.Happens(phone ? (at_work ? 700'000 : 400'000) : 30'000)) {
    const bool elsewhere = options_.carriers_drawn_anew || chance.Happens(150'000);
    const uint32_t region =
        elsewhere ? static_cast<uint32_t>(chance.Below(kCarrierRegions)) : customer.region;
    visit->origin = Mobile(customer.carrier, region, customer.mobile_v6, &chance);
    return;
  }
  visit->origin = customer.home_v6 && chance.Happens(900'000)
                      ? HomeV6(customer.home_provider, customer.home_line, &chance)
                      : HomeV4(customer.home_provider, customer.home_line);
}

void Visits::ChooseSlip(Visit* visit, int64_t time_ms) const {
  Chance& chance = visit->chance;
  const bool new_device = visit->borrowed || population_.DeviceIsFresh(visit->customer, visit->slot);
  const bool must_change = shocks_.ResetsBegun(time_ms) > population_[visit->customer].resets_obeyed;
  if (must_change && chance.Happens(333'333)) {
    visit->slip = Slip::kOldPassword;
  } else if (chance.Happens(new_device ? 60'000 : 20'000)) {
    visit->slip = Slip::kTypo;
  } else if (chance.Happens(15'000)) {
    visit->slip = Slip::kOtherAccount;
  } else if (chance.Happens(new_device ? 18'000 : 6'000)) {
    visit->slip = Slip::kWrongName;
    // One digit of eight is another one.
    uint32_t power = 1;
    for (uint64_t i = chance.Below(8); i > 0; --i) power *= 10;
    const uint32_t number = OrderGateway::NumberOf(visit->customer);
    const uint32_t digit = number / power % 10;
    const auto other = static_cast<uint32_t>((digit + 1 + chance.Below(9)) % 10);
    visit->typed_name = number - digit * power + other * power;
  } else if (chance.Happens(new_device ? 9'000 : 3'000)) {
    visit->slip = Slip::kForgotten;
  }
}

uint64_t Visits::PasswordTyped(Visit* visit, int64_t time_ms) const {
  const auto wrong = [this, visit](WrongPassword why, uint64_t number) {
    const uint64_t which = static_cast<uint64_t>(why) << 32 | number;
    return Chance::Of(options_.seed, Stream::kPassword, uint64_t{visit->customer} << 1 | uint64_t{1} << 40,
                      which)
               .Next() |
           uint64_t{1} << 63;
  };
  const uint64_t right = gateway_.PasswordOf(visit->customer);
  if (visit->kind == Kind::kStaleClient) return wrong(WrongPassword::kStale, 0);
  if (visit->kind == Kind::kLogin && shocks_.WrongFilled(visit->customer, time_ms))
    return wrong(WrongPassword::kManager, 0);
  switch (visit->slip) {
    case Slip::kNone:
    case Slip::kWrongName:
      return right;
    case Slip::kTypo:
      return visit->chance.Next() | uint64_t{1} << 63;
    case Slip::kOtherAccount:
      return wrong(WrongPassword::kOther, visit->chance.Below(3));
    case Slip::kForgotten:
      return visit->chance.Happens(240'000) ? right : wrong(WrongPassword::kOther, visit->chance.Below(8));
    case Slip::kOldPassword: {
      const uint64_t first = gateway_.FirstPasswordOf(visit->customer);
      return first != right ? first : wrong(WrongPassword::kStale, 1);
    }
  }
  return right;
}

void Visits::Write(uint32_t number, int64_t time_ms, Draft* draft) {
  Visit& visit = visits_[number];
  Chance& chance = visit.chance;
  if (visit.calls_help_desk) {
    visit.calls_help_desk = false;
    gateway_.Unlock(visit.customer);
    if (visit.slip == Slip::kForgotten) gateway_.ChangePassword(visit.customer);
    visit.slip = Slip::kNone;
  }
  const Customer& customer = population_[visit.customer];
  draft->time_ms = time_ms;
  draft->origin = visit.origin;
  draft->password = PasswordTyped(&visit, time_ms);
  Truth& truth = draft->truth = Truth();
  truth.who = visit.kind == Kind::kAggregator    ? Who::kAggregator
              : visit.kind == Kind::kStaleClient ? Who::kStaleClient
                                                 : Who::kCustomer;
  truth.customer = visit.customer;
  truth.history = customer.history;
  truth.target = visit.customer;
  draft->account = OrderGateway::NameOf(visit.customer);
  if (visit.slip == Slip::kWrongName) {
    truth.target = gateway_.Find(visit.typed_name);
    for (uint32_t i = 8, left = visit.typed_name; i-- > 0; left /= 10)
      draft->account[i] = static_cast<char>('0' + left % 10);
  }
  if (visit.kind == Kind::kAggregator) {
    draft->print = clients_.Aggregator();
    draft->device = 0;
    draft->certificate = CertificateStatus::kMissing;
    draft->challenge = {ChallengeResult::kFailed, ChallengeResult::kFailed};
    return;
  }
  draft->print = population_.PrintOf(visit.customer, visit.slot, time_ms);
  draft->device = population_.DeviceIdOf(visit.customer, visit.slot);
  draft->certificate = population_.CertificateOf(visit.customer, visit.slot, time_ms);
  if (visit.borrowed) {
    draft->print = clients_.Customer(ClientKind::kComputer, visit.customer + 77u, 0, AppRelease::kOld);
    draft->device = 0;
    draft->certificate = CertificateStatus::kMissing;
  }
  if (visit.kind == Kind::kStaleClient) {
    draft->challenge = {ChallengeResult::kFailed, ChallengeResult::kFailed};
    return;
  }
  draft->challenge.human = chance.Happens(970'000) ? ChallengeResult::kPassed : ChallengeResult::kFailed;
  draft->challenge.identity =
      chance.Happens(visit.strange ? 850'000 : 950'000) ? ChallengeResult::kPassed : ChallengeResult::kFailed;
}

int64_t Visits::AfterStop(Visit* visit, int64_t time_ms, VerdictKind kind) const {
  ++visit->stops;
  Chance& chance = visit->chance;
  switch (kind) {
    case VerdictKind::kThrottle:
      return visit->stops > 5 ? 0 : time_ms + chance.Between(12 * kSecondMs, 30 * kSecondMs);
    case VerdictKind::kChallenge:
      return visit->stops > 3 ? 0 : time_ms + chance.Between(20 * kSecondMs, kMinuteMs);
    default:
      if (visit->stops > 3) return 0;
      // At once, after a coffee, after lunch.
      return time_ms + (visit->stops == 1   ? chance.Between(20 * kSecondMs, kMinuteMs)
                        : visit->stops == 2 ? chance.Between(4 * kMinuteMs, 8 * kMinuteMs)
                                            : chance.Between(kHourMs, 2 * kHourMs));
  }
}

int64_t Visits::AfterFailure(Visit* visit, int64_t time_ms, Outcome outcome) const {
  Chance& chance = visit->chance;
  const int64_t soon = time_ms + chance.Between(3 * kSecondMs, 11 * kSecondMs);
  if (outcome == Outcome::kAccountLocked) {
    if (++visit->returns > 3) return 0;
    visit->calls_help_desk = chance.Happens(500'000);
    if (!visit->calls_help_desk)
      return time_ms + options_.lock_ms + chance.Between(kMinuteMs, 30 * kMinuteMs);
    return time_ms + chance.Between(10 * kMinuteMs, 40 * kMinuteMs);
  }
  if (++visit->tries >= kTriesMax && visit->slip != Slip::kForgotten) return 0;
  switch (visit->slip) {
    case Slip::kTypo:
      if (!chance.Happens(666'667)) visit->slip = Slip::kNone;
      return soon;
    case Slip::kOtherAccount:
      if (!chance.Happens(333'333)) visit->slip = Slip::kNone;
      return soon;
    case Slip::kWrongName:
      if (!chance.Happens(200'000)) visit->slip = Slip::kNone;
      return soon;
    case Slip::kOldPassword:
      if (!chance.Happens(400'000)) visit->slip = Slip::kNone;
      return soon;
    case Slip::kForgotten:
      if (visit->tries < 9) return soon;
      visit->calls_help_desk = true;  // or the page for that; he gets a new password
      return time_ms + chance.Between(3 * kMinuteMs, 15 * kMinuteMs);
    case Slip::kNone:
      break;
  }
  // The right password, as far as he knows, and yet it fails. He tries some times, goes away and comes back.
  if (visit->tries % 4 != 0) return time_ms + chance.Between(5 * kSecondMs, 40 * kSecondMs);
  return ++visit->returns > 3 ? 0 : time_ms + chance.Between(10 * kMinuteMs, 20 * kMinuteMs);
}

void Visits::Tell(uint32_t number, int64_t time_ms, const Verdict& verdict, const Settled& settled,
                  Agenda* agenda) {
  Visit& visit = visits_[number];
  int64_t next_ms = 0;
  if (visit.kind == Kind::kStaleClient) {
    // A program: whatever the answer, in five minutes again.
    if (++visit.tries < kStaleTries && settled.outcome != Outcome::kSuccess) next_ms = time_ms + kStaleGapMs;
  } else if (visit.kind == Kind::kAggregator) {
    if (settled.outcome == Outcome::kSuccess) population_.NoteAggregatorSuccess(visit.customer);
  } else if (settled.outcome == Outcome::kSuccess) {
    population_.NoteSuccess(visit.customer, visit.slot, time_ms);
    if (visit.chance.Happens(200)) {
      Visit stale = visit;
      stale.kind = Kind::kStaleClient;
      stale.slip = Slip::kNone;
      stale.tries = 0;
      agenda->Add(time_ms + kStaleGapMs, Agenda::What::kVisit,
                  Open(stale));  // `visit` is dangling from here on
    }
  } else if (!settled.forwarded) {
    next_ms = AfterStop(&visit, time_ms, verdict.kind);
  } else {
    visit.stops = 0;
    next_ms = AfterFailure(&visit, time_ms, settled.outcome);
  }
  if (next_ms != 0) {
    agenda->Add(next_ms, Agenda::What::kVisit, number);
  } else {
    free_.push_back(number);
  }
}

}  // namespace stockade
