#include "engine/detect/lanes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <optional>

namespace stockade {
namespace {

// e^x of every bound of Φ and λ, written out: a lane is decided by comparing products, and no library's exp
// or log may round it another way on another machine.
constexpr double kExpMinus2 = 0.1353352832366127;
constexpr double kExpMinus1 = 0.36787944117144233;
constexpr double kExp1 = 2.718281828459045;
constexpr double kExp2p5 = 12.182493960703473;
constexpr double kExp3p5 = 33.11545195869231;
constexpr double kExp5 = 148.4131591025766;
constexpr double kExp6 = 403.4287934927351;
constexpr double kExp6p5 = 665.1416330443619;
constexpr double kStepUpPhi = 4;
constexpr double kPrior = 200;  // V: what a token nobody has had is worth
// Certificates live a year (detectors.md); who has not shown one since has perhaps none any more.
constexpr int kOwnerQuarters = 4 * 400;

uint32_t TokenOf(const Hash128& hash) noexcept {
  const auto token = static_cast<uint32_t>(hash.low);
  return token == 0 ? 1 : token;
}

// A user agent without its numbers: what is left is the same before and after an update. Returns the size
// written. The loop does not branch on the text, which would be mispredicted at every other digit.
constexpr size_t kAgentBytesMax = 512;
size_t WriteFamily(std::string_view user_agent, char* out) noexcept {
  size_t size = 0;
  bool skipped = false;
  for (const char c : user_agent.substr(0, kAgentBytesMax)) {
    const bool digit = static_cast<unsigned char>(c - '0') < 10;
    const bool joins = (c == '.') | (c == '_');
    skipped = digit | (skipped & joins);
    out[size] = c;
    size += skipped ? 0 : 1;
  }
  return size;
}

// The counters that begin so many bytes into the memory. Throws where there was none to be had.
std::span<uint32_t> SharesIn(const LazyMemory& memory, size_t offset) {
  if (memory.data() == nullptr) throw std::bad_alloc();
  return {reinterpret_cast<uint32_t*>(static_cast<char*>(memory.data()) + offset),
          Lanes::kShareRows * Lanes::kShareColumns};
}

}  // namespace

void Lanes::AddShare(uint32_t token, TokenShares* shares) noexcept {
  if (token == 0) return;
  shares->Add(token);
  if (shares->total() >= kShareTotalMax) shares->Halve();
}

size_t Lanes::SlotOf(const Attempt* attempt) noexcept {
  static_assert(sizeof(Attempt) >= 64);
  return reinterpret_cast<uintptr_t>(attempt) / 64 % kIdentifiedSlots;
}

Lanes::Lanes(size_t bytes_max, const HashKey& key)
    : key_(key),
      network_hash_(key, "networks"),
      step_ups_(std::make_unique<std::array<StepUp, kStepUps>>()),
      records_(std::max(bytes_max, kBytesMin) - 2 * kSharesBytes - kStepUps * sizeof(StepUp)),
      sketches_(2 * kSharesBytes),
      network_shares_(SharesIn(sketches_, 0)),
      device_shares_(SharesIn(sketches_, kSharesBytes)) {}

size_t Lanes::bytes() const noexcept {
  return records_.bytes() + 2 * kSharesBytes + kStepUps * sizeof(StepUp);
}

Lanes::Tokens Lanes::TokensOf(const Attempt& attempt, const Hash128* fingerprint) const noexcept {
  Tokens tokens;
  const Address& source = attempt.source;
  if (source.present()) {
    tokens.network = TokenOf(source.is_v4() ? network_hash_(source.v4() >> 8, 0, 4)
                                            : network_hash_(source.high() >> 16, 0, 6));
  }
  if (!attempt.device.empty()) {
    // Keys apart, so that a cookie cannot be made to look like a print.
    tokens.device = TokenOf(SipHash128({key_.k0 ^ 0x636f6f6b69650000, key_.k1}, attempt.device));
    tokens.is_cookie = true;
  } else if (!attempt.ja4.empty() || !attempt.user_agent.empty()) {
    tokens.device = PrintToken(attempt, fingerprint);
  }
  return tokens;
}

uint32_t Lanes::PrintToken(const Attempt& attempt, const Hash128* fingerprint) const noexcept {
  const auto compute = [&] { return ComputePrintToken(attempt.ja4, attempt.user_agent); };
  if (fingerprint == nullptr) return prints_.Of(attempt.ja4, attempt.user_agent, compute);
  Print& print = prints_by_hash_[fingerprint->low % kPrints];
  if (print.token == 0 || print.fingerprint != *fingerprint) print = {*fingerprint, compute()};
  return print.token;
}

uint32_t Lanes::ComputePrintToken(std::string_view ja4, std::string_view user_agent) const noexcept {
  const HashKey print_key{key_.k0 ^ 0x7072696e74000000, key_.k1};
  char family[kAgentBytesMax];
  const size_t size = WriteFamily(user_agent, family);
  const HashPair both = SipHash128Two({print_key, ja4.data(), ja4.size()}, {print_key, family, size});
  return TokenOf(Combine(both.first, both.second));
}

Lanes::Identity Lanes::IdentityOf(const Attempt& attempt) const noexcept {
  const Identified& known = identified_[SlotOf(&attempt)];
  const bool same = known.attempt == &attempt && known.time_ns == attempt.time_ns &&
                    known.account == attempt.account.data();
  return same ? known.identity : Identify(attempt, SipHash128(key_, attempt.account), nullptr);
}

Lanes::Identity Lanes::Identify(const Attempt& attempt, const Hash128& account_hash,
                                const Hash128* fingerprint) const noexcept {
  const uint64_t tag = account_hash.low == 0 ? 1 : account_hash.low;
  records_.Prefetch(tag);  // on its way while the tokens are hashed
  return {tag, TokensOf(attempt, fingerprint), {}};
}

Lanes::Odds Lanes::OddsOf(const Identity& identity, int64_t time_ns) const noexcept {
  const DayQuarter now = DayQuarterOf(time_ns);
  const AccountRecord* const found = records_.Find(identity.tag, identity.hint);
  Odds odds{kExpMinus2, 1, false, found != nullptr};
  if (found == nullptr) return odds;
  AccountRecord record = *found;
  Settle(&record, now);
  const double n = SuccessesOf(record, now);
  if (n <= 0) return odds;
  const auto ratio = [&](const auto& seen, uint32_t token, const TokenShares& shares, double ratio_max) {
    for (const SeenToken& one : seen) {
      if (one.token != token || one.on_probation()) continue;
      const double c = Decayed(one.count, QuartersSince(one.quarter, now));
      if (c <= 0) break;
      const double p =
          (static_cast<double>(shares.Count(token)) + 1) / (static_cast<double>(shares.total()) + kPrior);
      return std::clamp((c + p) / (n + 1) / p, kExpMinus1, ratio_max);
    }
    return kExpMinus1;
  };
  odds.has_history = true;
  odds.network = identity.tokens.network == 0
                     ? kExpMinus1
                     : ratio(record.networks, identity.tokens.network, network_shares_, kExp6);
  if (identity.tokens.device != 0)
    odds.device = ratio(record.devices, identity.tokens.device, device_shares_,
                        identity.tokens.is_cookie ? kExp6p5 : kExp5);
  return odds;
}

void Lanes::Prefetch(const Attempt& attempt, const Hash128* account_hash,
                     const Hash128* fingerprint) noexcept {
  Identified& place = identified_[SlotOf(&attempt)];
  place.attempt = nullptr;
  if (!attempt.has_account()) return;
  const Hash128 hash = account_hash != nullptr ? *account_hash : SipHash128(key_, attempt.account);
  place = {&attempt, attempt.time_ns, attempt.account.data(), Identify(attempt, hash, fingerprint)};
}

void Lanes::PrefetchRecord(const Attempt& attempt) noexcept {
  Identified& known = identified_[SlotOf(&attempt)];
  if (known.attempt != &attempt) return;
  Identity& identity = known.identity;
  const std::optional<AccountRecords::Hint> hint = records_.PrefetchRecord(identity.tag);
  // Of an account that nobody has got in to, as most are that attackers try, no share of a network is asked.
  if (hint.has_value()) {
    identity.hint = *hint;
    network_shares_.Prefetch(identity.tokens.network);
  }
  if (hint.has_value() || identity.tokens.is_cookie) device_shares_.Prefetch(identity.tokens.device);
}

Standing Lanes::StandingOf(const Attempt& attempt, bool certificates_count) const noexcept {
  Standing standing;
  if (!attempt.has_account()) return standing;
  if (certificates_count && attempt.certificate == CertificateStatus::kValid) {
    standing.lane = Lane::kCertified;
    return standing;
  }
  const Identity identity = IdentityOf(attempt);
  const Odds each = OddsOf(identity, attempt.time_ns);
  // Without a device both thresholds are one lower: the odds count e-fold.
  const double odds = each.network * each.device * (identity.tokens.device == 0 ? kExp1 : 1);
  standing.has_history = each.has_history;
  standing.may_be_owner = each.has_record;
  standing.nearly_familiar = odds >= kExp3p5;
  standing.network_at_home = each.has_history && each.network > 1;
  standing.device_at_home = each.has_history && (identity.tokens.device == 0 || each.device > 1);
  standing.device_known =
      !each.has_record && identity.tokens.is_cookie && device_shares_.Count(identity.tokens.device) > 0;
  if (odds >= kExp5) {
    standing.lane = Lane::kFamiliar;
    return standing;
  }
  standing.proved = SteppedUp(identity, attempt.time_ns);
  if (odds >= kExp2p5 || standing.proved) standing.lane = Lane::kHalf;
  standing.nearly_familiar |= standing.proved;  // Φ of a step-up is 4
  return standing;
}

bool Lanes::OwnsCertificate(const Attempt& attempt) const noexcept {
  if (!attempt.has_account()) return false;
  const Identity identity = IdentityOf(attempt);
  const AccountRecord* const record = records_.Find(identity.tag, identity.hint);
  if (record == nullptr || record->has_certificate == 0) return false;
  return QuartersSince(record->certified, DayQuarterOf(attempt.time_ns)) <= kOwnerQuarters;
}

double Lanes::Phi(const Attempt& attempt) const noexcept {
  if (!attempt.has_account()) return -2;
  const Identity identity = IdentityOf(attempt);
  const Odds odds = OddsOf(identity, attempt.time_ns);
  const double phi = std::log(odds.network * odds.device);
  return SteppedUp(identity, attempt.time_ns) ? std::max(phi, kStepUpPhi) : phi;
}

void Lanes::Learn(const Attempt& attempt, Lane lane, const LearnContext& context) noexcept {
  if (!attempt.has_account()) return;
  const Identity identity = IdentityOf(attempt);
  const DayQuarter now = DayQuarterOf(attempt.time_ns);
  // Everybody's shares take every success: a token that attackers bring becomes common, which proves less.
  AddShare(identity.tokens.network, &network_shares_);
  AddShare(identity.tokens.device, &device_shares_);

  const bool on_probation = lane == Lane::kUnfamiliar && context.pressure && !context.identity_passed;
  AccountRecord* const record = records_.FindOrMake(identity.tag, now, on_probation, identity.hint);
  if (record == nullptr) return;
  Settle(record, now);
  if (lane == Lane::kCertified) {
    if (record->has_certificate == 0 || QuartersSince(record->certified, now) > 0) record->certified = now;
    record->has_certificate = 1;
  }
  LearnSuccess(record, identity.tokens.network, identity.tokens.device, now, on_probation);
}

uint64_t Lanes::StepUpTag(const Identity& identity) noexcept {
  const Hash128 tokens{identity.tokens.network, identity.tokens.device};
  return Combine(Hash128{identity.tag, 0}, tokens).low | 1;
}

bool Lanes::SteppedUp(const Identity& identity, int64_t time_ns) const noexcept {
  if (!has_step_ups_) return false;
  const uint64_t tag = StepUpTag(identity);
  const StepUp& step_up = (*step_ups_)[(tag >> 32) % kStepUps];
  return step_up.tag == tag && time_ns / 1'000'000 < step_up.until_ms;
}

void Lanes::NoteIdentityPassed(const Attempt& attempt) noexcept {
  if (!attempt.has_account()) return;
  const uint64_t tag = StepUpTag(IdentityOf(attempt));
  (*step_ups_)[(tag >> 32) % kStepUps] = {tag, attempt.time_ns / 1'000'000 + kStepUpMs};
  has_step_ups_ = true;
}

void Lanes::Revoke(const Attempt& success) noexcept {
  const Identity identity = IdentityOf(success);
  if (AccountRecord* const record = records_.Find(identity.tag); record != nullptr)
    ForgetSuccess(record, identity.tokens.network, identity.tokens.device, DayQuarterOf(success.time_ns));
}

}  // namespace stockade
