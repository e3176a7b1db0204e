// The key of a selection, `field|modifier|modifier`, taken apart: which modifiers there are, which may stand together, and
// in which order where order matters. What they make of a value, modifier.h says.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/rule/finding.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

struct ModifierKey {
  // One bit a modifier, so that a set of them is a number; and the sets that are spoken of.
  enum Bit : uint32_t {
    kAll = 1u << 0,
    kStartsWith = 1u << 1,
    kEndsWith = 1u << 2,
    kContains = 1u << 3,
    kExists = 1u << 4,
    kCased = 1u << 5,
    kNeq = 1u << 6,
    kWindash = 1u << 7,
    kRe = 1u << 8,
    kIgnoreCase = 1u << 9,
    kMultiLine = 1u << 10,
    kDotAll = 1u << 11,
    kBase64 = 1u << 12,
    kBase64Offset = 1u << 13,
    kUtf16Le = 1u << 14,
    kUtf16Be = 1u << 15,
    kUtf16 = 1u << 16,
    kWide = 1u << 17,
    kLt = 1u << 18,
    kLte = 1u << 19,
    kGt = 1u << 20,
    kGte = 1u << 21,
    kMinute = 1u << 22,
    kHour = 1u << 23,
    kDay = 1u << 24,
    kWeek = 1u << 25,
    kMonth = 1u << 26,
    kYear = 1u << 27,
    kCidr = 1u << 28,
    kExpand = 1u << 29,
    kFieldRef = 1u << 30,
    kRelations = kStartsWith | kEndsWith | kContains,
    kFlags = kIgnoreCase | kMultiLine | kDotAll,
    kBase64s = kBase64 | kBase64Offset,
    kUtf16s = kUtf16Le | kUtf16Be | kUtf16 | kWide,
    kComparisons = kLt | kLte | kGt | kGte,
    kTimeParts = kMinute | kHour | kDay | kWeek | kMonth | kYear,
  };

  std::string_view field;  // empty: a keyword
  uint32_t modifiers = 0;  // of Bit

  bool Has(uint32_t set) const noexcept { return (modifiers & set) != 0; }
  // As it is written; of those in the set, the first of the specification's order. Empty: there is none.
  std::string_view NameOfFirst(uint32_t set) const noexcept;
};

// Where findings about a key are said: its file, and the path to it, "detection.selection.user.name|re".
struct KeyPlace {
  std::string_view file;
  std::string_view path;
  Findings* findings;
};

// `key` outlives what is returned. Nothing if a modifier is unknown or does not go with the others; each reason is among
// the findings, with what to write instead.
std::optional<ModifierKey> ReadModifierKey(const YamlNode& key, const KeyPlace& place);

}  // namespace stockade
