// Where in a JSON record which field lies: a tree of keys that is walked along with the record.
//
// The path "source.as.number" is the same field spelt {"source":{"as":{"number":…}}}, {"source.as.number":…}
// or
// {"source.as":{"number":…}}. A node therefore knows every key that leads on from it, with dots in it or
// without; at each level one look-up a key, by a hash of its length and its first and last eight bytes,
// decides what to do with the value. Immutable after Build; look-ups ~3 ns, nothing allocated.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/field.h"

namespace stockade {

class FieldPaths {
 public:
  // What the value of a path is: a field, or a part of login.challenge.
  enum class Part : uint8_t { kWhole, kChallengeHuman, kChallengeIdentity };
  struct Target {
    FieldId field;
    Part part = Part::kWhole;
  };
  using Node = uint32_t;
  static constexpr Node kNone = 0;  // nothing below here is of interest
  static constexpr Node kRoot = 1;
  static constexpr size_t kKeyPadding = 8;

  // The known fields at their own names, or where `mapped` says; of `fields`, if any, the extra names, and where it keeps
  // unnamed values every other place as kUnnamedField.
  FieldPaths(const std::map<std::string, std::string>& mapped, const FieldTable* fields);

  // The node of a key below a node. kKeyPadding bytes behind the key may be read, whatever they are.
  // `hint` is kept by the caller for each place of a record, at first 0: lines of one log have their keys in
  // one order, and then the answer is where it was last time.
  Node Find(Node node, std::string_view key, uint32_t* hint) const noexcept {
    const Sketch sketch = SketchOf(key);
    if (const Slot& last = slots_[*hint]; last.parent == node && Holds(last, sketch, key)) return last.node;
    const Table& table = tables_[node];
    if (table.count == 0) return beyond_;
    for (uint32_t i = Place(sketch, table.mask);; i = (i + 1) & table.mask) {
      const Slot& slot = slots_[table.begin + i];
      if (slot.node == kNone) return beyond_;
      if (Holds(slot, sketch, key)) {
        *hint = table.begin + i;
        return slot.node;
      }
    }
  }
  std::span<const Target> Targets(Node node) const noexcept {
    return {targets_.data() + tables_[node].targets_begin, tables_[node].targets_count};
  }

 private:
  struct Sketch {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  struct Slot {
    Sketch sketch;
    uint32_t key = 0;  // offset in keys_
    uint32_t size = 0;
    Node node = kNone;
    Node parent = kNone;
  };
  struct Table {
    uint32_t begin = 0;
    uint32_t mask = 0;
    uint32_t count = 0;
    uint32_t targets_begin = 0;
    uint32_t targets_count = 0;
  };

  // The first `size` bytes in memory order, 1 to 7.
  static uint64_t Mask(size_t size) noexcept {
    const uint64_t bits = ~uint64_t{0};
    return std::endian::native == std::endian::little ? bits >> (64 - 8 * size) : bits << (64 - 8 * size);
  }
  static Sketch SketchOf(std::string_view key) noexcept {
    Sketch sketch;
    if (key.size() >= 8) {
      std::memcpy(&sketch.first, key.data(), 8);
      std::memcpy(&sketch.last, key.data() + key.size() - 8, 8);
    } else {
      // Eight bytes, of which those behind the key are masked: a copy of unknown length is a call.
      std::memcpy(&sketch.first, key.data(), 8);
      sketch.first &= key.empty() ? 0 : Mask(key.size());
    }
    return sketch;
  }
  bool Holds(const Slot& slot, const Sketch& sketch, std::string_view key) const noexcept {
    return slot.sketch.first == sketch.first && slot.sketch.last == sketch.last && slot.size == key.size() &&
           (key.size() <= 16 || std::memcmp(keys_.data() + slot.key, key.data(), key.size()) == 0);
  }
  static uint32_t Place(const Sketch& sketch, uint32_t mask) noexcept {
    const uint64_t mixed = (sketch.first * 0x9e3779b97f4a7c15ULL) ^ (sketch.last * 0xc2b2ae3d27d4eb4fULL);
    return static_cast<uint32_t>(mixed >> 40) & mask;
  }

  Node beyond_ = kNone;        // what lies at a key that no path has
  std::vector<Table> tables_;  // by node
  std::vector<Slot> slots_;
  std::vector<Target> targets_;
  std::string keys_;
};

}  // namespace stockade
