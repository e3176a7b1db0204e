#include "engine/rule/modifier.h"

#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/escaping.h"
#include "engine/event/field.h"
#include "engine/rule/address_value.h"
#include "engine/rule/modifier_key.h"
#include "engine/rule/sigma_string.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct TimePartRange {
  uint32_t bit;
  Test::TimePart part;
  double low;
  double high;
};
constexpr std::array<TimePartRange, 6> kTimePartRanges = {{
    {ModifierKey::kMinute, Test::TimePart::kMinute, 0, 59},
    {ModifierKey::kHour, Test::TimePart::kHour, 0, 23},
    {ModifierKey::kDay, Test::TimePart::kDay, 1, 31},
    {ModifierKey::kWeek, Test::TimePart::kWeek, 1, 53},
    {ModifierKey::kMonth, Test::TimePart::kMonth, 1, 12},
    {ModifierKey::kYear, Test::TimePart::kYear, 1, 9999},
}};

// The values of one key on their way to an expression.
class TestResolver {
 public:
  // A key with an empty text is that of a bare keyword.
  TestResolver(const YamlNode& written, const ModifierContext& context)
      : written_(written),
        context_(context),
        path_(Concat(context.path, written.text.empty() ? "" : ".", written.text)) {}

  std::optional<Expression> Resolve(std::span<const YamlNode> values, bool is_list) {
    const std::optional<ModifierKey> key =
        ReadModifierKey(written_, {context_.file, path_, context_.findings});
    if (!key.has_value()) return std::nullopt;
    key_ = *key;
    if (values.empty()) {
      Error(written_, "an empty list matches nothing; name a value, or null for an absent field");
      return std::nullopt;
    }
    if (Has(kAll) && values.size() == 1 && is_list) {
      context_.findings->Warn(PlaceOf(written_, context_.file), path_, "|all with one value changes nothing");
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
  using enum ModifierKey::Bit;

  bool Has(uint32_t set) const noexcept { return key_.Has(set); }

  void Error(const YamlNode& at, std::string_view what, std::string_view suggestion = {}) {
    context_.findings->Error(PlaceOf(at, context_.file), path_, what, suggestion);
  }

  void WarnOfNearMissField() {
    const std::string_view near = Nearest(key_.field, kKnownFieldNames);
    if (near.empty() || FindKnownField(key_.field).has_value()) return;
    context_.findings->Warn(
        PlaceOf(written_, context_.file), path_,
        Concat("field ", Quoted(key_.field), " is not one Stockade fills", DidYouMean(near)), near);
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
    if (key_.field.empty() || (key_.modifiers & ~(kAll | kNeq | kCased)) != 0) {
      Error(value, key_.field.empty()
                       ? std::string("null as a keyword asks for nothing")
                       : Concat("null does not go with |", key_.NameOfFirst(~(kAll | kNeq | kCased)),
                                "; write it under the bare field, or '' for an empty text"));
      return std::nullopt;
    }
    Test test = NewTest(value, Test::Kind::kNull);
    test.written = Concat(written_.text, ": null");
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

  std::optional<Expression> OfPlaceholders(const YamlNode& value) {
    const std::optional<std::vector<std::string>> variants =
        ExpandPlaceholders(value, Has(kRe), context_.placeholders, {context_.file, path_, context_.findings});
    if (!variants.has_value()) return std::nullopt;
    std::vector<Expression> operands;
    for (const std::string& variant : *variants) {
      std::optional<Expression> operand = OfText(value, variant);
      if (!operand.has_value()) return std::nullopt;
      operands.push_back(*std::move(operand));
    }
    return Join(Expression::Kind::kOr, std::move(operands));
  }

  std::optional<Expression> OfText(const YamlNode& value, const std::string& text) {
    if (Has(kComparisons | kTimeParts)) return OfNumber(value, text);
    if (Has(kCidr)) return OfCidr(value, text);
    if (Has(kFieldRef)) return OfFieldRef(value, text);
    if (Has(kRe)) return OfRegex(value, text);
    if (Has(kBase64s)) return OfBase64(value, text);
    double number = 0;
    bool boolean = false;
    if (!key_.field.empty() && value.plain && !Has(kRelations | kCased | kExpand | kWindash) &&
        KindOfPlain(text, &number, &boolean) == ScalarKind::kNumber && IsExact(text, number)) {
      Test test = NewTest(value, Test::Kind::kNumber);
      test.number = number;
      test.written = Concat(written_.text, ": ", text);
      return Add(std::move(test));
    }
    if (text.empty() && key_.field.empty()) {
      Error(value, "'' as a keyword asks for nothing");
      return std::nullopt;
    }
    if (text.empty() && !Has(kRelations)) {
      return Add(NewTest(value, Test::Kind::kEmpty));
    }
    if (text.empty()) {
      context_.findings->Warn(PlaceOf(value, context_.file), path_,
                              Concat("every text |", key_.NameOfFirst(kRelations),
                                     " ''; write |exists: true for any text, "
                                     "'' under the bare field for the empty one"));
    }
    if (!Has(kRelations | kWindash) && IsAddressField(key_.field)) {
      AddressValue address = ReadAddressValue(key_.field, text);
      if (!address.never.empty()) {
        context_.findings->Warn(PlaceOf(value, context_.file), path_, address.never, address.suggestion);
      }
      return OfString(value, SigmaString::Parse(address.text), text);
    }
    SigmaString string = SigmaString::Parse(text);
    if (Has(kWindash)) string.AcceptAllDashes();
    return OfString(value, std::move(string), text);
  }

  // Whether a number stands for its text and nothing is lost in between: "007" and 20-digit ids are compared
  // as texts.
  static bool IsExact(std::string_view text, double number) {
    constexpr double kIntegersExactUpTo = 9007199254740992.0;  // 2^53
    if (std::abs(number) >= kIntegersExactUpTo || text[0] == '+') return false;
    const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
    return digits.size() < 2 || digits[0] != '0' || digits[1] == '.';
  }

  std::optional<Expression> OfString(const YamlNode& value, SigmaString string, std::string_view text) {
    if (Has(kRelations) || key_.field.empty()) {
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
    const std::string_view modifier = key_.NameOfFirst(Has(kTimeParts) ? kTimeParts : kComparisons);
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
    test.written = Concat(written_.text, ": ", text);
    return Add(std::move(test));
  }

  std::string Written(std::string_view text) const {
    return written_.text.empty() ? Quoted(text) : Concat(written_.text, ": ", Quoted(text));
  }

  Test NewTest(const YamlNode& value, Test::Kind kind) const {
    Test test;
    test.kind = kind;
    test.field = std::string(key_.field);
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

  const YamlNode& written_;
  const ModifierContext& context_;
  const std::string path_;
  ModifierKey key_;
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

}  // namespace stockade
