#include "tools/simulation/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/status.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

// Eight bytes, the lowest first, whatever the machine's order is.
std::array<unsigned char, 8> BytesOf(uint64_t number) {
  std::array<unsigned char, 8> bytes;
  for (unsigned char& byte : bytes) {
    byte = static_cast<unsigned char>(number);
    number >>= 8;
  }
  return bytes;
}

void WriteHex(uint64_t number, char* out) {
  for (int i = 15; i >= 0; --i, number >>= 4) out[i] = "0123456789abcdef"[number & 15];
}

}  // namespace

absl::StatusOr<std::unique_ptr<World>> World::Create(WorldOptions options) {
  RETURN_IF_ERROR(Complete(&options));
  return std::unique_ptr<World>(new World(std::move(options)));
}

World::World(WorldOptions options)
    : options_(std::move(options)),
      shocks_(options_),
      population_(options_, &shocks_, &clients_),
      // Behind the customers' accounts those that attackers opened for themselves.
      gateway_(options_.seed,
               options_.customers + Campaign::kOwnAccounts * static_cast<uint32_t>(options_.attacks.size()),
               {options_.lock_limit, options_.lock_ms}),
      visits_(options_, &population_, &gateway_, &shocks_, &clients_),
      end_ms_(options_.start_ms + int64_t{options_.days} * kDayMs),
      day_(TaipeiDay(options_.start_ms)) {
  Chance chance = Chance::Of(options_.seed, Stream::kPassword, ~uint64_t{0});
  password_key_ = {chance.Next(), chance.Next()};
  campaigns_.reserve(options_.attacks.size());
  for (const AttackOptions& attack : options_.attacks) {
    const auto index = static_cast<uint32_t>(campaigns_.size());
    campaigns_.emplace_back(options_, attack, index + 1, options_.customers + index * Campaign::kOwnAccounts,
                            &population_, &gateway_, &clients_);
    agenda_.Add(campaigns_.back().next_ms(), Agenda::What::kCampaign, index);
  }
}

void World::BeginDay() {
  population_.BeginDay(day_++, &planned_);
  planned_next_ = 0;
}

bool World::HasPlanned() {
  while (planned_next_ == planned_.size()) {
    if (TaipeiMidnight(day_) >= end_ms_) return false;
    // What is due before the next midnight comes first; a day begins only when its time has come, so that it sees what
    // happened before.
    if (!agenda_.empty() && agenda_.next().time_ms < TaipeiMidnight(day_)) return false;
    BeginDay();
  }
  return true;
}

const SimulatedAttempt* World::Next() {
  int64_t time_ms = 0;
  const bool has_planned = HasPlanned();
  if (has_planned && (agenda_.empty() || planned_[planned_next_].time_ms <= agenda_.next().time_ms)) {
    const PlannedLogin& login = planned_[planned_next_++];
    time_ms = login.time_ms;
    what_ = Agenda::What::kVisit;
    which_ = visits_.Begin(login);
  } else if (!agenda_.empty()) {
    const Agenda::Due due = agenda_.Take();
    time_ms = due.time_ms;
    what_ = due.what;
    which_ = due.which;
  } else {
    return nullptr;
  }
  if (time_ms >= end_ms_) return nullptr;
  if (const int resets = shocks_.ResetsBegun(time_ms); resets > resets_done_) {
    resets_done_ = resets;
    for (uint32_t i = 0; i < options_.customers; ++i) gateway_.ChangePassword(i);
  }
  FindPeriod(time_ms);
  if (what_ == Agenda::What::kVisit) {
    visits_.Write(which_, time_ms, &draft_);
  } else {
    campaigns_[which_].Write(&draft_);
  }
  WriteDown(draft_);
  return &current_;
}

void World::FindPeriod(int64_t time_ms) {
  const bool on = std::any_of(campaigns_.begin(), campaigns_.end(),
                              [](const Campaign& campaign) { return campaign.begun() && !campaign.done(); });
  if (on || what_ == Agenda::What::kCampaign) {
    period_ = Period::kDuring;
    attack_ended_ms_ = time_ms;
  } else {
    period_ = attack_ended_ms_ >= 0 && time_ms < attack_ended_ms_ + kDayMs ? Period::kAfter : Period::kQuiet;
  }
}

void World::WriteDown(const Draft& draft) {
  ++current_.number;
  current_.truth = draft.truth;
  current_.truth.right =
      draft.truth.target != kNobody && draft.password == gateway_.PasswordOf(draft.truth.target);
  current_.challenge = draft.challenge;
  Attempt& attempt = current_.attempt = Attempt();
  attempt.time_ns = draft.time_ms * 1'000'000;
  attempt.source = draft.origin.address;
  attempt.account = draft.account;
  attempt.user_agent = draft.print.user_agent;
  attempt.path = "/login";
  attempt.channel = draft.print.channel;
  const LeftOut& left_out = options_.left_out;
  if (!left_out.ja4) attempt.ja4 = draft.print.ja4;
  if (!left_out.header_order) attempt.header_order = draft.print.header_order;
  if (!left_out.network) {
    attempt.asn = draft.origin.asn;
    attempt.country = draft.origin.country;
  }
  if (!left_out.password_id) {
    const std::array<unsigned char, 8> bytes = BytesOf(draft.password);
    attempt.password_id = HexOf(SipHash128(password_key_, bytes.data(), bytes.size()), &password_text_);
  }
  if (!left_out.device && draft.device != 0) {
    WriteHex(draft.device, device_text_);
    attempt.device = std::string_view(device_text_, sizeof(device_text_));
  }
  if (options_.certificates_ppm > 0) {
    attempt.certificate = draft.certificate;
    attempt.certificate_present = true;
  }
}

Settled World::Settle(const Verdict& verdict) {
  Settled settled;
  if (ReachesPasswordCheck(verdict, current_.challenge)) {
    const Truth& truth = current_.truth;
    const bool owner = truth.who != Who::kAttack ? truth.target == truth.customer : truth.cover;
    settled = shocks_.BackEndOut(draft_.time_ms)
                  ? OrderGateway::FailAll()
                  : gateway_.Check({draft_.time_ms, truth.target, draft_.password, owner});
  } else if (verdict.for_certificate) {
    settled.outcome = Outcome::kBadCertificate;
  }
  if (what_ == Agenda::What::kVisit) {
    visits_.Tell(which_, draft_.time_ms, verdict, settled, &agenda_);
  } else {
    Campaign& campaign = campaigns_[which_];
    campaign.Tell(verdict, settled);
    if (!campaign.done()) agenda_.Add(campaign.next_ms(), Agenda::What::kCampaign, which_);
  }
  return settled;
}

int World::permille_done() const noexcept {
  const int64_t elapsed_ms = draft_.time_ms - options_.start_ms;
  return static_cast<int>(std::clamp<int64_t>(elapsed_ms * 1000 / (end_ms_ - options_.start_ms), 0, 1000));
}

}  // namespace stockade
