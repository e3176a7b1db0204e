// What a simulated world is made of: its customers, its attacks and its shocks, each with numbers that may be set.
//
// Attacks are written "mimic" or "mimic:attempts=6000,rate=2/s,at=4d10h"; shocks "outage:at=2d9h,for=15m". A name alone
// has the figures of the published campaigns (detectors.md 1.2, 1.3). Times are counted from the world's start.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/simulation/chance.h"

namespace stockade {

enum class AttackClass : uint8_t {
  kBurst,        // one address of a data centre
  kNet,          // a /24
  kNet6,         // an IPv6 /48
  kResidential,  // one try an address, one tool
  kRotating,     // the same, user agents rotate
  kMimic,        // one try an address, the customers' own browsers, providers and carriers
  kSlow,         // few addresses that come back every hour or so
  kSpray,        // every account, three popular passwords
  kLockout,      // chosen accounts, wrong passwords until they lock
  kEnumeration,  // names that mostly do not exist
  kCombo,        // a fresh list: one pair in ten is right
  kTargeted,     // one account, from its owner's provider and kind of browser
  kFeedback,     // reads verdicts: changes address, network and tool when it is stopped
  kSolver,       // as mimic, and solves a share of human tests
  kCarrier,      // from inside the customers' own carriers only
  kCover,        // behind successful logins on accounts of its own
  kRamp,         // grows over two days from nothing
  kRush,         // hidden in the minutes of the open
};
inline constexpr std::array<std::string_view, 18> kAttackClassNames = {
    "burst",       "net",   "net6",     "residential", "rotating", "mimic",   "slow",  "spray", "lockout",
    "enumeration", "combo", "targeted", "feedback",    "solver",   "carrier", "cover", "ramp",  "rush"};
constexpr std::string_view Name(AttackClass kind) noexcept {
  return kAttackClassNames[static_cast<size_t>(kind)];
}

inline constexpr int64_t kAtDefault = -1;  // Create puts the time in

struct AttackOptions {
  AttackClass kind = AttackClass::kBurst;
  int64_t at_ms = kAtDefault;      // from the start; default: 10:00 of the last weekday, a rush 08:58
  uint64_t attempts = 0;           // ≥ 1
  int64_t attempts_per_hour = 0;   // 1 … 36,000,000 on average; the gaps are exponential
  uint32_t addresses = 0;          // that it has; 0: a fresh one whenever it changes
  uint32_t tries_per_address = 1;  // in a row, before it changes; ≥ 1
  uint32_t known_ppm = 660'000;    // of its names exist here: a third are customers elsewhere
  uint32_t valid_ppm = 1'000;      // of the pairs whose name exists are right
  uint32_t solve_ppm = 0;          // of human tests are passed
  uint32_t carrier_ppm = 0;        // of attempts come from the customers' carriers
  uint32_t cover_ppm = 0;          // of attempts are logins on accounts of its own
  bool feedback = false;           // gives up an address that was stopped, and sooner or later its tool
  int64_t ramp_ms = 0;             // so long it takes to reach its rate

  static AttackOptions Of(AttackClass kind);
};

enum class ShockKind : uint8_t {
  kRush,             // ten times the logins at the open, for ten minutes
  kCarrierOutage,    // a share of the customers is at new addresses
  kPasswordManager,  // a share of the customers sends a wrong password, again and again
  kRelease,          // a new version of the app, with another JA4, on most phones within a day
  kOutage,           // the back end answers every login with "wrong password"
  kReset,            // everybody must choose a new password, and a third tries the old one first
  kCliff,            // a share of the certificates expires at once
};
inline constexpr std::array<std::string_view, 7> kShockNames = {
    "rush", "carrier-outage", "password-manager", "release", "outage", "reset", "cliff"};
constexpr std::string_view Name(ShockKind kind) noexcept {
  return kShockNames[static_cast<size_t>(kind)];
}

struct ShockOptions {
  ShockKind kind = ShockKind::kRush;
  int64_t at_ms = kAtDefault;  // default: 09:00 of the last weekday but one
  int64_t span_ms = 0;         // ≥ 1
  uint32_t share_ppm = 0;      // of the customers
  uint32_t factor = 10;        // of a rush: 2 … 100

  static ShockOptions Of(ShockKind kind);
};

// Fields that attempts of this world do not have, as where a gateway cannot tell them.
struct LeftOut {
  bool password_id = false;
  bool ja4 = false;
  bool header_order = false;
  bool device = false;
  bool network = false;  // AS number and country
};

struct WorldOptions {
  uint64_t seed = 1;
  uint32_t customers = 20'000;  // 10 … 10,000,000
  int days = 8;                 // 1 … 3,650
  // Milliseconds since 1970; the midnight of Taipei at or before it counts. Default: Monday, 5 January 2026.
  int64_t start_ms = 1'767'542'400'000;
  int lock_limit = 5;                // wrong passwords in a row; 0: the gateway never locks, else ≥ 2
  int64_t lock_ms = 30 * 60'000;     // how long a lock lasts
  uint32_t certificates_ppm = 0;     // of customers have one; 0: login.certificate is in no event
  uint32_t cookies_ppm = 700'000;    // of browsers keep the device cookie
  uint32_t home_change_ppm = 5'000;  // of homes get another address, a day
  uint32_t new_device_ppm = 1'000;   // of customers, a day
  uint32_t strange_ppm = 5'000;      // of logins come from a hotel or a partner network abroad
  bool carriers_drawn_anew = false;  // a phone may come out of any region of its carrier
  uint32_t aggregator_ppm = 10'000;  // of customers have a program that looks at their account every morning
  LeftOut left_out;
  std::vector<AttackOptions> attacks;
  std::vector<ShockOptions> shocks;

  // The hard world of detectors.md 3: a fifth of the homes move every day, 3 % new devices, 3 % strange places.
  void MakeHard();
};

// Everything in range, and what was left to a default put in. Errors: InvalidArgument, naming the member's option.
absl::Status Complete(WorldOptions* options);

// "CLASS[:key=value,…]". Keys: attempts, rate (20/s, 300/m, 60/h), at, addresses, tries, known, valid, solve, carrier,
// cover (shares: 0.3 or 30%), ramp, feedback (yes, no). Errors say what is wrong and what would be right.
absl::StatusOr<AttackOptions> ParseAttack(std::string_view text);
// "NAME[:key=value,…]". Keys: at, for, share, factor.
absl::StatusOr<ShockOptions> ParseShock(std::string_view text);

// "4d10h", "90m", "1d8h58m": numbers with units d, h, m, s, ms, largest first. Nothing for anything else.
bool ParseOffsetMs(std::string_view text, int64_t* out);
// "0.3", "30%", "1": a share of one as parts of a million.
bool ParseShare(std::string_view text, uint32_t* ppm);

}  // namespace stockade
