#include "engine/rule/modifier_key.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct ModifierRow {
  std::string_view name;
  uint32_t bit;
  uint32_t with;    // those it may stand with; symmetric, as is asserted below
  uint32_t behind;  // those that, where present, stand before it
};

struct ModifierTable {
  using enum ModifierKey::Bit;

  static constexpr uint32_t kAnywhere = kAll | kExpand | kNeq;
  // |neq|all could mean "not all of them" or "none of them"; a condition says which.
  static constexpr uint32_t kWithNeq = kRelations | kCased | kWindash | kRe | kFlags | kBase64s | kUtf16s |
                                       kTimeParts | kCidr | kExpand | kFieldRef;
  static constexpr uint32_t kRewrites = kWindash | kBase64s | kUtf16s;

  static constexpr std::array<ModifierRow, 31> kRows = {{
      {"all", kAll, ~(kExists | kNeq | kAll), 0},
      {"startswith", kStartsWith, kAnywhere | kCased | kRewrites | kFieldRef, kBase64s | kUtf16s},
      {"endswith", kEndsWith, kAnywhere | kCased | kRewrites | kFieldRef, kBase64s | kUtf16s},
      {"contains", kContains, kAnywhere | kCased | kRewrites | kFieldRef, kBase64s | kUtf16s},
      {"exists", kExists, 0, 0},
      {"cased", kCased, kAnywhere | kRelations | kRewrites | kFieldRef, 0},
      {"neq", kNeq, kWithNeq, 0},
      {"windash", kWindash, kAnywhere | kRelations | kCased | kBase64s | kUtf16s, 0},
      {"re", kRe, kAnywhere | kFlags, 0},
      {"i", kIgnoreCase, kAnywhere | kRe | kFlags, kRe},
      {"m", kMultiLine, kAnywhere | kRe | kFlags, kRe},
      {"s", kDotAll, kAnywhere | kRe | kFlags, kRe},
      {"base64", kBase64, kAnywhere | kRelations | kCased | kWindash | kUtf16s, kWindash | kUtf16s},
      {"base64offset", kBase64Offset, kAnywhere | kRelations | kCased | kWindash | kUtf16s,
       kWindash | kUtf16s},
      {"utf16le", kUtf16Le, kAnywhere | kRelations | kCased | kWindash | kBase64s, kWindash},
      {"utf16be", kUtf16Be, kAnywhere | kRelations | kCased | kWindash | kBase64s, kWindash},
      {"utf16", kUtf16, kAnywhere | kRelations | kCased | kWindash | kBase64s, kWindash},
      {"wide", kWide, kAnywhere | kRelations | kCased | kWindash | kBase64s, kWindash},
      {"lt", kLt, kAll | kExpand | kTimeParts, kTimeParts},
      {"lte", kLte, kAll | kExpand | kTimeParts, kTimeParts},
      {"gt", kGt, kAll | kExpand | kTimeParts, kTimeParts},
      {"gte", kGte, kAll | kExpand | kTimeParts, kTimeParts},
      {"minute", kMinute, kAnywhere | kComparisons, 0},
      {"hour", kHour, kAnywhere | kComparisons, 0},
      {"day", kDay, kAnywhere | kComparisons, 0},
      {"week", kWeek, kAnywhere | kComparisons, 0},
      {"month", kMonth, kAnywhere | kComparisons, 0},
      {"year", kYear, kAnywhere | kComparisons, 0},
      {"cidr", kCidr, kAnywhere, 0},
      {"expand", kExpand, ~(kExists | kFieldRef | kExpand), 0},
      {"fieldref", kFieldRef, kAll | kNeq | kCased | kRelations, 0},
  }};
};
constexpr const auto& kRows = ModifierTable::kRows;

constexpr bool IsSymmetric() {
  for (const ModifierRow& a : kRows) {
    for (const ModifierRow& b : kRows) {
      if (a.bit != b.bit && ((a.with & b.bit) != 0) != ((b.with & a.bit) != 0)) return false;
    }
  }
  return true;
}
static_assert(IsSymmetric(), "two modifiers disagree on whether they may stand together");

const ModifierRow* FindRow(std::string_view name) {
  for (const ModifierRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string_view NearestModifier(std::string_view name) {
  std::array<std::string_view, kRows.size()> names;
  for (size_t i = 0; i < kRows.size(); ++i) names[i] = kRows[i].name;
  return Nearest(name, names);
}

// Names that other tools use, or that lie too far from ours for an edit distance.
std::string_view Synonym(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kSynonyms = {{
      {"regex", "re"},
      {"regexp", "re"},
      {"prefix", "startswith"},
      {"suffix", "endswith"},
      {"in", "contains"},
      {"begins", "startswith"},
      {"ge", "gte"},
      {"le", "lte"},
      {"not", "neq"},
      {"ne", "neq"},
      {"any", "contains"},
      {"utf8", "base64"},
  }};
  for (const auto& [written, meant] : kSynonyms) {
    if (written == name) return meant;
  }
  return {};
}

// One key, while it is read.
class KeyReader {
 public:
  KeyReader(const YamlNode& key, const KeyPlace& place) : key_(key), place_(place) {}

  std::optional<ModifierKey> Read() {
    const std::string_view written = key_.text;
    size_t at = std::min(written.find('|'), written.size());
    read_.field = written.substr(0, at);
    bool sound = true;
    while (at < written.size()) {
      const size_t from = at + 1;
      at = std::min(written.find('|', from), written.size());
      sound = AddModifier(written.substr(from, at - from), from) && sound;
    }
    if (!sound || !CheckTogether()) return std::nullopt;
    return read_;
  }

 private:
  using enum ModifierKey::Bit;

  bool AddModifier(std::string_view name, size_t offset) {
    const Place place = PlaceOf(key_, place_.file, offset);
    const ModifierRow* row = FindRow(name);
    if (row == nullptr) {
      std::string_view meant = NearestModifier(absl::AsciiStrToLower(ToAbsl(name)));
      if (meant.empty()) meant = Synonym(name);
      if (const ModifierRow* lower = FindRow(absl::AsciiStrToLower(ToAbsl(name)))) meant = lower->name;
      place_.findings->Error(place, place_.path, Concat("unknown modifier ", Quoted(name), DidYouMean(meant)),
                             meant);
      return false;
    }
    const auto refuse = [&](std::string_view what) {
      place_.findings->Error(place, place_.path, what);
      return false;
    };
    if (read_.Has(row->bit)) return refuse(Concat("|", name, " is there twice"));
    for (const ModifierRow& other : kRows) {
      if (!read_.Has(other.bit)) continue;
      if ((row->with & other.bit) == 0) return refuse(WhyNotTogether(other, *row));
      if ((other.behind & row->bit) != 0) {
        return refuse(
            Concat("|", name, " works only before |", other.name, "; write |", name, "|", other.name));
      }
    }
    if ((kFlags & row->bit) != 0 && !read_.Has(kRe)) {
      return refuse(Concat("|", name, " is a flag of a regular expression; write |re|", name));
    }
    read_.modifiers |= row->bit;
    return true;
  }

  static std::string WhyNotTogether(const ModifierRow& first, const ModifierRow& second) {
    const uint32_t both = first.bit | second.bit;
    std::string what = Concat("|", first.name, " and |", second.name, " do not go together");
    if (both == (kAll | kNeq)) return what + "; write the field without |neq and `not` in the condition";
    if (both == (kRe | kCased)) return what + ": |re minds the case already";
    if (both == (kStartsWith | kEndsWith)) return what + "; write the value as 'start*end'";
    if ((both & kRe) != 0 && (both & kRelations) != 0) {
      return what + ": a regular expression matches anywhere; anchor it with ^ or $ instead";
    }
    if ((both & kComparisons) == both) return what + "; a range is two keys, one for each end";
    if ((both & kComparisons) != 0 && (both & kNeq) != 0) return what + "; use the opposite comparison";
    return what;
  }

  bool CheckTogether() {
    if (read_.Has(kUtf16s) && !read_.Has(kBase64s)) {
      Error(Concat("|", read_.NameOfFirst(kUtf16s),
                   " makes bytes that a log holds only as base64; add |base64offset|contains behind it"));
      return false;
    }
    if (read_.Has(kBase64Offset) && !read_.Has(kRelations)) {
      place_.findings->Warn(
          PlaceOf(key_, place_.file), place_.path,
          "|base64offset without |contains matches only where nothing else was encoded with it",
          Concat(key_.text, "|contains"));
    }
    if (read_.field.empty() && read_.Has(kExists | kCidr | kFieldRef | kComparisons | kTimeParts | kNeq)) {
      Error(Concat("a keyword has no field that |",
                   read_.NameOfFirst(kExists | kCidr | kFieldRef | kComparisons | kTimeParts | kNeq),
                   " could ask"));
      return false;
    }
    return true;
  }

  void Error(std::string_view what) { place_.findings->Error(PlaceOf(key_, place_.file), place_.path, what); }

  const YamlNode& key_;
  const KeyPlace& place_;
  ModifierKey read_;
};

}  // namespace

std::string_view ModifierKey::NameOfFirst(uint32_t set) const noexcept {
  for (const ModifierRow& row : kRows) {
    if (Has(row.bit & set)) return row.name;
  }
  return {};
}

std::optional<ModifierKey> ReadModifierKey(const YamlNode& key, const KeyPlace& place) {
  return KeyReader(key, place).Read();
}

}  // namespace stockade
