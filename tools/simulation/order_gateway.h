// The order gateway behind Stockade: it knows the accounts and their passwords, and has a lock of its own.
//
// The lock: `limit` wrong passwords in a row, of whatever age and from whomever, lock an account for `lock_ms`, or until
// somebody at the help desk lifts it. A right password begins a new row; so does the end of a lock. While it is locked,
// nothing is checked and nothing counted. Only what is forwarded counts: what is stopped in front moves nothing.
//
// Accounts are numbers from 0 on; their names have eight digits, spread over all such so that a mistyped digit mostly
// names nobody. Passwords are numbers that stand for texts: of 4 % of the accounts one of 500 popular ones, the most
// popular with a seventh of them, else one that nobody else has.
//
// 16 bytes an account. Check: a cache miss and some nanoseconds. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/outcome.h"
#include "tools/simulation/attempt.h"

namespace stockade {

class OrderGateway {
 public:
  static constexpr uint64_t kPopularPasswords = 500;

  struct Lock {
    int limit = 5;  // 0: never
    int64_t for_ms = 0;
  };
  OrderGateway(uint64_t seed, uint32_t accounts, const Lock& lock);

  uint32_t accounts() const noexcept { return static_cast<uint32_t>(accounts_.size()); }
  static std::string NameOf(uint32_t account);
  // The account of a number of eight digits, or kNobody.
  uint32_t Find(uint32_t number) const noexcept;
  static uint32_t NumberOf(uint32_t account) noexcept;

  // The right password, now and at first.
  uint64_t PasswordOf(uint32_t account) const noexcept;
  uint64_t FirstPasswordOf(uint32_t account) const noexcept { return MakePassword(account, 0); }
  // The password of a popularity, 0 the most popular.
  static uint64_t Popular(uint64_t rank) noexcept { return 1 + rank; }

  // `account`: kNobody where the name is nobody's. `by_owner`: he, or a program of his, types it.
  struct Try {
    int64_t time_ms = 0;
    uint32_t account = kNobody;
    uint64_t password = 0;
    bool by_owner = false;
  };
  Settled Check(const Try& attempt) noexcept;
  // A back end that is out: every login is answered as if the password were wrong, and nothing is counted.
  static Settled FailAll() noexcept { return {true, Outcome::kBadPassword, false, false}; }

  bool IsLocked(uint32_t account, int64_t time_ms) const noexcept {
    return accounts_[account].locked_until_ms > time_ms;
  }
  int WrongInARow(uint32_t account) const noexcept { return accounts_[account].wrong; }
  // The help desk lifts a lock.
  void Unlock(uint32_t account) noexcept;
  // The owner chooses a new password; the old one is wrong from now on.
  void ChangePassword(uint32_t account) noexcept { ++accounts_[account].generation; }

 private:
  struct Account {
    int64_t locked_until_ms = 0;
    uint8_t wrong = 0;
    bool stranger_in_row = false;
    uint16_t generation = 0;
  };
  static_assert(sizeof(Account) == 16);

  uint64_t MakePassword(uint32_t account, uint32_t generation) const noexcept;

  uint64_t seed_;
  Lock lock_;
  std::vector<Account> accounts_;
};

}  // namespace stockade
