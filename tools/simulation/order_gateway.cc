#include "tools/simulation/order_gateway.h"

#include <array>

namespace stockade {
namespace {

// Names are i · kFactor mod kNames: kNames is the largest prime below 10^8, so no two accounts share one.
constexpr uint64_t kNames = 99'999'989;
constexpr uint64_t kFactor = 61'803'399;

constexpr uint64_t Power(uint64_t base, uint64_t exponent) noexcept {
  uint64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = result * base % kNames;
    base = base * base % kNames;
  }
  return result;
}
constexpr uint64_t kInverse = Power(kFactor, kNames - 2);  // Fermat
static_assert(kFactor * kInverse % kNames == 1);

// The rank of a popular password: the r-th with weight 1/r, in whole numbers.
uint64_t DrawRank(Chance* chance) noexcept {
  constexpr uint64_t kScale = 1'000'000'000;
  constexpr uint64_t kSum = [] {
    uint64_t sum = 0;
    for (uint64_t rank = 1; rank <= OrderGateway::kPopularPasswords; ++rank) sum += kScale / rank;
    return sum;
  }();
  uint64_t left = chance->Below(kSum);
  uint64_t rank = 1;
  while (rank < OrderGateway::kPopularPasswords && left >= kScale / rank) left -= kScale / rank++;
  return rank - 1;
}

}  // namespace

OrderGateway::OrderGateway(uint64_t seed, uint32_t accounts, const Lock& lock)
    : seed_(seed), lock_(lock), accounts_(accounts) {}

uint32_t OrderGateway::NumberOf(uint32_t account) noexcept {
  return static_cast<uint32_t>((account + uint64_t{1}) * kFactor % kNames);
}

std::string OrderGateway::NameOf(uint32_t account) {
  std::string name(8, '0');
  uint32_t number = NumberOf(account);
  for (size_t i = 8; i-- > 0; number /= 10) name[i] = static_cast<char>('0' + number % 10);
  return name;
}

uint32_t OrderGateway::Find(uint32_t number) const noexcept {
  if (number >= kNames) return kNobody;
  const uint64_t account = number * kInverse % kNames - 1;  // of number 0: -1, beyond all accounts
  return account < accounts_.size() ? static_cast<uint32_t>(account) : kNobody;
}

uint64_t OrderGateway::MakePassword(uint32_t account, uint32_t generation) const noexcept {
  Chance chance = Chance::Of(seed_, Stream::kPassword, account, generation);
  if (chance.Happens(40'000)) return Popular(DrawRank(&chance));
  return chance.Next() | uint64_t{1} << 63;  // no popular one
}

uint64_t OrderGateway::PasswordOf(uint32_t account) const noexcept {
  return MakePassword(account, accounts_[account].generation);
}

Settled OrderGateway::Check(const Try& attempt) noexcept {
  Settled settled;
  settled.forwarded = true;
  if (attempt.account == kNobody) {
    settled.outcome = Outcome::kUnknownAccount;
    return settled;
  }
  Account& account = accounts_[attempt.account];
  if (account.locked_until_ms > attempt.time_ms) {
    settled.outcome = Outcome::kAccountLocked;
    return settled;
  }
  if (account.locked_until_ms != 0) Unlock(attempt.account);
  if (attempt.password == PasswordOf(attempt.account)) {
    account.wrong = 0;
    account.stranger_in_row = false;
    settled.outcome = Outcome::kSuccess;
    return settled;
  }
  settled.outcome = Outcome::kBadPassword;
  if (lock_.limit == 0) return settled;
  ++account.wrong;
  account.stranger_in_row = account.stranger_in_row || !attempt.by_owner;
  if (account.wrong >= lock_.limit) {
    account.locked_until_ms = attempt.time_ms + lock_.for_ms;
    settled.locked_now = true;
    settled.stranger_in_lock = account.stranger_in_row;
  }
  return settled;
}

void OrderGateway::Unlock(uint32_t account) noexcept {
  Account& unlocked = accounts_[account];
  unlocked.locked_until_ms = 0;
  unlocked.wrong = 0;
  unlocked.stranger_in_row = false;
}

}  // namespace stockade
