// All patterns, strings and regular expressions, that the rules ask of one field: answered by one pass over
// its value.
//
// Behind it stand three matchers, and each pattern belongs to one of them:
//   a table   plain texts that must equal the value: a hash look-up, no scan at all;
//   Hyperscan everything else it can take, in one block-mode database, so one scan answers all of them;
//   RE2       what Hyperscan refuses (it is a little stricter on size), one search each.
// A pattern that neither engine takes (back references, look-around) is refused by Build with the reasons of
// both. Where the processor lacks SSSE3, hs_valid_platform() says so, and RE2 answers everything: slower,
// same answers.
//
// Before any of them a value is asked how long it is and what it begins with: most account names are neither as long as
// one of the texts nor begin as a pattern does (first_bytes.h), and cost ten instructions.
//
// Values are bytes, not text: a log line may hold anything, and Hyperscan's UTF-8 mode is undefined on what
// is not UTF-8. So every pattern is first rewritten to bytes (byte_pattern.h says what "." and case mean
// there), and both engines are given that same pattern. A NUL in a value is a byte like another. Size of
// values: any.
//
// Failing never looks like "no match": if a scan fails, PatternScratch::scan_failures counts it and RE2
// answers. Immutable after Build and shared by threads; each thread brings a PatternScratch. Match allocates
// nothing, except RE2 where it answers. ~15 ns for a table, 40-150 ns for a scan of a user name. Oracle: one
// RE2 a pattern, in tests/engine/rule/pattern_set_test.cc; fuzzed by tests/fuzz/pattern_fuzz.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule/first_bytes.h"
#include "engine/rule/sigma_rule.h"

struct hs_database;
struct hs_scratch;
namespace re2 {
class RE2;
}

namespace stockade {

// One question to a text. Members as in Test.
struct Pattern {
  std::string text;
  bool caseless = true;
  bool dot_all = true;
  bool multi_line = false;
  bool has_literal = false;
  std::string literal;
  Test::TextRelation relation = Test::TextRelation::kEquals;

  friend bool operator==(const Pattern&, const Pattern&) = default;
};

// The pattern of a Test of kind kPattern.
Pattern PatternOf(const Test& test);

class PatternSet;

// What one thread needs to scan. Grows to the needs of every set it is prepared for; one serves all fields.
class PatternScratch {
 public:
  PatternScratch() = default;
  ~PatternScratch();
  PatternScratch(const PatternScratch&) = delete;
  PatternScratch& operator=(const PatternScratch&) = delete;

  // Call once for each set, before the first Match. Without it, or if memory was short, scans of that set
  // fail: they are counted and answered by RE2.
  void Prepare(const PatternSet& set);

  // Scans that Hyperscan gave up, each answered by RE2 instead. Anything but 0 is our mistake or short
  // memory.
  uint64_t scan_failures() const noexcept { return scan_failures_; }
  // Among them, questions that RE2 could not answer either, because only Hyperscan takes the pattern: taken
  // as "no".
  uint64_t unanswered() const noexcept { return unanswered_; }

 private:
  friend class PatternSet;
  hs_scratch* hyperscan_ = nullptr;
  std::string widened_;
  uint64_t scan_failures_ = 0;
  uint64_t unanswered_ = 0;
};

class PatternSet {
 public:
  // Ids are 16 bits.
  static constexpr size_t kPatternsMax = 65535;
  // A pattern longer than this is a list that belongs into several lines of a rule; Hyperscan's own bound is
  // 16,000.
  static constexpr size_t kPatternBytesMax = 15000;

  enum class Engines : uint8_t {
    kAll,
    kRe2Only,  // as on a processor without SSSE3; for tests and comparisons
  };
  struct Refusal {
    size_t pattern;      // index into what Build was given
    std::string reason;  // of both engines, for a person
  };

  // Ids of the set are indices into `patterns`. Refused patterns are appended to `refusals`; they match
  // nothing, and the caller must not go on with a rule that asks them. Cost: milliseconds for a hundred
  // patterns.
  static std::unique_ptr<const PatternSet> Build(std::span<const Pattern> patterns, Engines engines,
                                                 std::vector<Refusal>* refusals);
  ~PatternSet();

  size_t size() const noexcept { return patterns_.size(); }
  // Writes the ids of all patterns that match `value` into `ids` (room for size()), each once, in no order;
  // returns how many.
  size_t Match(std::string_view value, PatternScratch* scratch, uint16_t* ids) const noexcept;
  // False: nothing matches, as Match would find.
  bool MayMatch(std::string_view value) const noexcept { return MayEqual(value) || MayScan(value); }

  // True if answering takes more than the table: whether remembering an answer can pay.
  bool scans() const noexcept { return database_ != nullptr || !by_re2_.empty(); }
  // False where Hyperscan was not to be used or the processor cannot run it.
  bool uses_hyperscan() const noexcept { return uses_hyperscan_; }
  size_t re2_count() const noexcept { return by_re2_.size(); }
  size_t table_count() const noexcept { return table_count_; }

 private:
  friend class PatternScratch;
  struct TableEntry {
    std::string folded;  // ASCII letters in lower case
    std::string exact;
    bool caseless;
    uint16_t id;
  };
  // A plain text longer than this is left to Hyperscan, so that the table can fold a value on the stack.
  static constexpr size_t kTableBytesMax = 128;

  PatternSet() = default;
  void AddToTable(const Pattern& pattern, uint16_t id);
  void FinishTable();
  void BuildDatabase(std::vector<uint16_t> ids, std::vector<std::string>* hyperscan_reasons);
  // Whether a text of the table is as long as the value and begins like it, but for bits that case changes.
  bool MayEqual(std::string_view value) const noexcept {
    if (value.size() > kTableBytesMax) return false;
    return (begins_[value.size()] >> BeginBit(value) & 1) != 0;
  }
  static unsigned BeginBit(std::string_view value) noexcept {
    return value.empty() ? 0 : static_cast<unsigned char>(value.front()) % 32;
  }
  // Whether a pattern of the engines may match the value.
  bool MayScan(std::string_view value) const noexcept {
    return scans() && (value.empty() || first_bytes_[static_cast<unsigned char>(value.front())]);
  }
  size_t LookUp(std::string_view value, uint16_t* ids) const noexcept;
  size_t AskRe2(std::span<const uint16_t> of, std::string_view value, PatternScratch* scratch,
                uint16_t* ids) const noexcept;

  std::vector<Pattern> patterns_;               // rewritten to bytes
  std::vector<std::unique_ptr<re2::RE2>> re2_;  // by id; null where RE2 refuses or the table answers
  std::vector<bool> unicode_;                   // by id: asked of the value as UTF-8, not as bytes
  std::vector<uint16_t> scanned_;               // ids in the database
  std::vector<uint16_t> by_re2_;                // ids that only RE2 answers
  hs_database* database_ = nullptr;
  bool uses_hyperscan_ = false;
  size_t table_count_ = 0;
  // Open addressing over texts grouped by their folded form; slots_ holds index + 1 of the first entry of a
  // group.
  std::vector<TableEntry> entries_;
  std::vector<uint32_t> slots_;
  std::array<uint32_t, kTableBytesMax + 1> begins_{};  // by length of the texts: a bit for each BeginBit
  ByteSet first_bytes_;                                // of what patterns of the engines match
};

}  // namespace stockade
