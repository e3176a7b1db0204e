// Whether one event meets one rule, the slow way: the expression's tree walked, every test read anew from the
// event, texts compared by hand or by one RE2. Shares nothing with engine/rule but the rule as written.
#pragma once

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "engine/event/login_event.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

class RuleOracle {
 public:
  explicit RuleOracle(const FieldTable* fields) : fields_(fields) {}

  bool Meets(const SigmaRule& rule, const LoginEvent& event) const {
    return Meets(rule, rule.expression, event);
  }

  bool Holds(const Test& test, const LoginEvent& event) const {
    const std::vector<Value> values = Values(test.field, event);
    switch (test.kind) {
      case Test::Kind::kExists:
        return !values.empty();
      case Test::Kind::kNull:
        return values.empty() ||
               std::any_of(values.begin(), values.end(), [](const Value& v) { return v.null; });
      default:
        break;
    }
    for (const Value& value : values) {
      if (value.null) continue;
      if (test.kind == Test::Kind::kFieldRef) {
        for (const Value& other : Values(test.other_field, event))
          if (!other.null && Relates(value.text, other.text, test.text_relation, test.caseless)) return true;
        continue;
      }
      if (HoldsOfValue(test, value, event)) return true;
    }
    return false;
  }

 private:
  struct Value {
    std::string text;
    bool null = false;
    bool is_number = false;
    bool is_text = true;
    double number = 0;
  };

  bool Meets(const SigmaRule& rule, const Expression& expression, const LoginEvent& event) const {
    switch (expression.kind) {
      case Expression::Kind::kTest:
        return Holds(rule.tests.at(static_cast<size_t>(expression.test)), event);
      case Expression::Kind::kNot:
        return !Meets(rule, expression.operands.at(0), event);
      case Expression::Kind::kAnd:
        for (const Expression& operand : expression.operands)
          if (!Meets(rule, operand, event)) return false;
        return true;
      case Expression::Kind::kOr:
        for (const Expression& operand : expression.operands)
          if (Meets(rule, operand, event)) return true;
        return false;
    }
    return false;
  }

  static void Add(const FieldValue& value, std::vector<Value>* out) {
    if (value.kind == FieldValue::Kind::kAbsent) return;
    out->push_back({std::string(value.text), value.kind == FieldValue::Kind::kNull,
                    value.kind == FieldValue::Kind::kNumber, value.kind == FieldValue::Kind::kText,
                    value.number});
  }

  std::vector<Value> Values(const std::string& field, const LoginEvent& event) const {
    std::vector<Value> values;
    FieldScratch scratch;
    if (field.empty()) {
      for (size_t i = 1; i < kKnownFieldCount; ++i) {
        const auto id = static_cast<FieldId>(i);
        if (id != FieldId::kSourcePrefix && id != FieldId::kSourceFingerprint)
          Add(GetField(event, id, &scratch), &values);
      }
      for (const ExtraField& extra : event.attempt.extra) Add(extra.value, &values);
      return values;
    }
    const FieldId id = fields_->Find(field).value();
    if (id < FieldId::kFirstUnknown) {
      Add(GetField(event, id, &scratch), &values);
    } else {
      for (const ExtraField& extra : event.attempt.extra)
        if (extra.id == id) Add(extra.value, &values);
    }
    return values;
  }

  static std::string Lower(std::string text) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return text;
  }

  static bool Relates(std::string text, std::string other, Test::TextRelation relation, bool caseless) {
    if (caseless) text = Lower(text), other = Lower(other);
    switch (relation) {
      case Test::TextRelation::kEquals:
        return text == other;
      case Test::TextRelation::kStartsWith:
        return text.rfind(other, 0) == 0;
      case Test::TextRelation::kEndsWith:
        return text.size() >= other.size() && text.substr(text.size() - other.size()) == other;
      case Test::TextRelation::kContains:
        return text.find(other) != std::string::npos;
    }
    return false;
  }

  static bool Compares(double a, Test::Comparison comparison, double b) {
    switch (comparison) {
      case Test::Comparison::kEq:
        return a == b;
      case Test::Comparison::kNeq:
        return a < b || a > b;
      case Test::Comparison::kLt:
        return a < b;
      case Test::Comparison::kLte:
        return a <= b;
      case Test::Comparison::kGt:
        return a > b;
      case Test::Comparison::kGte:
        return a >= b;
    }
    return false;
  }

  static bool Number(const Value& value, double* number) {
    *number = value.number;
    if (value.is_number) return true;
    if (!value.is_text || value.text.empty()) return false;
    if (value.text.find_first_not_of("0123456789.-e") != std::string::npos) return false;
    char* end = nullptr;
    *number = std::strtod(value.text.c_str(), &end);
    return end == value.text.c_str() + value.text.size();
  }

  static bool HoldsOfValue(const Test& test, const Value& value, const LoginEvent& event) {
    switch (test.kind) {
      case Test::Kind::kPattern: {
        if (test.has_literal) return Relates(value.text, test.literal, test.text_relation, test.caseless);
        re2::RE2::Options options;
        options.set_encoding(re2::RE2::Options::EncodingLatin1);
        options.set_case_sensitive(!test.caseless);
        options.set_dot_nl(test.dot_all);
        const re2::RE2 regex((test.multi_line ? "(?m)" : "") + test.pattern, options);
        return re2::RE2::PartialMatch(value.text, regex);
      }
      case Test::Kind::kNumber: {
        double number = 0;
        return Number(value, &number) && Compares(number, test.comparison, test.number);
      }
      case Test::Kind::kCidr: {
        const auto address = Address::Parse(value.text);
        return address.has_value() &&
               Prefix::Around(*address, test.prefix.length).address == test.prefix.address;
      }
      case Test::Kind::kEmpty:
        return value.is_text && value.text.empty();
      case Test::Kind::kTimePart: {
        double number = static_cast<double>(event.attempt.time_ns / 1'000'000'000);
        if (test.field != "@timestamp" && (!Number(value, &number) || number < 0)) return false;
        const auto seconds = static_cast<std::time_t>(number);
        std::tm parts{};
        gmtime_r(&seconds, &parts);
        char week[8];
        std::strftime(week, sizeof week, "%V", &parts);
        const int values[] = {parts.tm_min,    parts.tm_hour,    parts.tm_mday,
                              std::atoi(week), parts.tm_mon + 1, parts.tm_year + 1900};
        return Compares(values[static_cast<size_t>(test.time_part)], test.comparison, test.number);
      }
      default:
        return false;
    }
  }

  const FieldTable* fields_;
};

}  // namespace stockade
