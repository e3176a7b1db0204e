#include "engine/rule/modifier.h"

#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "engine/event/field.h"
#include "engine/rule/sigma_string.h"
#include "engine/text.h"

namespace stockade {
namespace {

// One bit a modifier, so that a set of them is a number.
enum Modifier : uint32_t {
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
};
constexpr uint32_t kRelations = kStartsWith | kEndsWith | kContains;
constexpr uint32_t kFlags = kIgnoreCase | kMultiLine | kDotAll;
constexpr uint32_t kBase64s = kBase64 | kBase64Offset;
constexpr uint32_t kUtf16s = kUtf16Le | kUtf16Be | kUtf16 | kWide;
constexpr uint32_t kComparisons = kLt | kLte | kGt | kGte;
constexpr uint32_t kTimeParts = kMinute | kHour | kDay | kWeek | kMonth | kYear;
constexpr uint32_t kAnywhere = kAll | kExpand | kNeq;
// |neq|all could mean "not all of them" or "none of them"; a condition says which.
constexpr uint32_t kWithNeq = kRelations | kCased | kWindash | kRe | kFlags | kBase64s | kUtf16s |
                              kTimeParts | kCidr | kExpand | kFieldRef;
constexpr uint32_t kRewrites = kWindash | kBase64s | kUtf16s;

struct ModifierRow {
  std::string_view name;
  uint32_t bit;
  uint32_t with;    // those it may stand with; the table is symmetric, a test says so
  uint32_t behind;  // those that, where present, stand before it
};

constexpr std::array<ModifierRow, 31> kRows = {{
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
    {"base64offset", kBase64Offset, kAnywhere | kRelations | kCased | kWindash | kUtf16s, kWindash | kUtf16s},
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

constexpr bool IsSymmetric() {
  for (const ModifierRow& a : kRows) {
    for (const ModifierRow& b : kRows) {
      if (a.bit != b.bit && ((a.with & b.bit) != 0) != ((b.with & a.bit) != 0)) return false;
    }
  }
  return true;
}
static_assert(IsSymmetric(), "two modifiers disagree on whether they may stand together");

struct TimePartRange {
  uint32_t bit;
  Test::TimePart part;
  double low;
  double high;
};
constexpr std::array<TimePartRange, 6> kTimePartRanges = {{
    {kMinute, Test::TimePart::kMinute, 0, 59},
    {kHour, Test::TimePart::kHour, 0, 23},
    {kDay, Test::TimePart::kDay, 1, 31},
    {kWeek, Test::TimePart::kWeek, 1, 53},
    {kMonth, Test::TimePart::kMonth, 1, 12},
    {kYear, Test::TimePart::kYear, 1, 9999},
}};

constexpr std::string_view NameOf(uint32_t bit) {
  for (const ModifierRow& row : kRows) {
    if (row.bit == bit) return row.name;
  }
  return {};
}

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

// One key of a selection on its way to an expression.
class TestResolver {
 public:
  // A key with an empty text is that of a bare keyword.
  TestResolver(const YamlNode& key, const ModifierContext& context)
      : key_(key), context_(context), path_(Concat(context.path, key.text.empty() ? "" : ".", key.text)) {}

  std::optional<Expression> Resolve(std::span<const YamlNode> values, bool is_list) {
    if (!ReadKey()) return std::nullopt;
    if (values.empty()) {
      Error(key_, "an empty list matches nothing; name a value, or null for an absent field");
      return std::nullopt;
    }
    if (Has(kAll) && values.size() == 1 && is_list) {
      context_.findings->Warn(PlaceOf(key_, context_.file), path_, "|all with one value changes nothing");
    }
    WarnOfNearMissField();
    std::vector<Expression> operands;
    bool sound = true;
    for (const YamlNode& value : values) {
      std::optional<Expression> operand = OfValue(value);
      sound = sound && operand.has_value();
      if (operand.has_value()) operands.push_back(*std::move(operand));
    }
    if (!sound) return std::nullopt;
    Expression joined = Join(Has(kAll) ? Expression::Kind::kAnd : Expression::Kind::kOr, std::move(operands));
    return Has(kNeq) ? Not(std::move(joined)) : std::move(joined);
  }

 private:
  bool Has(uint32_t set) const noexcept { return (modifiers_ & set) != 0; }

  void Error(const YamlNode& at, std::string_view what, std::string_view suggestion = {}) {
    context_.findings->Error(PlaceOf(at, context_.file), path_, what, suggestion);
  }

  // Takes the key apart; false if its modifiers are unknown or do not go together.
  bool ReadKey() {
    const std::string_view written = key_.text;
    size_t at = std::min(written.find('|'), written.size());
    field_ = written.substr(0, at);
    bool sound = true;
    while (at < written.size()) {
      const size_t from = at + 1;
      at = std::min(written.find('|', from), written.size());
      sound = AddModifier(written.substr(from, at - from), from) && sound;
    }
    return sound && CheckTogether();
  }

  bool AddModifier(std::string_view name, size_t offset) {
    const Place place = PlaceOf(key_, context_.file, offset);
    const ModifierRow* row = FindRow(name);
    if (row == nullptr) {
      std::string_view meant = NearestModifier(absl::AsciiStrToLower(ToAbsl(name)));
      if (meant.empty()) meant = Synonym(name);
      if (const ModifierRow* lower = FindRow(absl::AsciiStrToLower(ToAbsl(name)))) meant = lower->name;
      context_.findings->Error(place, path_, Concat("unknown modifier ", Quoted(name), DidYouMean(meant)),
                               meant);
      return false;
    }
    const auto refuse = [&](std::string_view what) {
      context_.findings->Error(place, path_, what);
      return false;
    };
    if (Has(row->bit)) return refuse(Concat("|", name, " is there twice"));
    for (const ModifierRow& other : kRows) {
      if (!Has(other.bit)) continue;
      if ((row->with & other.bit) == 0) return refuse(WhyNotTogether(other, *row));
      if ((other.behind & row->bit) != 0) {
        return refuse(
            Concat("|", name, " works only before |", other.name, "; write |", name, "|", other.name));
      }
    }
    if ((kFlags & row->bit) != 0 && !Has(kRe)) {
      return refuse(Concat("|", name, " is a flag of a regular expression; write |re|", name));
    }
    modifiers_ |= row->bit;
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
    if (Has(kUtf16s) && !Has(kBase64s)) {
      Error(key_,
            Concat("|", NameOf(modifiers_ & kUtf16s),
                   " makes bytes that a log holds only as base64; add |base64offset|contains behind it"));
      return false;
    }
    if (Has(kBase64Offset) && !Has(kRelations)) {
      context_.findings->Warn(
          PlaceOf(key_, context_.file), path_,
          "|base64offset without |contains matches only where nothing else was encoded with it",
          Concat(key_.text, "|contains"));
    }
    if (field_.empty() && Has(kExists | kCidr | kFieldRef | kComparisons | kTimeParts | kNeq)) {
      Error(key_, Concat("a keyword has no field that |",
                         NameOfFirst(kExists | kCidr | kFieldRef | kComparisons | kTimeParts | kNeq),
                         " could ask"));
      return false;
    }
    return true;
  }

  std::string_view NameOfFirst(uint32_t set) const {
    for (const ModifierRow& row : kRows) {
      if (Has(row.bit & set)) return row.name;
    }
    return {};
  }

  void WarnOfNearMissField() {
    const std::string_view near = Nearest(field_, kKnownFieldNames);
    if (near.empty() || FindKnownField(field_).has_value()) return;
    context_.findings->Warn(PlaceOf(key_, context_.file), path_,
                            Concat("field ", Quoted(field_), " is not one Stockade fills", DidYouMean(near)),
                            near);
  }

  std::optional<Expression> OfValue(const YamlNode& value) {
    if (value.is_map() || value.is_list()) {
      Error(value, value.is_map() ? "a map cannot be a value; a field's values are texts, numbers or null"
                                  : "a list in a list; write one list of values");
      return std::nullopt;
    }
    if (value.is_null()) return OfNull(value);
    if (value.text.size() > kValueBytesMax) {
      Error(value,
            Concat("a value of ", value.text.size(), " bytes; at most ", kValueBytesMax, " are taken"));
      return std::nullopt;
    }
    if (Has(kExists)) return OfExists(value);
    if (Has(kExpand)) return OfPlaceholders(value);
    return OfText(value, value.text);
  }

  std::optional<Expression> OfNull(const YamlNode& value) {
    if (field_.empty() || (modifiers_ & ~(kAll | kNeq | kCased)) != 0) {
      Error(value, field_.empty() ? std::string("null as a keyword asks for nothing")
                                  : Concat("null does not go with |", NameOfFirst(~(kAll | kNeq | kCased)),
                                           "; write it under the bare field, or '' for an empty text"));
      return std::nullopt;
    }
    Test test = NewTest(value, Test::Kind::kNull);
    test.written = Concat(key_.text, ": null");
    return Add(std::move(test));
  }

  std::optional<Expression> OfExists(const YamlNode& value) {
    double number = 0;
    bool wanted = false;
    if (KindOfPlain(value.text, &number, &wanted) != ScalarKind::kBool) {
      Error(value, Concat("|exists takes true or false, not ", Quoted(value.text)));
      return std::nullopt;
    }
    std::optional<Expression> exists = Add(NewTest(value, Test::Kind::kExists));
    if (!exists.has_value() || wanted) return exists;
    return Not(*std::move(exists));
  }

  // |expand: each %name% in the value is replaced by each of its values in turn; `\%` is a percent sign.
  std::optional<Expression> OfPlaceholders(const YamlNode& value) {
    const std::string_view written = value.text;
    std::vector<std::string> variants(1);
    bool any = false;
    for (size_t i = 0; i < written.size();) {
      if (written[i] == '\\' && i + 1 < written.size() && written[i + 1] == '%') {
        for (std::string& variant : variants) variant += '%';
        i += 2;
        continue;
      }
      const size_t end = written[i] == '%' ? written.find('%', i + 1) : std::string_view::npos;
      if (end == std::string_view::npos) {
        for (std::string& variant : variants) variant += written[i];
        ++i;
        continue;
      }
      any = true;
      const std::vector<std::string>* replacements =
          FindPlaceholder(value, written.substr(i + 1, end - i - 1), i);
      if (replacements == nullptr) return std::nullopt;
      if (variants.size() * replacements->size() > kVariantsMax) {
        Error(value, Concat("its placeholders make more than ", kVariantsMax, " values"));
        return std::nullopt;
      }
      std::vector<std::string> longer;
      for (const std::string& variant : variants) {
        for (const std::string& replacement : *replacements) {
          longer.push_back(variant + (Has(kRe) ? EscapePattern(replacement) : replacement));
        }
      }
      variants = std::move(longer);
      i = end + 1;
    }
    if (!any) {
      Error(value, "|expand, but no %placeholder% in the value");
      return std::nullopt;
    }
    std::vector<Expression> operands;
    for (const std::string& variant : variants) {
      std::optional<Expression> operand = OfText(value, variant);
      if (!operand.has_value()) return std::nullopt;
      operands.push_back(*std::move(operand));
    }
    return Join(Expression::Kind::kOr, std::move(operands));
  }

  const std::vector<std::string>* FindPlaceholder(const YamlNode& value, std::string_view name,
                                                  size_t offset) {
    const Place place = PlaceOf(value, context_.file, offset);
    std::vector<std::string_view> known;
    if (context_.placeholders != nullptr) {
      const auto found = context_.placeholders->find(ToAbsl(name));
      if (found != context_.placeholders->end()) return &found->second;
      for (const auto& [other, values] : *context_.placeholders) known.push_back(other);
    }
    const std::string_view near = Nearest(name, known);
    context_.findings->Error(place, path_,
                             Concat("placeholder %", name,
                                    "% is not defined; add it to `placeholders` of the "
                                    "configuration",
                                    DidYouMean(near)),
                             near);
    return nullptr;
  }

  std::optional<Expression> OfText(const YamlNode& value, const std::string& text) {
    if (Has(kComparisons | kTimeParts)) return OfNumber(value, text);
    if (Has(kCidr)) return OfCidr(value, text);
    if (Has(kFieldRef)) return OfFieldRef(value, text);
    if (Has(kRe)) return OfRegex(value, text);
    if (Has(kBase64s)) return OfBase64(value, text);
    double number = 0;
    bool boolean = false;
    if (!field_.empty() && value.plain && !Has(kRelations | kCased | kExpand | kWindash) &&
        KindOfPlain(text, &number, &boolean) == ScalarKind::kNumber && IsExact(text, number)) {
      Test test = NewTest(value, Test::Kind::kNumber);
      test.number = number;
      test.written = Concat(key_.text, ": ", text);
      return Add(std::move(test));
    }
    if (text.empty() && field_.empty()) {
      Error(value, "'' as a keyword asks for nothing");
      return std::nullopt;
    }
    if (text.empty() && !Has(kRelations)) {
      return Add(NewTest(value, Test::Kind::kEmpty));
    }
    if (text.empty()) {
      context_.findings->Warn(PlaceOf(value, context_.file), path_,
                              Concat("every text |", NameOfFirst(kRelations),
                                     " ''; write |exists: true for any text, "
                                     "'' under the bare field for the empty one"));
    }
    SigmaString string = SigmaString::Parse(text);
    if (Has(kWindash)) string.AcceptAllDashes();
    return OfString(value, std::move(string), text);
  }

  // Whether a number stands for its text and nothing is lost in between: "007" and 20-digit ids are compared
  // as texts.
  static bool IsExact(std::string_view text, double number) {
    constexpr double kIntegersExactUpTo = 9007199254740992.0;  // 2^53
    if (std::abs(number) > kIntegersExactUpTo || text[0] == '+') return false;
    const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
    return digits.size() < 2 || digits[0] != '0' || digits[1] == '.';
  }

  std::optional<Expression> OfString(const YamlNode& value, SigmaString string, std::string_view text) {
    if (Has(kRelations) || field_.empty()) {
      string.Relax(Has(kStartsWith) ? Test::TextRelation::kStartsWith
                   : Has(kEndsWith) ? Test::TextRelation::kEndsWith
                                    : Test::TextRelation::kContains);
    }
    Test test = NewTest(value, Test::Kind::kPattern);
    test.caseless = !Has(kCased);
    test.written = Written(text);
    string.Fill(&test);
    return Add(std::move(test));
  }

  std::optional<Expression> OfBase64(const YamlNode& value, const std::string& text) {
    SigmaString string = SigmaString::Parse(text);
    if (string.has_wildcards()) {
      Error(value,
            "base64 of a wildcard cannot be known; escape * and ? with \\ if they are meant as they stand");
      return std::nullopt;
    }
    if (Has(kWindash)) string.AcceptAllDashes();
    const std::optional<std::vector<std::string>> spellings = string.Spellings(kVariantsMax);
    if (!spellings.has_value()) {
      Error(value, Concat("its dashes make more than ", kVariantsMax, " spellings"));
      return std::nullopt;
    }
    std::vector<Expression> operands;
    for (const std::string& spelling : *spellings) {
      std::string bytes = spelling;
      if (Has(kUtf16s)) bytes = EncodeUtf16(spelling, Has(kUtf16Be), Has(kUtf16));
      std::vector<std::string> encodings;
      if (Has(kBase64Offset)) {
        encodings = Base64Offsets(bytes);
      } else {
        encodings.push_back(absl::Base64Escape(ToAbsl(bytes)));
      }
      if (bytes.empty() || encodings.empty()) {
        Error(value, "too short to be recognised inside base64");
        return std::nullopt;
      }
      for (const std::string& encoding : encodings) {
        std::optional<Expression> operand = OfString(value, SigmaString::Literal(encoding), text);
        if (!operand.has_value()) return std::nullopt;
        operands.push_back(*std::move(operand));
      }
    }
    return Join(Expression::Kind::kOr, std::move(operands));
  }

  std::optional<Expression> OfRegex(const YamlNode& value, const std::string& text) {
    if (text.empty()) {
      Error(value, "an empty regular expression matches everything; write |exists: true");
      return std::nullopt;
    }
    Test test = NewTest(value, Test::Kind::kPattern);
    test.pattern = text;
    test.caseless = Has(kIgnoreCase);
    test.multi_line = Has(kMultiLine);
    test.dot_all = Has(kDotAll);
    test.written = Written(text);
    return Add(std::move(test));
  }

  std::optional<Expression> OfCidr(const YamlNode& value, const std::string& text) {
    Test test = NewTest(value, Test::Kind::kCidr);
    const std::optional<Prefix> prefix = Prefix::Parse(text);
    if (!prefix.has_value()) {
      // The commonest slip is an address with host bits; say which network it lies in.
      const size_t slash = text.find('/');
      const std::optional<Address> address = Address::Parse(std::string_view(text).substr(0, slash));
      double length = -1;
      bool boolean = false;
      const bool has_length = slash != std::string::npos &&
                              KindOfPlain(text.substr(slash + 1), &length, &boolean) == ScalarKind::kNumber;
      if (address.has_value() && has_length && length >= 0 && length <= address->bits()) {
        const std::string right = Prefix::Around(*address, static_cast<int>(length)).ToString();
        Error(value, Concat(Quoted(text), " has bits behind its length; write ", right), right);
      } else {
        Error(value, Concat(Quoted(text), " is no network such as 192.0.2.0/24 or 2001:db8::/32"));
      }
      return std::nullopt;
    }
    test.prefix = *prefix;
    test.written = Written(text);
    return Add(std::move(test));
  }

  std::optional<Expression> OfFieldRef(const YamlNode& value, const std::string& text) {
    if (text.empty()) {
      Error(value, "|fieldref takes the name of another field");
      return std::nullopt;
    }
    Test test = NewTest(value, Test::Kind::kFieldRef);
    test.other_field = text;
    test.caseless = !Has(kCased);
    test.text_relation = Has(kStartsWith) ? Test::TextRelation::kStartsWith
                         : Has(kEndsWith) ? Test::TextRelation::kEndsWith
                         : Has(kContains) ? Test::TextRelation::kContains
                                          : Test::TextRelation::kEquals;
    return Add(std::move(test));
  }

  std::optional<Expression> OfNumber(const YamlNode& value, const std::string& text) {
    const std::string_view modifier = NameOfFirst(Has(kTimeParts) ? kTimeParts : kComparisons);
    double number = 0;
    bool boolean = false;
    if (KindOfPlain(text, &number, &boolean) != ScalarKind::kNumber) {
      Error(value, Concat("|", modifier, " takes a number, not ", Quoted(text)));
      return std::nullopt;
    }
    Test test = NewTest(value, Has(kTimeParts) ? Test::Kind::kTimePart : Test::Kind::kNumber);
    for (const TimePartRange& range : kTimePartRanges) {
      if (!Has(range.bit)) continue;
      test.time_part = range.part;
      if (number < range.low || number > range.high || number != std::floor(number)) {
        Error(value, Concat("|", modifier, " is a whole number from ", range.low, " to ", range.high,
                            ", not ", text));
        return std::nullopt;
      }
    }
    test.number = number;
    test.comparison = Has(kLt)    ? Test::Comparison::kLt
                      : Has(kLte) ? Test::Comparison::kLte
                      : Has(kGt)  ? Test::Comparison::kGt
                      : Has(kGte) ? Test::Comparison::kGte
                                  : Test::Comparison::kEq;
    test.written = Concat(key_.text, ": ", text);
    return Add(std::move(test));
  }

  std::string Written(std::string_view text) const {
    return key_.text.empty() ? Quoted(text) : Concat(key_.text, ": ", Quoted(text));
  }

  Test NewTest(const YamlNode& value, Test::Kind kind) const {
    Test test;
    test.kind = kind;
    test.field = std::string(field_);
    test.place = PlaceOf(value, context_.file);
    test.written = Written(value.text);
    return test;
  }

  std::optional<Expression> Add(Test test) {
    if (context_.tests->size() >= kTestsMax) {
      // Said once: the next values of this rule come here as well.
      if (context_.tests->size() == kTestsMax) {
        context_.findings->Error(test.place, path_,
                                 Concat("more than ", kTestsMax, " tests in one rule; split it"));
        context_.tests->push_back(std::move(test));
      }
      return std::nullopt;
    }
    Expression leaf;
    leaf.kind = Expression::Kind::kTest;
    leaf.test = static_cast<int>(context_.tests->size());
    context_.tests->push_back(std::move(test));
    return leaf;
  }

  const YamlNode& key_;
  const ModifierContext& context_;
  const std::string path_;
  std::string_view field_;
  uint32_t modifiers_ = 0;
};

}  // namespace

std::optional<Expression> ResolveModifiers(const YamlNode& key, std::span<const YamlNode> values,
                                           bool is_list, const ModifierContext& context) {
  if (key.text.empty()) {
    context.findings->Error(PlaceOf(key, context.file), context.path,
                            "a field without a name; keywords are written as a list, or under '|all'");
    return std::nullopt;
  }
  return TestResolver(key, context).Resolve(values, is_list);
}

std::optional<Expression> ResolveKeyword(const YamlNode& value, const ModifierContext& context) {
  YamlNode key;
  key.kind = YamlNode::Kind::kText;
  key.line = value.line;
  key.column = value.column;
  return TestResolver(key, context).Resolve(std::span<const YamlNode>(&value, 1), false);
}

Expression Join(Expression::Kind kind, std::vector<Expression> operands) {
  if (operands.size() == 1) return std::move(operands.front());
  Expression joined;
  joined.kind = kind;
  joined.operands = std::move(operands);
  return joined;
}

Expression Not(Expression operand) {
  Expression negation;
  negation.kind = Expression::Kind::kNot;
  negation.operands.push_back(std::move(operand));
  return negation;
}

}  // namespace stockade
