#include "engine/detect/account_guard.h"

#include <algorithm>
#include <limits>

namespace stockade {
namespace {

constexpr uint8_t kMost = std::numeric_limits<uint8_t>::max();

uint8_t Sum(int a, int b) noexcept {
  return static_cast<uint8_t>(std::min(a + b, int{kMost}));
}

}  // namespace

void AccountGuard::Set(const LockoutRule& lock) noexcept {
  lock_ = lock;
  reserve_ = std::min(3, lock.limit - 1);
}

float AccountGuard::Worth(const Record& record) noexcept {
  // Failures first; of equals the newer is worth more.
  return static_cast<float>(record.failures + record.in_flight) + static_cast<float>(record.time_s) / 8e9F;
}

AccountGuard::Record AccountGuard::Current(const Record& record, int64_t now_ms) const noexcept {
  Record now = record;
  const int64_t age_ms = now_ms - int64_t{record.time_s} * 1000;
  if (lock_.reset_ms > 0 && age_ms >= lock_.reset_ms) {
    now.failures = 0;
    now.strangers = kNoPlace;
  }
  if (now.in_flight > 0 && age_ms >= kAbandonedMs) {
    now.failures = Sum(now.failures, now.in_flight);
    now.strangers = kPlaces;  // wherever they came from
    now.in_flight = 0;
  }
  return now;
}

AccountGuard::Record* AccountGuard::Open(uint64_t account) noexcept {
  return table_.FindOrMake(account, std::numeric_limits<float>::max(), Worth);
}

int AccountGuard::failures(uint64_t account, int64_t now_ms) const noexcept {
  const Record* const found = table_.Find(account);
  if (found == nullptr) return 0;
  const Record record = Current(*found, now_ms);
  return record.failures + record.in_flight;
}

GuardLevel AccountGuard::Read(uint64_t account, Lane lane, int64_t now_ms) const noexcept {
  const Record* const found = table_.Find(account);
  if (found == nullptr || lane == Lane::kCertified) return GuardLevel::kFar;
  const Record record = Current(*found, now_ms);
  const int count = record.failures + record.in_flight;
  if (lane == Lane::kFamiliar)
    return count >= lock_.limit - 1 && record.strangers != kNoPlace ? GuardLevel::kLast : GuardLevel::kFar;
  if (count >= lock_.limit - 1) return GuardLevel::kLast;
  return count >= lock_.limit - reserve_ ? GuardLevel::kNear : GuardLevel::kFar;
}

bool AccountGuard::HasTryLeft(uint64_t account, uint16_t place, int64_t now_ms) const noexcept {
  constexpr int kKeptFromOne = 2;
  const Record* const found = table_.Find(account);
  if (found == nullptr) return false;
  const Record record = Current(*found, now_ms);
  // What is on its way may come from anywhere.
  return reserve_ > kKeptFromOne && record.in_flight == 0 && record.strangers == place &&
         record.failures < lock_.limit - kKeptFromOne;
}

bool AccountGuard::StrangersAllFrom(uint64_t account, uint16_t place) const noexcept {
  const Record* const found = table_.Find(account);
  return found != nullptr && found->strangers == place;
}

void AccountGuard::Reserve(uint64_t account, int64_t now_ms) noexcept {
  Record* const record = Open(account);
  if (record == nullptr) return;
  *record = Current(*record, now_ms);
  record->in_flight = Sum(record->in_flight, 1);
  record->time_s = std::max(record->time_s, static_cast<uint32_t>(now_ms / 1000));
}

void AccountGuard::Settle(uint64_t account, Outcome outcome, uint16_t stranger, int64_t now_ms) noexcept {
  Record* const record = table_.Find(account);
  if (record == nullptr) return;
  *record = Current(*record, now_ms);
  if (record->in_flight > 0) --record->in_flight;
  switch (outcome) {
    case Outcome::kSuccess:
    case Outcome::kSecondFactorFailed:  // the password was right
      record->failures = 0;
      record->strangers = kNoPlace;
      return;
    case Outcome::kBadPassword:
    case Outcome::kUnknown:
      record->failures = Sum(record->failures, 1);
      if (stranger != kNoPlace)
        record->strangers =
            record->strangers == kNoPlace || record->strangers == stranger ? stranger : kPlaces;
      record->time_s = std::max(record->time_s, static_cast<uint32_t>(now_ms / 1000));
      return;
    default:
      return;  // no password of an account was checked
  }
}

void AccountGuard::NoteProof(uint64_t account, uint16_t place) noexcept {
  Record* const record = table_.Find(account);
  if (record != nullptr && record->strangers == place) record->strangers = kNoPlace;
}

}  // namespace stockade
