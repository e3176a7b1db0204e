#include "tools/simulation/campaign.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/status.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

enum class From : uint8_t {
  kOneAddress,
  kNet24,
  kNet48,
  kForeignHomes,
  kDomesticHomes,
  kScatteredHosts,
  kVictimsProvider,
  kSteps
};
enum class Looks : uint8_t { kTool, kRotating, kCustomers, kHalfCustomers, kVictims, kSteps };
enum class Names : uint8_t { kList, kEverybody, kVictims, kOneVictim };

struct ClassRow {
  AttackClass kind;
  From from;
  Looks looks;
  AttackTool tool;
  Names names;
};
constexpr std::array<ClassRow, 18> kClasses = {{
    {AttackClass::kBurst, From::kOneAddress, Looks::kTool, AttackTool::kScript, Names::kList},
    {AttackClass::kNet, From::kNet24, Looks::kTool, AttackTool::kGo, Names::kList},
    {AttackClass::kNet6, From::kNet48, Looks::kTool, AttackTool::kGo, Names::kList},
    {AttackClass::kResidential, From::kForeignHomes, Looks::kTool, AttackTool::kOldEdge, Names::kList},
    {AttackClass::kRotating, From::kForeignHomes, Looks::kRotating, AttackTool::kChecker, Names::kList},
    {AttackClass::kMimic, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kSlow, From::kScatteredHosts, Looks::kHalfCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kSpray, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kEverybody},
    {AttackClass::kLockout, From::kForeignHomes, Looks::kTool, AttackTool::kChecker, Names::kVictims},
    {AttackClass::kEnumeration, From::kScatteredHosts, Looks::kTool, AttackTool::kScript, Names::kList},
    {AttackClass::kCombo, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kTargeted, From::kVictimsProvider, Looks::kVictims, AttackTool::kChecker,
     Names::kOneVictim},
    {AttackClass::kFeedback, From::kSteps, Looks::kSteps, AttackTool::kScript, Names::kList},
    {AttackClass::kSolver, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kCarrier, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kCover, From::kForeignHomes, Looks::kTool, AttackTool::kOldEdge, Names::kList},
    {AttackClass::kRamp, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
    {AttackClass::kRush, From::kDomesticHomes, Looks::kCustomers, AttackTool::kChecker, Names::kList},
}};

constexpr const ClassRow& RowOf(AttackClass kind) noexcept {
  return kClasses[static_cast<size_t>(kind)];
}

// Names that a leaked list of other services holds.
void WriteStranger(Chance* chance, const OrderGateway& gateway, std::string* account) {
  if (chance->Happens(300'000)) {
    constexpr std::array<std::string_view, 12> kNames = {"chen",   "lin",   "huang", "wang", "lee",  "wu",
                                                         "yating", "jason", "kevin", "mei",  "tsai", "peggy"};
    constexpr std::array<std::string_view, 4> kHosts = {"@gmail.com", "@yahoo.com.tw", "@hotmail.com",
                                                        "@example.org"};
    account->assign(kNames[chance->Below(kNames.size())]);
    account->append(kNames[chance->Below(kNames.size())]);
    account->append(std::to_string(chance->Below(10'000)));
    account->append(kHosts[chance->Below(kHosts.size())]);
    return;
  }
  uint32_t number = 0;
  do {
    number = static_cast<uint32_t>(chance->Below(100'000'000));
  } while (gateway.Find(number) != kNobody);
  account->assign(8, '0');
  for (size_t i = 8; i-- > 0; number /= 10) (*account)[i] = static_cast<char>('0' + number % 10);
}

constexpr uint64_t kLockoutVictims = 400;
constexpr uint64_t kSprayPasswords = 3;
constexpr uint32_t kStopsToStep = 3;
constexpr int64_t kPauseMs = 10 * kMinuteMs;

}  // namespace

Campaign::Campaign(const WorldOptions& world, const AttackOptions& options, uint32_t number,
                   uint32_t own_accounts, const Population* population, const OrderGateway* gateway,
                   const ClientTable* clients)
    : options_(options),
      number_(number),
      own_accounts_(own_accounts),
      seed_(world.seed),
      customers_(population->size()),
      population_(*population),
      gateway_(*gateway),
      clients_(*clients),
      chance_(Chance::Of(world.seed, Stream::kCampaign, number)) {
  STOCKADE_CHECK(RowOf(options.kind).kind == options.kind);
  // i · factor + shift mod n goes through all customers once, where the factor and n have no divisor in common.
  order_factor_ = 1 + chance_.Below(customers_ - 1);
  while (std::gcd(order_factor_, uint64_t{customers_}) != 1) order_factor_ = order_factor_ % customers_ + 1;
  order_shift_ = chance_.Below(customers_);
  centre_ = static_cast<uint32_t>(chance_.Below(kDataCentres - 1));
  first_host_ = static_cast<uint32_t>(chance_.Below(0x7ff)) << 8;
  victim_ = InOrder(chance_.Below(customers_));
  begin_ms_ = world.start_ms + options.at_ms;
  next_us_ = begin_ms_ * 1000;
}

uint32_t Campaign::InOrder(uint64_t place) const noexcept {
  return static_cast<uint32_t>((place % customers_ * order_factor_ + order_shift_) % customers_);
}

Origin Campaign::ScatteredHost() {
  const auto host = static_cast<uint32_t>(chance_.Below(0x7ffff));
  return DataCentre(static_cast<uint32_t>(chance_.Below(kDataCentres - 1)), host);
}

Origin Campaign::FreshOrigin() {
  if (chance_.Happens(options_.carrier_ppm)) {
    const bool v6 = chance_.Happens(450'000);
    const auto region = static_cast<uint32_t>(chance_.Below(kCarrierRegions));
    const uint32_t carrier = DrawCarrier(&chance_);
    return Mobile(carrier, region, v6, &chance_);
  }
  const auto host_in_net = [this] { return first_host_ + 1 + static_cast<uint32_t>(chance_.Below(254)); };
  switch (RowOf(options_.kind).from) {
    case From::kOneAddress:
      return DataCentre(centre_, first_host_ + 7);
    case From::kNet24:
      return DataCentre(centre_, host_in_net());
    case From::kNet48:
      return DataCentreV6(centre_, first_host_ >> 8, &chance_);
    case From::kForeignHomes:
      return ForeignHome(&chance_);
    case From::kDomesticHomes:
      return DomesticHome(&chance_);
    case From::kScatteredHosts:
      // Small rented machines and hacked routers.
      if (chance_.Happens(500'000)) return ForeignHome(&chance_);
      return ScatteredHost();
    case From::kVictimsProvider:
      return HomeV4(population_[victim_].home_provider, static_cast<uint32_t>(chance_.Below(kHomeAddresses)));
    case From::kSteps:
      break;
  }
  switch (step_) {
    case Step::kAddress:
      return DataCentre(centre_, host_in_net());
    case Step::kNet:
      return DataCentre(static_cast<uint32_t>(chance_.Below(kDataCentres - 1)), host_in_net());
    case Step::kForeignHomes:
      return ForeignHome(&chance_);
    default:
      return DomesticHome(&chance_);
  }
}

void Campaign::ChooseOrigin(Draft* draft) {
  if (tries_left_ == 0) {
    tries_left_ = options_.tries_per_address;
    if (options_.addresses == 0) {
      origin_ = FreshOrigin();
    } else {
      // Those it has are drawn as they are first needed, each then as often as the others.
      if (pool_.size() < options_.addresses) {
        pool_.push_back(FreshOrigin());
        origin_ = pool_.back();
      } else {
        origin_ = pool_[chance_.Below(pool_.size())];
      }
    }
    // A borrowed print goes with the address: a machine has one browser.
    const uint64_t pick = chance_.Next();
    const uint32_t version = static_cast<uint32_t>(chance_.Below(2));
    const ClientKind kind = chance_.Happens(500'000)   ? ClientKind::kComputer
                            : chance_.Happens(700'000) ? ClientKind::kApp
                                                       : ClientKind::kPhoneBrowser;
    mimicked_ = clients_.Customer(kind, pick, kind == ClientKind::kApp ? 0 : version, AppRelease::kOld);
  }
  --tries_left_;
  draft->origin = origin_;
}

void Campaign::ChoosePrint(Draft* draft) {
  const ClassRow& row = RowOf(options_.kind);
  switch (row.looks) {
    case Looks::kTool:
      draft->print = clients_.Tool(row.tool);
      return;
    case Looks::kRotating:
      draft->print = clients_.Rotated(row.tool, &chance_);
      return;
    case Looks::kCustomers:
      draft->print = mimicked_;
      return;
    case Looks::kHalfCustomers:
      // By the address, so that a machine looks the same whenever it comes back.
      draft->print =
          Chance::Mix(seed_ + origin_.address.low() + origin_.address.high()) % 2 == 0
              ? clients_.Tool(row.tool)
              : clients_.Customer(ClientKind::kComputer, origin_.address.low(), 0, AppRelease::kOld);
      return;
    case Looks::kVictims:
      draft->print = population_.PrintOf(victim_, DeviceSlot::kComputer, next_ms());
      return;
    case Looks::kSteps:
      draft->print = step_ == Step::kDomesticHomes  ? mimicked_
                     : step_ == Step::kForeignHomes ? clients_.Rotated(AttackTool::kChecker, &chance_)
                                                    : clients_.Tool(row.tool);
      return;
  }
}

void Campaign::ChooseKnown(Draft* draft, uint32_t customer) {
  draft->account = OrderGateway::NameOf(customer);
  draft->truth.target = customer;
}

void Campaign::ChooseOwn(Draft* draft) {
  const auto own = own_accounts_ + static_cast<uint32_t>(chance_.Below(kOwnAccounts));
  ChooseKnown(draft, own);
  draft->password = gateway_.PasswordOf(own);
  draft->truth.cover = true;
  draft->challenge = {ChallengeResult::kPassed, ChallengeResult::kPassed};
}

void Campaign::ChooseAccount(Draft* draft) {
  const Names names = RowOf(options_.kind).names;
  draft->password = chance_.Next() | uint64_t{1} << 63;  // wrong, and of nobody else
  switch (names) {
    case Names::kOneVictim:
      ChooseKnown(draft, victim_);
      return;
    case Names::kVictims:
      // Round and round, so that each victim's tries lie apart.
      ChooseKnown(draft, InOrder(made_ % std::min<uint64_t>(kLockoutVictims, customers_)));
      return;
    case Names::kEverybody:
      // All accounts with the first password, then all with the next.
      draft->password = OrderGateway::Popular(made_ * kSprayPasswords / options_.attempts);
      break;
    case Names::kList:
      break;
  }
  if (!chance_.Happens(options_.known_ppm)) {
    WriteStranger(&chance_, gateway_, &draft->account);
    return;
  }
  // A spray comes back to the accounts of its first round; a list has each name once, as long as there are any.
  const uint64_t round = std::max<uint64_t>(1, (options_.attempts + kSprayPasswords - 1) / kSprayPasswords);
  const uint32_t customer = InOrder(names == Names::kEverybody ? made_ % round : listed_++);
  ChooseKnown(draft, customer);
  if (names == Names::kList && chance_.Happens(options_.valid_ppm))
    draft->password = gateway_.FirstPasswordOf(customer);
}

void Campaign::Write(Draft* draft) {
  draft->time_ms = next_ms();
  draft->truth = Truth();
  draft->truth.who = Who::kAttack;
  draft->truth.campaign = number_;
  draft->truth.attack = options_.kind;
  draft->device = 0;
  draft->certificate = CertificateStatus::kMissing;
  draft->challenge.human =
      chance_.Happens(options_.solve_ppm) ? ChallengeResult::kPassed : ChallengeResult::kFailed;
  draft->challenge.identity = ChallengeResult::kFailed;
  ChooseOrigin(draft);
  ChoosePrint(draft);
  // Some show a certificate: one they made themselves, or a good one of another account.
  const uint64_t shown = chance_.Below(100);
  if (shown < 4) draft->certificate = CertificateStatus::kUntrusted;
  if (shown == 4) draft->certificate = CertificateStatus::kMismatch;
  if (chance_.Happens(options_.cover_ppm)) {
    ChooseOwn(draft);
  } else {
    ChooseAccount(draft);
  }
  ++made_;
  PlanNext();
}

void Campaign::PlanNext() {
  // In microseconds, so that the highest rates, some a millisecond, are what they say.
  int64_t gap_us = chance_.Wait(kHourMs * 1000 / options_.attempts_per_hour);
  const int64_t elapsed_ms = next_ms() - begin_ms_;
  if (elapsed_ms < options_.ramp_ms) {
    // The rate is elapsed / ramp of the full one, and never below a fiftieth.
    const int64_t reached_ms = std::max({elapsed_ms, options_.ramp_ms / 50, int64_t{1}});
    gap_us = static_cast<int64_t>(static_cast<__int128>(gap_us) * options_.ramp_ms / reached_ms);
  }
  next_us_ += gap_us;
}

void Campaign::Tell(const Verdict& verdict, const Settled& settled) {
  if (!options_.feedback) return;
  if (settled.forwarded) {
    stopped_in_row_ = 0;
    return;
  }
  // Only slowed down: the address is still good for something.
  if (verdict.kind == VerdictKind::kThrottle) return;
  tries_left_ = 0;
  if (++stopped_in_row_ < kStopsToStep) return;
  stopped_in_row_ = 0;
  if (step_ != Step::kDomesticHomes) {
    step_ = static_cast<Step>(static_cast<int>(step_) + 1);
  } else {
    next_us_ += kPauseMs * 1000;
  }
}

}  // namespace stockade
