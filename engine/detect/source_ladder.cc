#include "engine/detect/source_ladder.h"

#include <algorithm>
#include <bit>

namespace stockade {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kHourMs = int64_t{3600} * 1000;
constexpr int kDoorHours = 21;  // how long the first account of a rung waits for a second
constexpr int kSharedDays = 7;

// Kinds of pairs in ContactMemory.
constexpr uint64_t kFailureOnRung = 0x10;
constexpr uint64_t kSuccessOnRung = 0x11;

uint16_t PrintOf(uint64_t hash) noexcept {
  return static_cast<uint16_t>((hash >> 40) | 1);
}

int AgeOf(uint16_t now, uint16_t then) noexcept {
  const auto age = static_cast<uint16_t>(now - then);
  return age < 0x8000 ? age : 0;
}

}  // namespace

SourceLadder::Door::Door(size_t bytes)
    : memory_(std::bit_floor(std::max(bytes, size_t{4096}))),
      places_(static_cast<Place*>(memory_.data())),
      mask_(memory_.bytes() / sizeof(Place) - 1) {
  if (places_ == nullptr) throw std::bad_alloc();
}

bool SourceLadder::Door::Opens(uint64_t rung, uint64_t account, float z, int64_t now_ms,
                               float* waited) noexcept {
  Place& place = places_[rung & mask_];
  const uint16_t print = PrintOf(account);
  const auto hours = static_cast<uint8_t>(now_ms / kHourMs);
  const auto age = static_cast<uint8_t>(hours - place.hours);
  const bool alive = place.account != 0 && age < kDoorHours;
  if (alive && place.account != print) {
    *waited = static_cast<float>(place.evidence) / 16;
    place = {};
    return true;
  }
  const auto sixteenths = static_cast<uint8_t>(std::clamp(z * 16, 0.0F, 255.0F));
  if (!alive || sixteenths > place.evidence) place.evidence = sixteenths;
  place.account = print;
  place.hours = hours;
  return false;
}

SourceLadder::SourceLadder(size_t bytes_max, const HashKey& key)
    : hash_(key, "ladder"), table_(bytes_max - bytes_max / 3), door_(bytes_max / 3) {}

const SourceLadder::Rungs& SourceLadder::RungsOf(const Attempt& attempt) const noexcept {
  Rungs& rungs = rungs_;
  const Address& source = attempt.source;
  if (rungs.source == source && rungs.asn == attempt.asn) return rungs;
  rungs.source = source;
  rungs.asn = attempt.asn;
  rungs.size = 0;
  if (!source.present()) return rungs;
  const auto add = [&](uint8_t length, uint64_t high, uint64_t low) {
    rungs.tags[rungs.size] = hash_.Short(high, low, length);
    rungs.lengths[rungs.size++] = length;
  };
  for (const uint8_t length : Ladder(source)) {
    const Prefix prefix = Prefix::Around(source, length);
    add(length, prefix.address.is_v6() ? prefix.address.high() : 4, prefix.address.low());
  }
  if (attempt.asn != 0) add(kAsnRung, 0, attempt.asn);
  return rungs;
}

float SourceLadder::ScoreOf(const Record& record, int64_t half_life_ms, float Record::*score,
                            int64_t now_ms) noexcept {
  return Decayed(record.*score, now_ms - int64_t{record.time_s} * 1000, half_life_ms);
}

size_t SourceLadder::ChildrenOf(const Record& record) noexcept {
  return static_cast<size_t>(
      std::ranges::count_if(record.children, [](uint16_t child) { return child != 0; }));
}

size_t SourceLadder::HomesOf(const Record& record, int64_t now_ms) noexcept {
  const auto day = static_cast<uint16_t>(now_ms / kDayMs);
  return static_cast<size_t>(std::ranges::count_if(record.homes, [day](const Home& home) {
    return home.account != 0 && AgeOf(day, home.day) <= kSharedDays;
  }));
}

SourceReading SourceLadder::Read(const Attempt& attempt, int64_t now_ms) const noexcept {
  SourceReading reading;
  const Rungs& rungs = RungsOf(attempt);
  size_t homes = 0;
  for (size_t i = 0; i < rungs.size; ++i) {
    const Record* const record = table_.Find(rungs.tags[i]);
    if (record == nullptr) continue;
    const bool is_asn = rungs.lengths[i] == kAsnRung;
    if (!is_asn) homes = std::max(homes, HomesOf(*record, now_ms));
    if (i > 0 && ChildrenOf(*record) < kChildrenMin) continue;
    const float score = std::max(ScoreOf(*record, kHalfLifeMs, &Record::fast, now_ms),
                                 ScoreOf(*record, kSlowHalfLifeMs, &Record::slow, now_ms));
    Suspicion suspicion = SuspicionOf(score, thresholds_);
    if (is_asn) suspicion = std::min(suspicion, Suspicion::kSuspect);
    if (suspicion <= reading.suspicion) continue;  // the narrowest that is as guilty
    reading.suspicion = suspicion;
    reading.score = score;
    reading.rung = is_asn ? Prefix() : Prefix::Around(attempt.source, rungs.lengths[i]);
    reading.asn = is_asn ? attempt.asn : 0;
    reading.shared = homes >= kSharedMin;
    reading.at_home = homes > 0;
  }
  return reading;
}

SourceLadder::Record* SourceLadder::Open(uint64_t tag, int64_t now_ms) noexcept {
  Record* const record = table_.FindOrMake(tag, thresholds_.suspect, [now_ms](const Record& one) {
    // Who is shared is worth knowing.
    return std::max(ScoreOf(one, kHalfLifeMs, &Record::fast, now_ms),
                    ScoreOf(one, kSlowHalfLifeMs, &Record::slow, now_ms)) +
           (one.homes[0].account != 0 ? 1.0F : 0.0F);
  });
  if (record != nullptr && record->time_s == 0) record->time_s = static_cast<uint32_t>(now_ms / 1000);
  return record;
}

void SourceLadder::Add(Record* record, float z, int64_t now_ms) noexcept {
  const int64_t age_ms = now_ms - int64_t{record->time_s} * 1000;
  record->fast = AddEvidence(record->fast, age_ms, kHalfLifeMs, z);
  record->slow = AddEvidence(record->slow, age_ms, kSlowHalfLifeMs, z);
  if (age_ms > 0) record->time_s = static_cast<uint32_t>(now_ms / 1000);
}

bool SourceLadder::Note(const Attempt& attempt, uint64_t account, Clue clue, float z, int64_t now_ms,
                        ContactMemory* contacts) noexcept {
  if (z == 0) return false;
  bool counted = false;
  const Rungs& rungs = RungsOf(attempt);
  const uint64_t kind = clue == Clue::kSuccess ? kSuccessOnRung : kFailureOnRung;
  for (size_t i = 0; i < rungs.size; ++i) {
    Record* record = table_.Find(rungs.tags[i]);
    // A success that nothing speaks against is no reason for a record.
    if (record == nullptr && z < 0) continue;
    if (!contacts->IsFirst(PairOf(rungs.tags[i], account, kind), now_ms, ContactMemory::kDay)) continue;
    counted |= i == 0;
    float waited = 0;
    if (record == nullptr) {
      if (!door_.Opens(rungs.tags[i], account, z, now_ms, &waited)) continue;
      record = Open(rungs.tags[i], now_ms);
      if (record == nullptr) continue;
    }
    Add(record, z + waited, now_ms);
    if (i == 0 || z < 0) continue;
    const uint16_t child = PrintOf(rungs.tags[i - 1]);
    if (std::ranges::find(record->children, child) != record->children.end()) continue;
    const auto free = std::ranges::find(record->children, 0);
    if (free != record->children.end()) *free = child;
  }
  return counted;
}

void SourceLadder::Amend(const Attempt& attempt, float z, int64_t now_ms) noexcept {
  if (z == 0) return;
  const Rungs& rungs = RungsOf(attempt);
  for (size_t i = 0; i < rungs.size; ++i)
    if (Record* const record = table_.Find(rungs.tags[i]); record != nullptr) Add(record, z, now_ms);
}

void SourceLadder::NoteAtHome(const Attempt& attempt, uint64_t account, int64_t now_ms) noexcept {
  const Rungs& rungs = RungsOf(attempt);
  const auto day = static_cast<uint16_t>(now_ms / kDayMs);
  const uint16_t print = PrintOf(account);
  // An ASN is shared by nature.
  for (size_t i = 0; i < rungs.size && rungs.lengths[i] != kAsnRung; ++i) {
    Record* record = table_.Find(rungs.tags[i]);
    if (record == nullptr) {
      float waited = 0;
      if (!door_.Opens(rungs.tags[i], account, 0, now_ms, &waited)) continue;
      record = Open(rungs.tags[i], now_ms);
      if (record == nullptr) continue;
      Add(record, waited, now_ms);
    }
    Home* oldest = &record->homes[0];
    for (Home& home : record->homes) {
      if (home.account == print) {
        home.day = day;
        oldest = nullptr;
        break;
      }
      if (home.account == 0) {
        oldest = &home;
        break;
      }
      if (AgeOf(day, home.day) > AgeOf(day, oldest->day)) oldest = &home;
    }
    if (oldest != nullptr) *oldest = {print, day};
  }
}

}  // namespace stockade
