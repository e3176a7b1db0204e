#include "tools/simulation/world_options.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include "absl/strings/numbers.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/simulation/trading_day.h"

namespace stockade {
namespace {

constexpr int64_t kPerSecond = 3600;  // attempts an hour at one a second

// The figures of each class; what a row does not say is as in AttackOptions.
constexpr std::array<AttackOptions, 18> kAttacks = {{
    {.kind = AttackClass::kBurst, .attempts = 3'000, .attempts_per_hour = 10 * kPerSecond, .addresses = 1},
    {.kind = AttackClass::kNet, .attempts = 4'000, .attempts_per_hour = 5 * kPerSecond, .addresses = 254},
    {.kind = AttackClass::kNet6, .attempts = 4'000, .attempts_per_hour = 5 * kPerSecond},
    {.kind = AttackClass::kResidential, .attempts = 6'000, .attempts_per_hour = 2 * kPerSecond},
    {.kind = AttackClass::kRotating, .attempts = 6'000, .attempts_per_hour = 2 * kPerSecond},
    {.kind = AttackClass::kMimic,
     .attempts = 6'000,
     .attempts_per_hour = 2 * kPerSecond,
     .carrier_ppm = 300'000},
    {.kind = AttackClass::kSlow, .attempts = 2'160, .attempts_per_hour = 60, .addresses = 60},
    {.kind = AttackClass::kSpray,
     .attempts = 4'000,
     .attempts_per_hour = 2 * kPerSecond,
     .known_ppm = 950'000,
     .valid_ppm = 0,
     .carrier_ppm = 100'000},
    {.kind = AttackClass::kLockout,
     .attempts = 3'200,
     .attempts_per_hour = 2 * kPerSecond,
     .known_ppm = kMillion,
     .valid_ppm = 0},
    {.kind = AttackClass::kEnumeration,
     .attempts = 4'000,
     .attempts_per_hour = 5 * kPerSecond,
     .addresses = 200,
     .known_ppm = 100'000},
    {.kind = AttackClass::kCombo,
     .attempts = 600,
     .attempts_per_hour = 60,
     .known_ppm = 900'000,
     .valid_ppm = 100'000},
    {.kind = AttackClass::kTargeted,
     .attempts = 60,
     .attempts_per_hour = 2,
     .tries_per_address = 4,
     .known_ppm = kMillion,
     .valid_ppm = 0},
    {.kind = AttackClass::kFeedback,
     .attempts = 6'000,
     .attempts_per_hour = 2 * kPerSecond,
     .tries_per_address = 50,
     .feedback = true},
    {.kind = AttackClass::kSolver,
     .attempts = 6'000,
     .attempts_per_hour = 2 * kPerSecond,
     .solve_ppm = 300'000,
     .carrier_ppm = 300'000},
    {.kind = AttackClass::kCarrier,
     .attempts = 6'000,
     .attempts_per_hour = 2 * kPerSecond,
     .carrier_ppm = kMillion},
    {.kind = AttackClass::kCover,
     .attempts = 6'000,
     .attempts_per_hour = 2 * kPerSecond,
     .addresses = 40,
     .cover_ppm = 300'000},
    {.kind = AttackClass::kRamp,
     .attempts = 20'000,
     .attempts_per_hour = 800,
     .carrier_ppm = 300'000,
     .ramp_ms = 2 * kDayMs},
    {.kind = AttackClass::kRush,
     .attempts = 3'000,
     .attempts_per_hour = 5 * kPerSecond,
     .carrier_ppm = 300'000},
}};

// The day, counted from the start, of the last weekday but `before`; the last day of all where there are none.
int64_t WeekdayFromEnd(const WorldOptions& options, int before) {
  const int64_t first = TaipeiDay(options.start_ms);
  for (int64_t day = options.days - 1; day >= 0; --day) {
    if (IsWeekday(first + day) && before-- == 0) return day;
  }
  return options.days - 1;
}

absl::Status Wrong(std::string_view option, std::string_view what) {
  return absl::InvalidArgumentError(Concat(option, ": ", what));
}

// Reads a whole number up to `most`.
bool ParseNumber(std::string_view text, uint64_t most, uint64_t* out) {
  uint64_t number = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || stopped != text.data() + text.size() || number > most) return false;
  *out = number;
  return true;
}

// "20/s", "1.5/m", "60/h"
bool ParseRate(std::string_view text, int64_t* per_hour) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash + 2 != text.size()) return false;
  double number = 0;
  if (!absl::SimpleAtod(ToAbsl(text.substr(0, slash)), &number) || !(number > 0) || number > 1e7)
    return false;
  const char unit = text.back();
  const double hours = unit == 's' ? 3600 : unit == 'm' ? 60 : unit == 'h' ? 1 : 0;
  const double whole = std::floor(number * hours + 0.5);
  if (hours == 0 || whole < 1 || whole > 36e6) return false;
  *per_hour = static_cast<int64_t>(whole);
  return true;
}

// One "key=value" of a text; what is wrong with a value is said in words of the key.
struct Pair {
  std::string_view key;
  std::string_view value;
};

template <typename Take>
absl::Status ReadPairs(std::string_view option, std::string_view text, std::span<const std::string_view> keys,
                       Take take) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view piece = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    const size_t equals = piece.find('=');
    const Pair pair = {piece.substr(0, equals),
                       equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1)};
    bool known = false;
    for (const std::string_view key : keys) known = known || key == pair.key;
    if (!known) {
      return Wrong(option, Concat("no key ", Quoted(pair.key), DidYouMean(Nearest(pair.key, keys))));
    }
    const std::string_view right = take(pair);
    if (!right.empty()) return Wrong(option, Concat(pair.key, "=", pair.value, ": write ", right));
  }
  return absl::OkStatus();
}

constexpr std::string_view kWriteOffset = "a time after the start as 4d10h";
constexpr std::string_view kWriteShare = "a share as 0.3 or 30%";

// The name before the colon, as a place in `names`.
absl::StatusOr<size_t> FindName(std::string_view option, std::string_view text,
                                std::span<const std::string_view> names) {
  const std::string_view name = text.substr(0, text.find(':'));
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  std::string all;
  for (const std::string_view known : names) Append(&all, all.empty() ? "" : ", ", known);
  return Wrong(option, Concat("no ", Quoted(name), DidYouMean(Nearest(name, names)), "; there are ", all));
}

std::string_view BehindName(std::string_view text) {
  const size_t colon = text.find(':');
  return colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
}

absl::Status CompleteAttack(const WorldOptions& world, AttackOptions* attack) {
  if (attack->at_ms == kAtDefault) {
    const int64_t last = WeekdayFromEnd(world, 0);
    attack->at_ms = last * kDayMs + 10 * kHourMs;
    // Those that take days begin on the first day that leaves them their time.
    const int64_t takes = attack->kind == AttackClass::kRamp || attack->kind == AttackClass::kSlow ||
                                  attack->kind == AttackClass::kTargeted
                              ? static_cast<int64_t>(attack->attempts) * kHourMs / attack->attempts_per_hour +
                                    attack->ramp_ms / 2
                              : 0;
    const int64_t end = int64_t{world.days} * kDayMs;
    if (attack->at_ms + takes > end) attack->at_ms = end > takes ? end - takes : 0;
    if (attack->kind == AttackClass::kRush) attack->at_ms = last * kDayMs + kMarketOpenMs - 2 * kMinuteMs;
  }
  if (attack->at_ms < 0 || attack->at_ms >= int64_t{world.days} * kDayMs)
    return Wrong("--attack", Concat(Name(attack->kind), ": at lies outside the world's ", world.days,
                                    " days; set --days"));
  if (attack->attempts < 1) return Wrong("--attack", "attempts: at least 1");
  if (attack->attempts_per_hour < 1 || attack->attempts_per_hour > 36'000'000)
    return Wrong("--attack", "rate: from 1/h to 10000/s");
  if (attack->tries_per_address < 1) return Wrong("--attack", "tries: at least 1");
  for (const uint32_t ppm :
       {attack->known_ppm, attack->valid_ppm, attack->solve_ppm, attack->carrier_ppm, attack->cover_ppm}) {
    if (ppm > kMillion) return Wrong("--attack", "a share is above 1");
  }
  return absl::OkStatus();
}

absl::Status CompleteShock(const WorldOptions& world, ShockOptions* shock) {
  if (shock->at_ms == kAtDefault) {
    shock->at_ms = WeekdayFromEnd(world, 1) * kDayMs + kMarketOpenMs;
    // A reset is announced for a day, an outage may come at any time: in the middle of the session.
    if (shock->kind == ShockKind::kReset || shock->kind == ShockKind::kRelease ||
        shock->kind == ShockKind::kCliff)
      shock->at_ms -= kMarketOpenMs;
    if (shock->kind == ShockKind::kOutage || shock->kind == ShockKind::kPasswordManager)
      shock->at_ms += 30 * kMinuteMs;
  }
  if (shock->at_ms < 0 || shock->at_ms >= int64_t{world.days} * kDayMs)
    return Wrong("--shock", Concat(Name(shock->kind), ": at lies outside the world's ", world.days,
                                   " days; set --days"));
  if (shock->span_ms < 1) return Wrong("--shock", "for: at least 1ms");
  if (shock->share_ppm > kMillion) return Wrong("--shock", "share: at most 1");
  if (shock->factor < 2 || shock->factor > 100) return Wrong("--shock", "factor: from 2 to 100");
  return absl::OkStatus();
}

}  // namespace

AttackOptions AttackOptions::Of(AttackClass kind) {
  const AttackOptions& attack = kAttacks[static_cast<size_t>(kind)];
  STOCKADE_CHECK(attack.kind == kind);
  return attack;
}

ShockOptions ShockOptions::Of(ShockKind kind) {
  ShockOptions shock;
  shock.kind = kind;
  switch (kind) {
    case ShockKind::kRush:
      shock.span_ms = 10 * kMinuteMs;
      break;
    case ShockKind::kCarrierOutage:
      shock.span_ms = 6 * kHourMs;
      shock.share_ppm = 200'000;
      break;
    case ShockKind::kPasswordManager:
      shock.span_ms = 10 * kMinuteMs;
      shock.share_ppm = 50'000;
      break;
    case ShockKind::kRelease:
      shock.span_ms = kDayMs;
      shock.share_ppm = 600'000;
      break;
    case ShockKind::kOutage:
      shock.span_ms = 15 * kMinuteMs;
      shock.share_ppm = kMillion;
      break;
    case ShockKind::kReset:
      shock.span_ms = kDayMs;
      shock.share_ppm = kMillion;
      break;
    case ShockKind::kCliff:
      shock.span_ms = 2 * kDayMs;  // how long customers take on average to get a new one
      shock.share_ppm = 300'000;
      break;
  }
  return shock;
}

void WorldOptions::MakeHard() {
  home_change_ppm = 200'000;
  new_device_ppm = 30'000;
  strange_ppm = 30'000;
  carriers_drawn_anew = true;
}

absl::Status Complete(WorldOptions* options) {
  if (options->customers < 10 || options->customers > 10'000'000)
    return Wrong("--customers", "from 10 to 10,000,000");
  if (options->days < 1 || options->days > 3650) return Wrong("--days", "from 1 to 3,650");
  // Events carry times from 1970 to 2262.
  if (options->start_ms < kDayMs || options->start_ms > int64_t{8'800'000'000'000})
    return Wrong("--start", "from 1970-01-02 to 2248");
  options->start_ms = TaipeiMidnight(TaipeiDay(options->start_ms));
  if (options->lock_limit < 0 || options->lock_limit == 1 || options->lock_limit > 100)
    return Wrong("--lock", "from 2 to 100 wrong passwords in a row, or 0 for a gateway that never locks");
  if (options->lock_ms < 1) return absl::InvalidArgumentError("a lock lasts 1 ms at least");
  for (const uint32_t ppm : {options->certificates_ppm, options->cookies_ppm, options->home_change_ppm,
                             options->new_device_ppm, options->strange_ppm, options->aggregator_ppm}) {
    if (ppm > kMillion) return absl::InvalidArgumentError("a share is above 1");
  }
  for (AttackOptions& attack : options->attacks) RETURN_IF_ERROR(CompleteAttack(*options, &attack));
  for (ShockOptions& shock : options->shocks) RETURN_IF_ERROR(CompleteShock(*options, &shock));
  return absl::OkStatus();
}

bool ParseOffsetMs(std::string_view text, int64_t* out) {
  struct Unit {
    std::string_view name;
    int64_t ms;
  };
  // "ms" before "m", so that the longer name is taken.
  constexpr std::array<Unit, 5> kUnits = {
      {{"d", kDayMs}, {"h", kHourMs}, {"ms", 1}, {"m", kMinuteMs}, {"s", 1000}}};
  if (text == "0") {
    *out = 0;
    return true;
  }
  if (text.empty()) return false;
  int64_t sum = 0;
  int64_t smallest = std::numeric_limits<int64_t>::max();
  while (!text.empty()) {
    uint64_t number = 0;
    const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || number > 1'000'000'000) return false;
    text.remove_prefix(static_cast<size_t>(stopped - text.data()));
    int64_t unit = 0;
    for (const Unit& known : kUnits) {
      if (unit == 0 && text.starts_with(known.name)) {
        unit = known.ms;
        text.remove_prefix(known.name.size());
      }
    }
    if (unit == 0 || unit >= smallest) return false;
    smallest = unit;
    sum += static_cast<int64_t>(number) * unit;
    if (sum > 4000 * kDayMs) return false;
  }
  *out = sum;
  return true;
}

bool ParseShare(std::string_view text, uint32_t* ppm) {
  double scale = 1;
  if (text.ends_with('%')) {
    scale = 0.01;
    text.remove_suffix(1);
  }
  double number = 0;
  if (!absl::SimpleAtod(ToAbsl(text), &number) || !(number >= 0) || number * scale > 1) return false;
  *ppm = static_cast<uint32_t>(std::floor(number * scale * kMillion + 0.5));
  return true;
}

absl::StatusOr<AttackOptions> ParseAttack(std::string_view text) {
  ASSIGN_OR_RETURN(const size_t kind, FindName("--attack", text, kAttackClassNames));
  AttackOptions attack = AttackOptions::Of(static_cast<AttackClass>(kind));
  constexpr std::array<std::string_view, 12> kKeys = {"attempts", "rate",  "at",    "addresses",
                                                      "tries",    "known", "valid", "solve",
                                                      "carrier",  "cover", "ramp",  "feedback"};
  const auto take = [&attack](const Pair& pair) -> std::string_view {
    const auto share = [&pair](uint32_t* ppm) {
      return ParseShare(pair.value, ppm) ? std::string_view() : kWriteShare;
    };
    const auto number = [&pair](uint32_t* out) -> std::string_view {
      uint64_t read = 0;
      if (!ParseNumber(pair.value, 10'000'000, &read)) return "a whole number up to 10000000";
      *out = static_cast<uint32_t>(read);
      return {};
    };
    if (pair.key == "attempts") {
      return ParseNumber(pair.value, 1'000'000'000, &attack.attempts) && attack.attempts > 0
                 ? std::string_view()
                 : "a whole number up to 1000000000";
    }
    if (pair.key == "rate")
      return ParseRate(pair.value, &attack.attempts_per_hour) ? std::string_view()
                                                              : "a rate as 20/s, 300/m or 60/h";
    if (pair.key == "at") return ParseOffsetMs(pair.value, &attack.at_ms) ? std::string_view() : kWriteOffset;
    if (pair.key == "ramp")
      return ParseOffsetMs(pair.value, &attack.ramp_ms) ? std::string_view() : "a span as 2d or 90m";
    if (pair.key == "addresses") return number(&attack.addresses);
    if (pair.key == "tries") return number(&attack.tries_per_address);
    if (pair.key == "known") return share(&attack.known_ppm);
    if (pair.key == "valid") return share(&attack.valid_ppm);
    if (pair.key == "solve") return share(&attack.solve_ppm);
    if (pair.key == "carrier") return share(&attack.carrier_ppm);
    if (pair.key == "cover") return share(&attack.cover_ppm);
    attack.feedback = pair.value == "yes";
    return attack.feedback || pair.value == "no" ? std::string_view() : "yes or no";
  };
  RETURN_IF_ERROR(ReadPairs(Concat("--attack ", Name(attack.kind)), BehindName(text), kKeys, take));
  return attack;
}

absl::StatusOr<ShockOptions> ParseShock(std::string_view text) {
  ASSIGN_OR_RETURN(const size_t kind, FindName("--shock", text, kShockNames));
  ShockOptions shock = ShockOptions::Of(static_cast<ShockKind>(kind));
  constexpr std::array<std::string_view, 4> kKeys = {"at", "for", "share", "factor"};
  const auto take = [&shock](const Pair& pair) -> std::string_view {
    if (pair.key == "at") return ParseOffsetMs(pair.value, &shock.at_ms) ? std::string_view() : kWriteOffset;
    if (pair.key == "for")
      return ParseOffsetMs(pair.value, &shock.span_ms) ? std::string_view() : "a span as 15m";
    if (pair.key == "share")
      return ParseShare(pair.value, &shock.share_ppm) ? std::string_view() : kWriteShare;
    uint64_t factor = 0;
    if (!ParseNumber(pair.value, 100, &factor)) return "a whole number from 2 to 100";
    shock.factor = static_cast<uint32_t>(factor);
    return {};
  };
  RETURN_IF_ERROR(ReadPairs(Concat("--shock ", Name(shock.kind)), BehindName(text), kKeys, take));
  return shock;
}

}  // namespace stockade
