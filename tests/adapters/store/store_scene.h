// What tests of stores share: entries as a running engine makes them, a model of what a store must then hold, and how what a
// store does hold is compared with it.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "adapters/store/audit_chain.h"
#include "adapters/store/audit_line.h"
#include "adapters/store/decision_row.h"
#include "adapters/store/decision_store.h"
#include "engine/text.h"

namespace stockade {

inline constexpr int64_t kSceneMs = 1'795'000'000'000;  // 2026-11-18
inline constexpr int64_t kHourMs = 3'600'000;

inline Decision DecisionOn(Scope scope, std::string value, int64_t until_ms = kSceneMs + kHourMs) {
  Decision decision;
  decision.id = "00000000000000a1";
  decision.time_ms = kSceneMs;
  decision.action = scope == Scope::kAccount ? Action::kLock : Action::kBlock;
  decision.scope = scope;
  decision.value = std::move(value);
  if (const auto prefix = Prefix::Parse(decision.value)) decision.prefix = *prefix;
  decision.until_ms = until_ms;
  decision.rule = "many_accounts";
  decision.reason = "9 accounts in 10m, at least 8 were asked for";
  decision.evidence = {.title = "Many accounts",
                       .value = 9,
                       .at_least = true,
                       .estimated = false,
                       .condition = "gte 8",
                       .counted_field = "user.name",
                       .span_ms = 600'000,
                       .first_ms = kSceneMs - 500'000,
                       .last_ms = kSceneMs,
                       .group = {{"source.ip", "203.0.113.9"}},
                       .via = {}};
  return decision;
}

inline StoreEntry ChangeEntry(ChangeKind kind, Decision decision, int64_t time_ms = kSceneMs) {
  Change change;
  change.kind = kind;
  change.decision = std::move(decision);
  return {.what = std::move(change), .time_ms = time_ms};
}

inline std::vector<const StoreEntry*> Pointers(const std::vector<StoreEntry>& entries) {
  std::vector<const StoreEntry*> pointers;
  for (const StoreEntry& entry : entries) pointers.push_back(&entry);
  return pointers;
}

inline absl::Status WriteEntries(DecisionStore* store, const std::vector<StoreEntry>& entries) {
  return store->Write(Pointers(entries));
}

// Names that strangers choose.
inline const std::vector<std::string>& HostileNames() {
  static const std::vector<std::string> names = {
      "'; DROP TABLE decisions; --",
      "\"quoted\" \\ and ,\"chain\":\"0000",
      std::string("nul\0inside", 10),
      std::string(1, '\0'),
      "bad\xff\xfe\x80utf8\xc3",
      "bad\xff\xfe\x81utf8\xc3",  // differs from the one before in a byte that is no UTF-8
      "new\nline\r\ttab\x7f\x1b[31m",
      "\xe2\x80\xae"
      "right to left",
      std::string(300, 'x'),
      "%s%n{}$(id)`id`",
  };
  return names;
}

// An endless run of entries, the same for the same seed: decisions made, prolonged, over and let go, notes between them.
class EntryStream {
 public:
  explicit EntryStream(uint32_t seed) : random_(seed) {}

  StoreEntry Next() {
    ++number_;
    const int64_t now_ms = kSceneMs + static_cast<int64_t>(number_) * 7;
    const uint32_t dice = Below(100);
    if (dice < 6) {
      AuditNote note{.time_ms = now_ms, .by = "alice", .what = "reload", .text = Concat("note ", number_)};
      if (Below(3) == 0)
        note = {.time_ms = now_ms, .by = "bob", .what = "enforcing", .enforcing = Below(2) == 0};
      return {.what = note};
    }
    Decision decision = OnSomebody();
    decision.id = Concat("id", number_);
    decision.time_ms = now_ms;
    decision.until_ms = now_ms + kHourMs + Below(1000);
    if (const auto standing = standing_.find(RowKey::Of(decision)); standing != standing_.end()) {
      if (dice < 50) {
        const ChangeKind kind = dice < 30 ? ChangeKind::kExpired : ChangeKind::kRemoved;
        StoreEntry entry = ChangeEntry(kind, standing->second, now_ms);
        if (Below(2) == 0) std::get<Change>(entry.what).by = "carol";
        standing_.erase(standing);
        return entry;
      }
      standing->second = decision;
      return ChangeEntry(ChangeKind::kExtended, decision, now_ms);
    }
    standing_.emplace(RowKey::Of(decision), decision);
    return ChangeEntry(ChangeKind::kAdded, decision, now_ms);
  }
  void Skip(uint64_t entries) {
    while (entries-- > 0) Next();
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

 private:
  Decision OnSomebody() {
    const uint32_t who = Below(60);
    if (who < 10) return DecisionOn(Scope::kAccount, HostileNames()[who % HostileNames().size()]);
    if (who < 15) return DecisionOn(Scope::kRange, Concat("2001:db8:", who, "::/48"));
    Decision decision = DecisionOn(Scope::kIp, Concat("203.0.113.", who));
    if (who < 30) {
      decision.action = Action::kChallenge;
      decision.challenge_kind = who % 2 == 0 ? ChallengeKind::kHuman : ChallengeKind::kIdentity;
    }
    decision.shadow = Below(4) == 0;
    return decision;
  }

  std::mt19937 random_;
  uint64_t number_ = 0;
  std::map<RowKey, Decision> standing_;
};

// What stands and what is over, as text, by key.
struct Held {
  std::map<RowKey, std::string> standing;
  std::map<RowKey, std::string> over;
  bool enforcing = true;

  friend bool operator==(const Held&, const Held&) = default;

  void Apply(const StoreEntry& entry) {
    if (const auto* note = std::get_if<AuditNote>(&entry.what)) {
      if (note->enforcing) enforcing = *note->enforcing;
      return;
    }
    const auto& change = std::get<Change>(entry.what);
    const RowKey key = RowKey::Of(change.decision);
    const bool stands = change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kExtended;
    standing.erase(key);
    over.erase(key);
    const std::string how = change.kind == ChangeKind::kRemoved ? "removed " : stands ? "" : "expired ";
    (stands ? standing : over)[key] = how + RowText(change.decision);
  }
};

// Everything a store gives at a start.
inline Held LoadAll(DecisionStore* store, int64_t now_ms = kSceneMs) {
  Held held;
  const auto report = store->Load(now_ms, [&](LoadedAs as, Decision&& decision) {
    const RowKey key = RowKey::Of(decision);
    const std::string text = RowText(decision);
    if (as == LoadedAs::kStanding || as == LoadedAs::kLapsed) {
      CHECK(held.standing.emplace(key, text).second);
    } else {
      CHECK(held.over.emplace(key, (as == LoadedAs::kRemoved ? "removed " : "expired ") + text).second);
    }
  });
  INFO(report.status().ToString());
  REQUIRE(report.ok());
  CHECK(report->unreadable == 0);
  CHECK(report->first_unreadable == "");
  CHECK(report->standing + report->lapsed == held.standing.size());
  CHECK(report->over == held.over.size());
  held.enforcing = report->enforcing;
  return held;
}

inline std::vector<std::string> AllLines(AuditSource* source) {
  std::vector<std::string> all;
  while (true) {
    const auto lines = source->ReadAudit(all.size(), 1000);
    INFO(lines.status().ToString());
    REQUIRE(lines.ok());
    if (lines->empty()) return all;
    all.insert(all.end(), lines->begin(), lines->end());
  }
}

// The line that an entry must have made behind `head`, which it moves.
inline std::string ExpectedLine(const StoreEntry& entry, AuditHead* head) {
  const std::string line =
      AppendChain(head->chain, Concat("{\"n\":", ++head->n, ",", AuditMembers(entry), "}"));
  head->chain = std::string(ChainOf(line));
  return line;
}

}  // namespace stockade
