// The shapes of JSON lines: what stands around their values.
//
// Lines that one program writes differ in their values; what lies between, `},"user":{"name":"`, comes again
// with every line. A step is one such text, with what a whole parser found to be meant by it: which place of
// the record the value behind it belongs to. To read a line by its shape is to go from step to step, to compare
// the text of each and to take the values; of the steps that followed one before, one mostly fits.
//
// Why that is exact: what a JSON parser knows between two values is which objects and lists are open, by which
// keys each was reached, and whether a list is behind its first element. All of it decides what the text up to
// the next value means, and with that text what is open then; nothing else does, but for the number of fields,
// which is added up. So a step is known by what is open in front of it and by its text, and follows only steps
// behind which the same is open: it means in every line what it meant in the line it was learnt from, whatever
// the order of keys, their spelling, escapes in them, keys that come twice. Steps are learnt from lines without
// an error alone. What a line has to hold beyond its steps is its values: strings that end, are UTF-8 and hold
// no control character, scalars that are scalars. The reader checks those, byte by byte.
//
// Bounds: kStepsMax steps of 128 bytes, with their texts and keys below 1.5 MiB; a log of one program takes
// some dozens. When there is no room, or nothing more to learn, learning rests for kRest lines of unknown shape;
// then what filled the room is forgotten and learnt anew. A log whose lines never come again is tried only now
// and then. Next costs ~25 instructions where the first of the steps fits, and ~15 for each other.
// Not thread-safe. Oracle: the same line read by a source that has seen no other,
// tests/adapters/source/ndjson_shape_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/source/field_values.h"
#include "adapters/source/json_bytes.h"

namespace stockade {

class LineShapes {
 public:
  static constexpr size_t kStepsMax = 1024;
  static constexpr size_t kFollowersMax = 16;   // steps that may come next
  static constexpr size_t kValuesMax = 256;     // of a line that is learnt
  static constexpr size_t kTextBytesMax = 256;  // of one step
  static constexpr size_t kOpenBytesMax = 512;  // of the keys of what is open
  static constexpr uint32_t kRest = 4096;
  static constexpr uint32_t kFruitlessMax = 64;  // lines in a row that taught nothing, before a rest
  // Lines in a row of unknown shape after which only every kTryEvery-th is tried.
  static constexpr uint32_t kMissesMax = 64;
  static constexpr uint32_t kTryEvery = 16;
  // How far behind a line First and Next may read.
  static constexpr size_t kPadding = MaskedBytes::kBytes;

  // What stands behind the text of a step.
  enum class Then : uint8_t {
    kText,    // the inside of a string: the text of the step ends with its opening quote
    kScalar,  // a number or a word
    kEnd,     // nothing: the line is over
  };
  struct Step {
    MaskedBytes head;     // the first bytes of the text
    uint32_t size = 0;    // of the whole
    uint32_t tail = 0;    // where the text behind the head stands
    uint16_t fields = 0;  // how many begin in it, lists counted as JSON readers here count them
    Then then = Then::kEnd;
    FieldValues::Place place;
    std::array<uint16_t, kFollowersMax> next{};  // in the order they were learnt; 0: none
  };
  static_assert(sizeof(Step) <= 128 && kStepsMax <= UINT16_MAX);

  // A value of a line to be learnt: where its step ends (for a string behind its opening quote), and where the
  // next one begins (behind the closing quote).
  struct Value {
    uint32_t begin = 0;
    uint32_t end = 0;
    bool is_text = false;
    bool in_list = false;
    FieldPaths::Node node = FieldPaths::kNone;
  };

  bool WorthTrying() const noexcept { return misses_ < kMissesMax || misses_ % kTryEvery == 0; }
  // The step that a line continues with at `at`, as its first one or behind `last`; null if none is known.
  // kPadding bytes behind `end`, the end of the line, may be read.
  const Step* First(const char* at, const char* end) const noexcept { return Next(steps_.front(), at, end); }
  const Step* Next(const Step& last, const char* at, const char* end) const noexcept {
    const auto left = static_cast<size_t>(end - at);
    for (size_t follower = 0; follower < kFollowersMax && last.next[follower] != 0; ++follower) {
      const Step& step = steps_[last.next[follower]];
      if (!Fits(step.head, at) || step.size > left) continue;
      if (step.size > kPadding && !TailFits(step, at)) continue;
      if (step.then == Then::kText) [[likely]]
        return &step;
      // Where more steps begin alike, `,"n":` and `,"n":"`, what comes next decides.
      const bool at_end = step.size == left;
      if (step.then == Then::kEnd ? at_end : !at_end && IsScalarBegin(at[step.size])) return &step;
    }
    return nullptr;
  }

  // Of every line: whether it was read by its shape. For one that was not: true if it is to be learnt.
  void Hit() noexcept { misses_ = 0; }
  bool Miss() noexcept;
  uint32_t misses() const noexcept { return misses_; }  // in a row
  // `line` was read without error, and these are all its values, in order.
  void Learn(std::string_view line, std::span<const Value> values, const FieldValues& fields);

 private:
  static bool IsScalarBegin(char c) noexcept { return c != '"' && c != '{' && c != '['; }
  bool TailFits(const Step& step, const char* at) const noexcept {
    return std::memcmp(tails_.data() + step.tail, at + kPadding, step.size - kPadding) == 0;
  }
  // Makes the step of this text, `open` being open in front of it, one that may follow `last`. 0 if there is no
  // room.
  uint16_t Follow(uint16_t last, std::string_view open, std::string_view text, const Step& like);

  std::vector<Step> steps_ = std::vector<Step>(1);  // [0] stands before every line
  std::string tails_;
  std::unordered_map<std::string, uint16_t> known_;  // by what is open in front of a step and by its text
  bool full_ = false;
  uint32_t misses_ = 0;
  uint32_t fruitless_ = 0;  // lines to be learnt since the last that taught anything
  uint32_t rested_ = 0;
};

}  // namespace stockade
