// The shapes of JSON lines: what stands around their values.
//
// Lines that one program writes differ in their values; what lies between, `},"user":{"name":"`, comes again
// with every line. A shape is the sequence of these texts, each with what a whole parser found to be meant by
// it: which place of the record the value behind it belongs to. To read a line by its shape is to compare
// these texts and to take the values.
//
// Why that is exact: shapes are learnt from lines that were read without error, and all of them form a tree,
// cut where two first differ. A step of the tree therefore stands for all text in front of it, byte for byte,
// but for the insides of strings and for the scalars. What a JSON parser knows at that point, which objects and
// lists are open, how many fields there were, follows from that text alone. So the step means in every line
// what it meant in the line it was learnt from: whatever the order of keys, their spelling, escapes in them,
// keys that come twice. What a line has to hold beyond its shape is its values: strings that end, are UTF-8
// and hold no control character, scalars that are scalars. The reader checks those, byte by byte.
//
// Bounds: kStepsMax steps of 128 bytes and kTextBytesMax for each, 384 KiB at most; a log of one program takes
// some dozens. When the tree is full, kForgetAfter lines of unknown shape later it is forgotten and grows
// anew: a log without shapes costs ~2 % of its reading, a log that changes is learnt again. Match costs ~25
// instructions a step. Not thread-safe. Oracle: the same line read by a source that has seen no other,
// tests/adapters/source/ndjson_shape_test.cc.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/source/field_values.h"
#include "adapters/source/json_bytes.h"

namespace stockade {

class LineShapes {
 public:
  static constexpr size_t kStepsMax = 1024;
  static constexpr size_t kSiblingsMax = 16;    // steps that may follow one
  static constexpr size_t kValuesMax = 256;     // of a line that is learnt
  static constexpr size_t kTextBytesMax = 256;  // of one step
  static constexpr uint32_t kForgetAfter = 1024;
  // How far behind a line Match may read.
  static constexpr size_t kPadding = BytePattern::kBytes;

  // What stands behind the text of a step.
  enum class Then : uint8_t {
    kText,    // the inside of a string: the text of the step ends with its opening quote
    kScalar,  // a number or a word
    kEnd,     // nothing: the line is over
  };
  struct Step {
    BytePattern head;      // the first bytes of the text
    uint32_t size = 0;     // of the whole
    uint32_t tail = 0;     // where the text behind the head stands
    uint32_t child = 0;    // the first step that may come next; 0: none
    uint32_t sibling = 0;  // another one in place of this
    Then then = Then::kEnd;
    FieldValues::Place place;
  };

  // A value of a line to be learnt: where its step ends (for a string behind its opening quote), and where the
  // next one begins (behind the closing quote).
  struct Value {
    uint32_t begin = 0;
    uint32_t end = 0;
    bool is_text = false;
    bool in_list = false;
    FieldPaths::Node node = FieldPaths::kNone;
  };

  // The step that `at`, in a line that ends at `end`, continues with: one of the first steps of a line, or one
  // of those behind `last`. Null if it is none of them. kPadding bytes behind `end` may be read.
  const Step* First(const char* at, const char* end) const noexcept {
    return Match(steps_.front().child, at, end);
  }
  const Step* Next(const Step& last, const char* at, const char* end) const noexcept {
    return Match(last.child, at, end);
  }

  // Told of every line that no shape fits. True: Learn it.
  bool MayLearn() noexcept;
  // `line` was read without error, and these are all its values, in order.
  void Learn(std::string_view line, std::span<const Value> values, const FieldValues& fields);

 private:
  const Step* Match(uint32_t first, const char* at, const char* end) const noexcept {
    for (uint32_t i = first; i != 0; i = steps_[i].sibling) {
      const Step& step = steps_[i];
      const auto left = static_cast<size_t>(end - at);
      if (!Fits(step.head, at) || step.size > left) continue;
      if (step.size > kPadding && !TailMatches(step, at)) continue;
      if (step.then == Then::kText) [[likely]]
        return &step;
      // Where more steps begin alike, `,"n":` and `,"n":"`, what comes next decides.
      const bool at_end = step.size == left;
      if (step.then == Then::kEnd ? at_end : !at_end && IsScalarBegin(at[step.size])) return &step;
    }
    return nullptr;
  }
  static bool IsScalarBegin(char c) noexcept { return c != '"' && c != '{' && c != '['; }
  bool TailMatches(const Step& step, const char* at) const noexcept {
    return std::memcmp(tails_.data() + step.tail, at + kPadding, step.size - kPadding) == 0;
  }
  // The step behind `parent` of this text, made if it is new; 0 if there is no room.
  uint32_t Grow(uint32_t parent, std::string_view text, Then then, const FieldValues::Place& place);

  std::vector<Step> steps_ = std::vector<Step>(1);  // [0] stands before every line
  std::string tails_;
  bool full_ = false;
  uint32_t missed_ = 0;  // since it is full
};

}  // namespace stockade
