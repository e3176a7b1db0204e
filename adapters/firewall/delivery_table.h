// What one firewall should have and what it is believed to have, a row for each key, and the rows that wait for it to be
// told, oldest first. The memory of DeliveryPlan; it decides nothing.
//
// Rows have numbers, which are used again after Erase: a Token tells a row from its predecessor. Some 220 bytes a row with
// its place in the queue of expiries; the decisions are shared. References live until Erase. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/standing_orders.h"

namespace stockade {

enum class Belief : uint8_t { kAbsent, kStands, kUnknown };  // unknown: a call failed that may have done it
enum class Need : uint8_t { kNone, kRelease, kEnforce };

struct DeliveryRow {
  SharedDecision wanted;        // in force; may be over already. Null: nothing should stand
  SharedDecision told;          // what stands, where it stands; never null while `wanted` is
  int64_t stands_until_ms = 0;  // unless absent: the latest time until which it may stand; 0: not known
  int64_t due_ms = INT64_MAX;   // when it was last put into the queue of expiries for
  int64_t since_ns = 0;         // while it waits: since when
  int64_t changed_ns = 0;       // while on its way: when it changed, if `changed`
  uint32_t earlier = UINT32_MAX, later = UINT32_MAX;  // who waits
  uint32_t generation = 0;
  uint32_t seen = 0;  // the last round that came by
  Belief belief = Belief::kAbsent;
  Need need = Need::kNone;  // what it waits for
  bool live = false;
  bool over = false;       // the wall clock is past `wanted`
  bool refused = false;    // what it needs cannot be carried out
  bool lapses = false;     // what stands may go by itself: the ledger says that its time is over
  bool stood = false;      // it was confirmed to stand, and not since to be gone
  bool in_flight = false;  // part of the call under way
  bool changed = false;    // since that call began
  bool timed = false, changed_timed = false;  // a change caused it, whose delay counts

  bool wants() const noexcept { return wanted != nullptr && !over; }
  // It stands as it should. Only where it should.
  bool is_right() const noexcept {
    return belief == Belief::kStands && stands_until_ms == wanted->until_ms && told != nullptr &&
           told->id == wanted->id;
  }
};

class DeliveryTable {
 public:
  static constexpr uint32_t kNoRow = UINT32_MAX;
  struct Token {
    uint32_t row = kNoRow;
    uint32_t generation = 0;
    friend bool operator<(const Token& a, const Token& b) noexcept {
      return a.row != b.row ? a.row < b.row : a.generation < b.generation;
    }
    friend bool operator==(const Token&, const Token&) = default;
  };

  DeliveryRow& operator[](uint32_t row) { return rows_[row]; }
  const DeliveryRow& operator[](uint32_t row) const { return rows_[row]; }
  Token TokenOf(uint32_t row) const { return {row, rows_[row].generation}; }
  bool IsLive(Token token) const {
    return rows_[token.row].live && rows_[token.row].generation == token.generation;
  }

  uint32_t Find(const OrderKey& key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? kNoRow : found->second;
  }
  uint32_t FindOrMake(const OrderKey& key) {
    const auto [at, is_new] = by_key_.try_emplace(key, kNoRow);
    if (!is_new) return at->second;
    if (free_.empty()) {
      at->second = static_cast<uint32_t>(rows_.size());
      rows_.emplace_back();
    } else {
      at->second = free_.back();
      free_.pop_back();
    }
    rows_[at->second].live = true;
    return at->second;
  }
  // It has a decision by which it is named.
  void Erase(uint32_t row) {
    DeliveryRow& it = rows_[row];
    Unqueue(row);
    by_key_.erase(OrderKey::Of(it.wanted != nullptr ? *it.wanted : *it.told));
    const uint32_t generation = it.generation + 1;
    it = DeliveryRow{};
    it.generation = generation;
    free_.push_back(row);
  }
  // `visit(row)` may erase the row it is given.
  template <typename Visit>
  void VisitAll(Visit&& visit) {
    for (uint32_t row = 0; row < rows_.size(); ++row)
      if (rows_[row].live) visit(row);
  }
  size_t size() const noexcept { return by_key_.size(); }

  // At the end of those that wait for `need`, which is not kNone.
  void Queue(uint32_t row, Need need) {
    DeliveryRow& it = rows_[row];
    Line& line = LineOf(need);
    it.need = need;
    it.earlier = line.last;
    it.later = kNoRow;
    (line.last == kNoRow ? line.first : rows_[line.last].later) = row;
    line.last = row;
    ++line.size;
  }
  void Unqueue(uint32_t row) {
    DeliveryRow& it = rows_[row];
    if (it.need == Need::kNone) return;
    Line& line = LineOf(it.need);
    (it.earlier == kNoRow ? line.first : rows_[it.earlier].later) = it.later;
    (it.later == kNoRow ? line.last : rows_[it.later].earlier) = it.earlier;
    --line.size;
    it.need = Need::kNone;
  }
  uint32_t First(Need need) const { return LineOf(need).first; }
  size_t waiting() const { return release_.size + enforce_.size; }

 private:
  struct Line {
    uint32_t first = kNoRow;
    uint32_t last = kNoRow;
    size_t size = 0;
  };
  Line& LineOf(Need need) { return need == Need::kRelease ? release_ : enforce_; }
  const Line& LineOf(Need need) const { return need == Need::kRelease ? release_ : enforce_; }

  absl::flat_hash_map<OrderKey, uint32_t> by_key_;
  std::deque<DeliveryRow> rows_;
  std::vector<uint32_t> free_;
  Line release_;
  Line enforce_;
};

}  // namespace stockade
