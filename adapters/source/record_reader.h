// Reads one line as a JSON record by its tokens: any line, whether it is one or not, with the exact place of what
// is wrong. The way for lines of no known shape (line_shapes.h).
//
// Used as (BeginBlock (Find Read?)*)*: Find of lines of the block in their order, Read only of a line that Find
// gave no error for. ~5 instructions a byte, no allocation in a steady state. Not thread-safe.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "adapters/source/field_values.h"
#include "adapters/source/json_tokens.h"
#include "adapters/source/line_shapes.h"
#include "adapters/source/source.h"

namespace stockade {

class RecordReader {
 public:
  // `values` takes what is read and outlives this.
  explicit RecordReader(FieldValues* values) : values_(*values) {}

  void BeginBlock(std::string_view block);
  // Finds the tokens of a line; with `many`, of all lines to the end of the block at once, which is cheaper
  // where most of them are read so. kNone, or why the line is not JSON.
  ReadError Find(std::string_view line, bool many);
  // Reads the line, between FieldValues::Begin and, here, Finish. False: error(), error_offset() and
  // error_field() say why. With `noting` it remembers the values for LineShapes::Learn.
  bool Read(std::string_view line, Batch* batch, bool noting);

  std::span<const LineShapes::Value> noted() const noexcept { return noted_; }
  ReadError error() const noexcept { return error_; }
  size_t error_offset() const noexcept { return error_offset_; }  // from the begin of the line
  FieldId error_field() const noexcept { return error_field_; }

 private:
  using Node = FieldPaths::Node;
  // Where reading stands: a token. Passed and returned, so that it stays in a register.
  using At = const uint32_t*;

  // Each reads one construct at `at` and gives the token behind it; null, with error_ and error_at_ set, if
  // it is none.
  At ReadObject(At at, Node node, int depth);
  At ReadArray(At at, Node node, int depth);
  At ReadValue(At at, Node node, int depth);
  // The text of a string token; null data for none, with error_ set. Returned, not written: a view that goes
  // through memory as two words and comes back as one vector costs a stalled load at every string.
  std::string_view ReadString(std::string_view raw);
  std::string_view ReadEscaped(std::string_view raw);
  bool SetValue(Node node, FieldValue::Kind kind, std::string_view text) {
    return values_.Set(node, kind, text, in_list_) || ValueError();
  }
  // Of a value as it stands in the line.
  void Note(std::string_view raw, Node node) {
    if (noted_.size() == LineShapes::kValuesMax) noting_ = false;
    const auto begin = static_cast<uint32_t>(raw.data() - line_);
    const bool is_text = raw.front() == '"';
    noted_.push_back(LineShapes::Value{begin + (is_text ? 1 : 0), begin + static_cast<uint32_t>(raw.size()),
                                       is_text, in_list_, node});
  }
  bool ValueError() noexcept {
    error_ = values_.error();
    error_field_ = values_.error_field();
    return false;
  }
  At ErrorAt(At at, ReadError error) noexcept {
    error_ = error;
    error_at_ = at;
    return nullptr;
  }
  // The bytes of a token up to the next one, without white space behind it. Behind the last token of all
  // stands the size of the text.
  std::string_view TokenText(At at) const noexcept {
    const char* const begin = base_ + at[0];
    const char* end = base_ + at[1];
    while (end != begin && IsJsonSpace(end[-1])) --end;
    return {begin, static_cast<size_t>(end - begin)};
  }

  FieldValues& values_;
  JsonTokens tokens_;
  // What tokens_ are of. A block with something wrong in it is read line by line.
  enum class Of : uint8_t { kLine, kBlock, kBrokenBlock } tokens_of_ = Of::kLine;
  const char* base_ = nullptr;  // where the text begins that they were found in
  At tokens_end_ = nullptr;
  At line_at_ = nullptr;  // the first one of the line; once it is read, the first one behind
  const char* block_end_ = nullptr;
  const char* backslash_ = nullptr;  // the first one at or behind the last string looked at, or block_end_

  // Of the record being read.
  const char* line_ = nullptr;
  Batch* batch_ = nullptr;
  int fields_ = 0;
  bool in_list_ = false;  // inside a list, behind its first element
  bool noting_ = false;
  std::vector<LineShapes::Value> noted_;
  ReadError error_ = ReadError::kNone;
  At error_at_ = nullptr;
  size_t error_offset_ = 0;
  FieldId error_field_ = FieldId::kFirstUnknown;  // of a kBadValue
  // By the number of a key in its record: where it was found in the record before.
  std::array<uint32_t, 64> hints_{};
};

}  // namespace stockade
