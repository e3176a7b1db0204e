#include "engine/rule/pattern_set.h"

#include <hs/hs.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/event/byte_hash.h"
#include "engine/rule/byte_pattern.h"
#include "engine/rule/utf8.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

char FoldAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Eight bytes at once: sums whose high bits say which bytes have reached a bound. Bytes from 0x80 on are no letters, and
// are kept from carrying into their neighbours.
uint64_t FoldWord(uint64_t word) noexcept {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t low = word & 0x7f * kEach;
  const uint64_t from_a = low + (0x80 - 'A') * kEach;
  const uint64_t beyond_z = low + (0x7f - 'Z') * kEach;
  return word | (from_a & ~beyond_z & ~word & 0x80 * kEach) >> 2;
}
void FoldAscii(std::string_view value, char* out) noexcept {
  uint64_t word;
  const size_t size = value.size();
  for (size_t i = 0; i + 8 <= size; i += 8) {
    std::memcpy(&word, value.data() + i, 8);
    word = FoldWord(word);
    std::memcpy(out + i, &word, 8);
  }
  if (size >= 8) {  // the last eight, whichever of them were done already
    std::memcpy(&word, value.data() + size - 8, 8);
    word = FoldWord(word);
    std::memcpy(out + size - 8, &word, 8);
  } else {
    for (size_t i = 0; i < size; ++i) out[i] = FoldAscii(value[i]);
  }
}

unsigned FlagsOf(const Pattern& pattern) {
  return HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | (pattern.caseless ? HS_FLAG_CASELESS : 0U) |
         (pattern.dot_all ? HS_FLAG_DOTALL : 0U) | (pattern.multi_line ? HS_FLAG_MULTILINE : 0U);
}

// The flags go into the text: RE2 has no options for two of them outside POSIX mode. UTF-8 mode, and values
// widened (see Widen), because the Latin-1 mode of Debian 12's RE2 is wrong: factoring "\xc3\x89|\xc3\xa9" it
// forgets the mode.
std::unique_ptr<re2::RE2> MakeRe2(const Pattern& pattern) {
  std::string on;
  std::string off;
  (pattern.caseless ? on : off) += 'i';
  (pattern.dot_all ? on : off) += 's';
  (pattern.multi_line ? on : off) += 'm';
  const std::string text = Concat("(?", on, off.empty() ? "" : "-", off, ":", pattern.text, ")");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  return std::make_unique<re2::RE2>(text, options);
}

// Each byte as the character of that number, in UTF-8: how RE2 is shown bytes. ASCII, nearly every value,
// stays as it is.
std::string_view Widen(std::string_view value, std::string* buffer) {
  if (IsAscii(value)) return value;
  buffer->clear();
  for (const char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x80) buffer->push_back(static_cast<char>(0xc0 | byte >> 6));
    buffer->push_back(byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3f)) : c);
  }
  return *buffer;
}

struct Hits {
  uint16_t* ids;
  size_t count;
  size_t room;
};

int OnHit(unsigned id, unsigned long long, unsigned long long, unsigned,
          void* context) {  // NOLINT: Hyperscan's types
  auto* hits = static_cast<Hits*>(context);
  if (hits->count == hits->room) return 1;  // ends the scan, which then counts as failed
  hits->ids[hits->count++] = static_cast<uint16_t>(id);
  return 0;
}

std::string TakeReason(hs_compile_error_t* error) {
  std::string reason = error != nullptr && error->message != nullptr ? error->message : "no reason given";
  hs_free_compile_error(error);
  return reason;
}

}  // namespace

Pattern PatternOf(const Test& test) {
  return {test.pattern,     test.caseless, test.dot_all,      test.multi_line,
          test.has_literal, test.literal,  test.text_relation};
}

PatternScratch::~PatternScratch() {
  hs_free_scratch(hyperscan_);
}

void PatternScratch::Prepare(const PatternSet& set) {
  // On failure the scratch is what it was: too small for this set, which hs_scan notices.
  if (set.database_ != nullptr) static_cast<void>(hs_alloc_scratch(set.database_, &hyperscan_));
}

PatternSet::~PatternSet() {
  hs_free_database(database_);
}

std::unique_ptr<const PatternSet> PatternSet::Build(std::span<const Pattern> patterns, Engines engines,
                                                    std::vector<Refusal>* refusals) {
  STOCKADE_CHECK(patterns.size() <= kPatternsMax);
  std::unique_ptr<PatternSet> set(new PatternSet);
  set->uses_hyperscan_ = engines == Engines::kAll && hs_valid_platform() == HS_SUCCESS;
  set->patterns_.assign(patterns.begin(), patterns.end());
  set->re2_.resize(patterns.size());
  set->unicode_.resize(patterns.size());

  std::vector<uint16_t> for_hyperscan;
  std::vector<std::string> reasons(
      patterns.size());  // why Hyperscan did not take it; empty: it did, or was not asked
  std::vector<bool> open(patterns.size(), false);  // no engine yet
  for (size_t i = 0; i < patterns.size(); ++i) {
    const auto id = static_cast<uint16_t>(i);
    Pattern& pattern = set->patterns_[i];
    const bool in_table = pattern.has_literal && pattern.relation == Test::TextRelation::kEquals &&
                          pattern.literal.size() <= kTableBytesMax &&
                          (!pattern.caseless || IsAscii(pattern.literal));
    if (in_table) {
      set->AddToTable(pattern, id);
      continue;
    }
    if (pattern.text.size() > kPatternBytesMax) {
      refusals->push_back({i, Concat("longer than ", kPatternBytesMax, " bytes")});
      continue;
    }
    BytePattern bytes = ToBytePattern(pattern.text, pattern.caseless, pattern.dot_all, pattern.multi_line);
    if (!bytes.needs_unicode) pattern.text = std::move(bytes.text);
    set->first_bytes_ |= bytes.needs_unicode ? ByteSet().set()
                                             : FirstBytes(pattern.text, pattern.caseless, pattern.multi_line);
    set->re2_[i] = MakeRe2(pattern);
    set->unicode_[i] = bytes.needs_unicode;
    open[i] = true;
    if (bytes.needs_unicode) {
      reasons[i] = "Unicode properties need UTF-8, which a log does not promise";
    } else if (set->uses_hyperscan_) {
      for_hyperscan.push_back(id);
    } else {
      reasons[i] = "not used on this processor";
    }
  }
  set->FinishTable();
  set->BuildDatabase(std::move(for_hyperscan), &reasons);
  for (const uint16_t id : set->scanned_) open[id] = false;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (set->re2_[i] == nullptr) continue;
    const bool ok = set->re2_[i]->ok();
    if (open[i] && ok) set->by_re2_.push_back(static_cast<uint16_t>(i));
    if (open[i] && !ok)
      refusals->push_back({i, Concat("Hyperscan: ", reasons[i], "; RE2: ", set->re2_[i]->error())});
    if (!ok) set->re2_[i] = nullptr;
  }
  return set;
}

void PatternSet::BuildDatabase(std::vector<uint16_t> ids, std::vector<std::string>* hyperscan_reasons) {
  // First each by itself, without compiling: the usual refusals cost no second attempt of the whole.
  const auto refused = [&](uint16_t id) {
    hs_expr_info_t* expression = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_expression_info(patterns_[id].text.c_str(), FlagsOf(patterns_[id]), &expression, &error) ==
        HS_SUCCESS) {
      std::free(
          expression);  // Hyperscan's own allocator is malloc unless hs_set_allocator was called: it was not
      return false;
    }
    (*hyperscan_reasons)[id] = TakeReason(error);
    return true;
  };
  ids.erase(std::remove_if(ids.begin(), ids.end(), refused), ids.end());
  while (!ids.empty()) {
    std::vector<const char*> texts;
    std::vector<unsigned> flags;
    std::vector<unsigned> numbers;
    for (const uint16_t id : ids) {
      texts.push_back(patterns_[id].text.c_str());
      flags.push_back(FlagsOf(patterns_[id]));
      numbers.push_back(id);
    }
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(texts.data(), flags.data(), numbers.data(), static_cast<unsigned>(ids.size()),
                         HS_MODE_BLOCK, nullptr, &database_, &error) == HS_SUCCESS) {
      break;
    }
    // Some refusals show only now ("Pattern is too large"). One that names no pattern leaves all of them to
    // RE2.
    const int culprit = error != nullptr ? error->expression : -1;
    const std::string reason = TakeReason(error);
    database_ = nullptr;
    if (culprit < 0 || static_cast<size_t>(culprit) >= ids.size()) {
      for (const uint16_t id : ids) (*hyperscan_reasons)[id] = reason;
      ids.clear();
      break;
    }
    (*hyperscan_reasons)[ids[static_cast<size_t>(culprit)]] = reason;
    ids.erase(ids.begin() + culprit);
  }
  scanned_ = std::move(ids);
}

void PatternSet::AddToTable(const Pattern& pattern, uint16_t id) {
  TableEntry entry{pattern.literal, pattern.literal, pattern.caseless, id};
  FoldAscii(entry.exact, entry.folded.data());
  begins_[entry.exact.size()] |= uint32_t{1} << BeginBit(entry.exact);
  entries_.push_back(std::move(entry));
}

void PatternSet::FinishTable() {
  table_count_ = entries_.size();
  if (entries_.empty()) return;
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const TableEntry& a, const TableEntry& b) { return a.folded < b.folded; });
  size_t slots = 8;
  while (slots < 2 * entries_.size()) slots *= 2;
  slots_.assign(slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (i > 0 && entries_[i].folded == entries_[i - 1].folded) continue;
    size_t slot = HashBytes(entries_[i].folded) & (slots - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

size_t PatternSet::LookUp(std::string_view value, uint16_t* ids) const noexcept {
  if (!MayEqual(value)) return 0;
  char buffer[kTableBytesMax];
  FoldAscii(value, buffer);
  const std::string_view folded(buffer, value.size());
  const size_t mask = slots_.size() - 1;
  for (size_t slot = HashBytes(folded) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    size_t i = slots_[slot] - 1;
    if (entries_[i].folded != folded) continue;
    size_t count = 0;
    for (; i < entries_.size() && entries_[i].folded == folded; ++i) {
      if (entries_[i].caseless || entries_[i].exact == value) ids[count++] = entries_[i].id;
    }
    return count;
  }
  return 0;
}

size_t PatternSet::AskRe2(std::span<const uint16_t> of, std::string_view value, PatternScratch* scratch,
                          uint16_t* ids) const noexcept {
  const std::string_view widened = Widen(value, &scratch->widened_);
  size_t count = 0;
  for (const uint16_t id : of) {
    if (re2_[id] == nullptr) {
      ++scratch->unanswered_;
      continue;
    }
    const std::string_view text = unicode_[id] ? value : widened;
    if (re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *re2_[id])) ids[count++] = id;
  }
  return count;
}

size_t PatternSet::Match(std::string_view value, PatternScratch* scratch, uint16_t* ids) const noexcept {
  if (value.data() == nullptr) value = "";
  size_t count = LookUp(value, ids);
  if (!MayScan(value)) return count;
  if (database_ != nullptr) {
    Hits hits{ids, count, patterns_.size()};
    if (value.size() <= UINT32_MAX && hs_scan(database_, value.data(), static_cast<unsigned>(value.size()), 0,
                                              scratch->hyperscan_, OnHit, &hits) == HS_SUCCESS) [[likely]] {
      count = hits.count;
    } else {
      ++scratch->scan_failures_;
      count += AskRe2(scanned_, value, scratch, ids + count);
    }
  }
  if (!by_re2_.empty()) count += AskRe2(by_re2_, value, scratch, ids + count);
  return count;
}

}  // namespace stockade
