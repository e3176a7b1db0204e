#include "engine/detect/lanes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

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
// Of one success, which may have been a thief's, no cookie is at home everywhere.
constexpr double kCookieSuccessesMin = 1.5;

constexpr double kStepUpPhi = 4;
constexpr double kPrior = 200;  // V: what a token nobody has had is worth
constexpr int64_t kQuarterNs = int64_t{6} * 3600 * 1'000'000'000;
constexpr int kHalfLifeQuarters = 120;  // 30 days
constexpr int kProbationQuarters = 5;   // at least 24 hours, whatever the hour it began
// Certificates live a year (detectors.md); who has not shown one since has perhaps none any more.
constexpr int kOwnerQuarters = 4 * 400;
constexpr uint16_t kSuccess = 256;       // one success in the fixed point of the counts
constexpr uint16_t kProbation = 0xffff;  // no count comes here: all are halved at kCountMax
constexpr uint32_t kCountMax = 60'000;

constexpr std::array<double, kHalfLifeQuarters> MakeDecay() {
  std::array<double, kHalfLifeQuarters> decay{};
  double value = 1;
  for (double& entry : decay) {
    entry = value;
    value *= 0.9942404238175473;  // 2^(-1/120)
  }
  return decay;
}
constexpr std::array<double, kHalfLifeQuarters> kDecay = MakeDecay();

// One unit of a count after so many half-lives, in successes: powers of two, so that multiplying by one is exactly what
// dividing by its inverse is, at a fifth of the time.
constexpr int kHalvingsMax = 32;
constexpr std::array<double, kHalvingsMax> MakeUnits() {
  std::array<double, kHalvingsMax> units{};
  double value = 1.0 / kSuccess;
  for (double& entry : units) {
    entry = value;
    value /= 2;
  }
  return units;
}
constexpr std::array<double, kHalvingsMax> kUnits = MakeUnits();

// Quarters from `then` to `now`; 0 for a late event.
int Age(uint16_t now, uint16_t then) noexcept {
  const auto age = static_cast<uint16_t>(now - then);
  return age < 0x8000 ? age : 0;
}

// A count in successes, as of `age` quarters later.
double Decayed(uint16_t count, int age) noexcept {
  const int halvings = age / kHalfLifeQuarters;
  if (halvings >= kHalvingsMax) return 0;
  return count * kDecay[static_cast<size_t>(age % kHalfLifeQuarters)] * kUnits[static_cast<size_t>(halvings)];
}

uint16_t Stored(double successes) noexcept {
  return static_cast<uint16_t>(std::min(successes * kSuccess + 0.5, 65'534.0));
}

uint32_t TokenOf(const Hash128& hash) noexcept {
  const auto token = static_cast<uint32_t>(hash.low);
  return token == 0 ? 1 : token;
}

bool IsOnProbation(uint16_t count) noexcept {
  return count == kProbation;
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

constexpr std::array<uint64_t, 4> kRowMultipliers = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f,
                                                     0x165667b19e3779f9, 0xd6e8feb86659fd93};
// Tokens are outputs of a keyed hash; a multiplication spreads them anew for each row.
size_t ColumnOf(uint32_t token, size_t row) noexcept {
  return static_cast<size_t>((token * kRowMultipliers[row]) >> 48);
}

}  // namespace

uint32_t Lanes::Shares::Count(uint32_t token) const noexcept {
  uint32_t least = UINT32_MAX;
  for (size_t row = 0; row < kRows; ++row)
    least = std::min(least, counts_[row * kColumns + ColumnOf(token, row)]);
  return least;
}

void Lanes::Shares::Prefetch(uint32_t token) const noexcept {
  for (size_t row = 0; row < kRows; ++row)
    __builtin_prefetch(&counts_[row * kColumns + ColumnOf(token, row)]);
}

void Lanes::Shares::Add(uint32_t token) noexcept {
  // Conservative update (Estan & Varghese 2002): only the counters that decide the answer grow.
  const uint32_t grown = Count(token) + 1;
  for (size_t row = 0; row < kRows; ++row) {
    uint32_t& count = counts_[row * kColumns + ColumnOf(token, row)];
    count = std::max(count, grown);
  }
  if (++total_ < kTotalMax) return;
  for (size_t i = 0; i < kRows * kColumns; ++i) counts_[i] /= 2;
  total_ /= 2;
}

size_t Lanes::SlotOf(const Attempt* attempt) noexcept {
  static_assert(sizeof(Attempt) >= 64);
  return reinterpret_cast<uintptr_t>(attempt) / 64 % kIdentifiedSlots;
}

Lanes::Lanes(size_t bytes_max, const HashKey& key)
    : key_(key),
      step_ups_(std::make_unique<std::array<StepUp, kStepUps>>()),
      memory_(std::max(bytes_max, kBytesMin) - 2 * Shares::kBytes - kStepUps * sizeof(StepUp)),
      buckets_(static_cast<Bucket*>(memory_.data())),
      sketches_(2 * Shares::kBytes),
      network_shares_(sketches_.data()),
      device_shares_(static_cast<char*>(sketches_.data()) + Shares::kBytes) {
  if (buckets_ == nullptr || sketches_.data() == nullptr) throw std::bad_alloc();
  // From a count that a few thousand accounts fill, so that its doublings end at the most the memory holds.
  constexpr size_t kBucketsFirst = 512;
  bucket_count_ = memory_.bytes() / sizeof(Bucket);
  buckets_max_ = bucket_count_;
  while (bucket_count_ / 2 >= kBucketsFirst) bucket_count_ /= 2;
  buckets_first_ = bucket_count_;
}

size_t Lanes::bytes() const noexcept {
  return bucket_count_ * sizeof(Bucket) + 2 * Shares::kBytes + kStepUps * sizeof(StepUp);
}

// Splits every bucket into its two halves, from the last to the first: bucket b goes to 2b and 2b + 1, which
// lie at or behind it and whose own content has moved already.
void Lanes::Grow() noexcept {
  for (size_t at = bucket_count_; at-- > 0;) {
    const Bucket from = buckets_[at];
    buckets_[at] = Bucket{};
    size_t filled[2] = {0, 0};
    buckets_[2 * at] = Bucket{};
    buckets_[2 * at + 1] = Bucket{};
    for (size_t way = 0; way < kWays; ++way) {
      if (from.tags[way] == 0) continue;
      const auto scaled = static_cast<unsigned __int128>(from.tags[way]) * (2 * bucket_count_);
      const auto to = static_cast<size_t>(scaled >> 64);
      size_t& next = filled[to - 2 * at];
      buckets_[to].tags[next] = from.tags[way];
      buckets_[to].records[next] = from.records[way];
      ++next;
    }
  }
  bucket_count_ *= 2;
}

Lanes::Tokens Lanes::TokensOf(const Attempt& attempt, const Hash128* fingerprint) const noexcept {
  // Keys apart, so that a cookie cannot be made to look like a print, or either like a network.
  const HashKey network_key{key_.k0 ^ 0x6e6574776f726b00, key_.k1};
  const HashKey cookie_key{key_.k0 ^ 0x636f6f6b69650000, key_.k1};
  const bool is_v4 = attempt.source.is_v4();
  const uint32_t network_v4 = is_v4 ? attempt.source.v4() >> 8 : 0;
  const uint64_t network_v6 = attempt.source.is_v6() ? attempt.source.high() >> 16 : 0;
  const HashInput network{network_key, is_v4 ? static_cast<const void*>(&network_v4) : &network_v6,
                          is_v4 ? sizeof network_v4 : sizeof network_v6};
  Tokens tokens;
  if (attempt.source.present() && !attempt.device.empty()) {
    const HashPair both = SipHash128Two(network, {cookie_key, attempt.device.data(), attempt.device.size()});
    return {TokenOf(both.first), TokenOf(both.second), true};
  }
  if (attempt.source.present())
    tokens.network = TokenOf(SipHash128(network_key, network.bytes, network.size));
  if (!attempt.device.empty()) {
    tokens.device = TokenOf(SipHash128(cookie_key, attempt.device));
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

Lanes::Bucket* Lanes::BucketOf(uint64_t tag) const noexcept {
  return &buckets_[static_cast<size_t>(static_cast<unsigned __int128>(tag) * bucket_count_ >> 64)];
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
  __builtin_prefetch(&BucketOf(tag)->tags);  // on its way while the tokens are hashed
  return {tag, TokensOf(attempt, fingerprint)};
}

Lanes::Record* Lanes::Find(Bucket* bucket, uint64_t tag) noexcept {
  for (size_t way = 0; way < kWays; ++way)
    if (bucket->tags[way] == tag) return &bucket->records[way];
  return nullptr;
}

// Turns what has been on probation long enough into successes. A network and a device that began together
// were one.
void Lanes::Settle(Record* record, Quarter now) noexcept {
  const auto is_due = [now](const Seen& seen) noexcept {
    return IsOnProbation(seen.count) && Age(now, seen.quarter) >= kProbationQuarters;
  };
  const auto admit = [record](Quarter since) noexcept {
    const double before = Decayed(record->count, Age(since, record->quarter));
    const double newer = Decayed(kSuccess, Age(record->quarter, since));
    record->count = Stored(before + newer);
    record->quarter = Age(record->quarter, since) > 0 ? record->quarter : since;
  };
  for (Seen& device : record->devices) {
    if (!is_due(device)) continue;
    const bool with_network = std::any_of(
        record->networks.begin(), record->networks.end(),
        [&](const Seen& network) noexcept { return is_due(network) && network.quarter == device.quarter; });
    if (!with_network) admit(device.quarter);
    device.count = kSuccess;
  }
  for (Seen& network : record->networks) {
    if (!is_due(network)) continue;
    admit(network.quarter);
    network.count = kSuccess;
  }
}

Lanes::Odds Lanes::OddsOf(const Identity& identity, int64_t time_ns) const noexcept {
  const auto now = static_cast<Quarter>(time_ns / kQuarterNs);
  const Record* const found = Find(BucketOf(identity.tag), identity.tag);
  Odds odds{kExpMinus2, 1, false};
  if (found == nullptr) return odds;
  Record record = *found;
  Settle(&record, now);
  const double n = Decayed(record.count, Age(now, record.quarter));
  if (n <= 0) return odds;
  const auto ratio = [&](const auto& seen, uint32_t token, const Shares& shares, double ratio_max) {
    for (const Seen& one : seen) {
      if (one.token != token || IsOnProbation(one.count)) continue;
      const double c = Decayed(one.count, Age(now, one.quarter));
      if (c <= 0) break;
      const double p =
          (static_cast<double>(shares.Count(token)) + 1) / (static_cast<double>(shares.total()) + kPrior);
      return std::clamp((c + p) / (n + 1) / p, kExpMinus1,
                        ratio_max == kExp6p5 && c < kCookieSuccessesMin ? kExp5 : ratio_max);
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

void Lanes::PrefetchRecord(const Attempt& attempt) const noexcept {
  const Identified& known = identified_[SlotOf(&attempt)];
  if (known.attempt != &attempt) return;
  if (const Record* const record = Find(BucketOf(known.identity.tag), known.identity.tag); record != nullptr)
    __builtin_prefetch(record);
  network_shares_.Prefetch(known.identity.tokens.network);
  device_shares_.Prefetch(known.identity.tokens.device);
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
  standing.nearly_familiar = odds >= kExp3p5;
  standing.network_at_home = each.has_history && each.network > 1;
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
  const uint64_t tag = IdentityOf(attempt).tag;
  const Record* const record = Find(BucketOf(tag), tag);
  if (record == nullptr || record->has_certificate == 0) return false;
  return Age(static_cast<Quarter>(attempt.time_ns / kQuarterNs), record->certified) <= kOwnerQuarters;
}

double Lanes::Phi(const Attempt& attempt) const noexcept {
  if (!attempt.has_account()) return -2;
  const Identity identity = IdentityOf(attempt);
  const Odds odds = OddsOf(identity, attempt.time_ns);
  const double phi = std::log(odds.network * odds.device);
  return SteppedUp(identity, attempt.time_ns) ? std::max(phi, kStepUpPhi) : phi;
}

bool Lanes::IsFull(const Bucket& bucket) noexcept {
  return std::find(bucket.tags.begin(), bucket.tags.end(), 0) == bucket.tags.end();
}

double Lanes::Worth(const Record& record, Quarter now) noexcept {
  return Decayed(record.count, Age(now, record.quarter));
}

Lanes::Quarter Lanes::QuarterOf(int64_t time_ns) noexcept {
  return static_cast<Quarter>(time_ns / kQuarterNs);
}

size_t Lanes::LeastWay(const Bucket& bucket, Quarter now, double* worth) noexcept {
  size_t least_way = kWays;
  *worth = 0;
  for (size_t way = 0; way < kWays; ++way) {
    if (bucket.tags[way] == 0) {
      *worth = 0;
      return way;
    }
    const Record& record = bucket.records[way];
    const double one = Worth(record, now);
    const bool lesser =
        least_way == kWays || one < *worth ||
        (one == *worth && Age(now, record.quarter) > Age(now, bucket.records[least_way].quarter));
    if (lesser) {
      least_way = way;
      *worth = one;
    }
  }
  return least_way;
}

Lanes::Record* Lanes::FindOrMake(const Identity& identity, Quarter now, bool on_probation) noexcept {
  Bucket* bucket = BucketOf(identity.tag);
  if (Record* const found = Find(bucket, identity.tag)) return found;
  // A full bucket asks for more of them while there is room, unless nearly all the others are empty: then
  // somebody has found names that fall together, and gets no memory for it.
  while (IsFull(*bucket) && 2 * bucket_count_ <= buckets_max_ && accounts_ >= bucket_count_) {
    Grow();
    bucket = BucketOf(identity.tag);
  }
  double least = 0;
  const size_t least_way = LeastWay(*bucket, now, &least);
  if (bucket->tags[least_way] == 0) {
    ++accounts_;
  } else {
    if (on_probation && least > 0) return nullptr;
    ++evicted_;
  }
  bucket->tags[least_way] = identity.tag;
  bucket->records[least_way] = Record{};
  bucket->records[least_way].quarter = now;
  return &bucket->records[least_way];
}

template <size_t N>
void Lanes::LearnToken(std::array<Seen, N>* seen, uint32_t token, Quarter now, bool on_probation) noexcept {
  if (token == 0) return;
  Seen* place = nullptr;
  double least = 0;
  for (Seen& one : *seen) {
    if (one.token == token) {
      if (on_probation) return;  // known already, or already waiting since an earlier time
      if (IsOnProbation(one.count)) {
        one = {token, kSuccess, now};
      } else {
        const int age = Age(now, one.quarter);
        one.count = Stored(Decayed(one.count, age) + 1);
        if (age > 0) one.quarter = now;
      }
      return;
    }
    // What is on probation gives way first; it may not push out what was learnt.
    const double worth = one.token == 0             ? -2
                         : IsOnProbation(one.count) ? -1
                                                    : Decayed(one.count, Age(now, one.quarter));
    if (on_probation && worth >= 0) continue;
    const bool lesser = place == nullptr || worth < least ||
                        (worth == least && Age(now, one.quarter) > Age(now, place->quarter));
    if (lesser) {
      place = &one;
      least = worth;
    }
  }
  if (place != nullptr) *place = {token, on_probation ? kProbation : kSuccess, now};
}

void Lanes::Learn(const Attempt& attempt, Lane lane, const LearnContext& context) noexcept {
  if (!attempt.has_account()) return;
  const Identity identity = IdentityOf(attempt);
  const auto now = static_cast<Quarter>(attempt.time_ns / kQuarterNs);
  // Everybody's shares take every success: a token that attackers bring becomes common, which proves less.
  if (identity.tokens.network != 0) network_shares_.Add(identity.tokens.network);
  if (identity.tokens.device != 0) device_shares_.Add(identity.tokens.device);

  const bool on_probation = lane == Lane::kUnfamiliar && context.pressure && !context.identity_passed;
  Record* const record = FindOrMake(identity, now, on_probation);
  if (record == nullptr) return;
  Settle(record, now);
  if (lane == Lane::kCertified) {
    if (record->has_certificate == 0 || Age(now, record->certified) > 0) record->certified = now;
    record->has_certificate = 1;
  }
  LearnToken(&record->networks, identity.tokens.network, now, on_probation);
  LearnToken(&record->devices, identity.tokens.device, now, on_probation);
  if (on_probation) return;
  const int age = Age(now, record->quarter);
  record->count = Stored(Decayed(record->count, age) + 1);
  if (age > 0) record->quarter = now;
  if (record->count < kCountMax) return;
  // All halved together: what each is of the whole stays the same.
  record->count /= 2;
  const auto halve = [](Seen& seen) noexcept {
    if (!IsOnProbation(seen.count)) seen.count /= 2;
  };
  std::for_each(record->networks.begin(), record->networks.end(), halve);
  std::for_each(record->devices.begin(), record->devices.end(), halve);
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

void Lanes::Revoke(std::string_view account) noexcept {
  const uint64_t low = SipHash128(key_, account).low;
  const uint64_t tag = low == 0 ? 1 : low;
  Record* const record = Find(BucketOf(tag), tag);
  if (record == nullptr) return;
  const auto forget = [](Seen& seen) noexcept {
    if (IsOnProbation(seen.count)) seen = {};
  };
  std::for_each(record->networks.begin(), record->networks.end(), forget);
  std::for_each(record->devices.begin(), record->devices.end(), forget);
}

}  // namespace stockade
