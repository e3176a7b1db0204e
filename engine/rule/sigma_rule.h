// A Sigma rule as written: what sigma_parse reads and compile turns into one immutable rule set.
//
// Sigma 2.1.0 (SigmaHQ/sigma-specification): base rules, correlation rules, filters; and one key of ours, `response`.
// Every node keeps its place, so that each later refusal can name file, line, column and key. Plain data, built once at
// load time; nothing here is on the hot path.
//
// The way of a rule:  YAML ─ sigma_parse ─► SigmaRule (modifiers resolved by modifier.h, the condition's tree by
// condition.h) ─ compile ─► RuleSet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/decision/alert.h"
#include "engine/event/address.h"

namespace stockade {

// Where something was written. Lines and columns count from 1; 0: unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

// "file:line:column: key: what" as an InvalidArgument status: how every refusal reads.
absl::Status ErrorAt(const Place& place, std::string_view key, std::string_view what);

// One yes/no question to the values of one field of an event: what is left of `field|modifier: value` once modifiers
// are resolved. A field with several values (a list in the log) answers yes if any value does.
struct Test {
  enum class Kind : uint8_t {
    kPattern,   // `pattern` matches the field's text
    kNumber,    // the field's number compares to `number` by `comparison`
    kCidr,      // the field is an address inside `prefix`
    kExists,    // the field is there (a null counts as there)
    kNull,      // the field is absent or null
    kEmpty,     // the field is there and its text is empty
    kFieldRef,  // the field's text relates to the text of `other_field` by `text_relation`
    kTimePart,  // `time_part` of the field's time (UTC) compares to `number`
  };
  enum class Comparison : uint8_t { kEq, kNeq, kLt, kLte, kGt, kGte };
  enum class TextRelation : uint8_t { kEquals, kStartsWith, kEndsWith, kContains };
  enum class TimePart : uint8_t { kMinute, kHour, kDay, kWeek, kMonth, kYear };

  Kind kind = Kind::kPattern;
  std::string field;  // empty: a keyword, asked of every text of the event
  // kPattern: a regular expression that Hyperscan and RE2 read alike (PCRE subset), matched anywhere unless it is
  // anchored; Sigma strings come here escaped, wildcards turned into .* and ., anchored with \A and \z.
  std::string pattern;
  bool caseless = true;
  bool dot_all = true;      // "." matches newline: always for Sigma strings, by |s for |re
  bool multi_line = false;  // |m
  std::string
      literal;  // kPattern without wildcards: the text itself, so that a matcher may compare instead of scan;
                // has_literal tells, and the relation is text_relation
  bool has_literal = false;
  Comparison comparison = Comparison::kEq;
  double number = 0;
  Prefix prefix;
  std::string other_field;
  TextRelation text_relation = TextRelation::kEquals;
  TimePart time_part = TimePart::kHour;

  std::string written;  // "user.name|startswith: 'adm'", for explanations and errors
  Place place;
};

// A boolean expression over the tests of one rule.
struct Expression {
  enum class Kind : uint8_t { kTest, kAnd, kOr, kNot };
  Kind kind = Kind::kTest;
  int test = 0;  // kTest: index into SigmaRule::tests
  std::vector<Expression>
      operands;  // kAnd, kOr: any number (kAnd of none is true, kOr of none false); kNot: one
};
// An expression of all or any of `operands`; of one, it is the operand itself.
Expression Join(Expression::Kind kind, std::vector<Expression> operands);
Expression Not(Expression operand);

// What all Sigma documents share.
struct RuleHeader {
  std::string title;
  std::string id;
  std::string name;
  std::string status;
  std::string description;
  std::string level;
  std::string author;
  std::vector<std::string> tags;
  std::vector<std::string> references;
  std::string logsource;  // "category/product/service" with "*" for what is not named; informative
  Place place;            // of the document
  // Where its keys and those of its response were written: "name", "response.target".
  std::map<std::string, Place, std::less<>> places;

  // Where a key was written; where it was not, the document.
  const Place& At(std::string_view key) const;
  // How other rules and people call it: name, else id, else title.
  const std::string& handle() const { return !name.empty() ? name : !id.empty() ? id : title; }
};

// A base rule: is this one event such a one?
struct SigmaRule {
  RuleHeader header;
  std::vector<Test> tests;
  Expression expression;  // detection and condition, and every filter that applies
  std::optional<Response> response;
};

// An aliases entry: in events of `rule`, the alias stands for `field`.
struct AliasEntry {
  std::string rule;
  std::string field;
};
struct Alias {
  std::string name;
  std::vector<AliasEntry> entries;
  Place place;
};

// A correlation rule: do the events that others match, together, within a span, for one key, meet a condition?
struct CorrelationRule {
  enum class Type : uint8_t {
    kEventCount,
    kValueCount,
    kTemporal,
    kTemporalOrdered,
    kValueSum,
    kValueAvg,
    kValuePercentile
  };
  // Whether its condition is over things that are counted, or over which rules were seen.
  static constexpr bool Counts(Type type) noexcept {
    return type == Type::kEventCount || type == Type::kValueCount;
  }
  static constexpr bool IsTemporal(Type type) noexcept {
    return type == Type::kTemporal || type == Type::kTemporalOrdered;
  }
  struct Bound {
    Test::Comparison comparison;
    double number;
  };
  struct Reference {
    std::string rule;  // name or id of a base or correlation rule
    Place place;
  };

  RuleHeader header;
  Type type = Type::kEventCount;
  std::vector<Reference> rules;
  std::vector<std::string> group_by;  // fields or aliases; empty: one window for all
  std::vector<Alias> aliases;
  int64_t span_ms = 0;
  std::vector<Bound> bounds;    // all must hold; two form a range
  std::string condition_field;  // value_*: the field
  double percentile = 50;       // value_percentile: which, above 0 and up to 100
  // temporal*: a condition expression over rule names ("a and (b or c)"); empty: all of them. Leaves are tests whose
  // `test` is an index into `rules`.
  std::optional<Expression> temporal_condition;
  bool generate = false;          // referenced rules alert on their own, too
  std::string condition_written;  // "gte 8" or "gte 5, lt 10"
  std::optional<Response> response;
  Place place;
};

// A filter: an extra condition ANDed into the rules it names.
struct SigmaFilter {
  RuleHeader header;
  std::vector<CorrelationRule::Reference> rules;  // names, ids; empty with `any` set: every rule
  bool any = false;
  std::vector<Test> tests;
  Expression expression;
  Place place;
};

// The documents of one or more rule files, before compile resolves their references.
struct SigmaDocuments {
  std::vector<SigmaRule> rules;
  std::vector<CorrelationRule> correlations;
  std::vector<SigmaFilter> filters;
};

// Whether a value meets a bound, or all of them.
bool Holds(const CorrelationRule::Bound& bound, double value) noexcept;
bool HoldAll(const std::vector<CorrelationRule::Bound>& bounds, double value) noexcept;

}  // namespace stockade
