#include "adapters/source/field_values.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace stockade {
namespace {

// Of a JSON number. Beyond what a double holds: infinity, or nothing left of it: 0. from_chars does not say
// which, strtod would ask the locale; the decimal exponent does.
double NumberOf(std::string_view text) noexcept {
  double number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc::result_out_of_range)
    return number;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
  int64_t exponent = 0;  // clamped: a text has 2^20 digits at most
  if (mantissa.size() < text.size()) {
    text.remove_prefix(mantissa.size() + 1);
    const bool below_one = text.starts_with('-');
    if (below_one || text.starts_with('+')) text.remove_prefix(1);
    for (const char c : text) exponent = std::min<int64_t>(exponent * 10 + (c - '0'), int64_t{1} << 40);
    if (below_one) exponent = -exponent;
  }
  // Where the first digit that is not 0 stands: before the point it adds to the exponent, behind it takes.
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t digit = std::min(mantissa.find_first_not_of("0."), mantissa.size());
  const int64_t magnitude = exponent + static_cast<int64_t>(point) - static_cast<int64_t>(digit);
  if (magnitude < 0) return negative ? -0.0 : 0.0;
  return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

}  // namespace

FieldValues::FieldValues(const SourceOptions& options)
    : paths_(options.field_paths, options.fields),
      words_(LowerCaseWords(options.outcome_words)),
      hash_key_(options.hash_key),
      times_(options.time_zone) {}

FieldValues::Place FieldValues::PlaceOf(Node node, bool in_list) const noexcept {
  const std::span<const FieldPaths::Target> targets = paths_.Targets(node);
  Place place;
  place.way = Place::Way::kAny;
  place.in_list = in_list;
  place.node = node;
  const bool all_known = std::all_of(targets.begin(), targets.end(), [](const FieldPaths::Target& target) {
    return target.field < FieldId::kFirstUnknown;
  });
  if (targets.empty() || (in_list && all_known)) {
    place.way = Place::Way::kNothing;
  } else if (targets.size() == 1 && all_known && targets.front().part == FieldPaths::Part::kWhole) {
    const FieldId field = targets.front().field;
    if (field == FieldId::kTimestamp) {
      place.way = Place::Way::kTime;
    } else if (field == FieldId::kPasswordId) {
      place.way = Place::Way::kPasswordId;
    } else if (field == FieldId::kEventOutcome) {
      place.way = Place::Way::kOutcome;
    } else if (field == FieldId::kEventReason) {
      place.way = Place::Way::kReason;
    } else if (const auto member = TextMember(field)) {
      place.way = Place::Way::kMember;
      place.member = member;
    } else {
      place.way = Place::Way::kKnown;
      place.field = field;
    }
  }
  return place;
}

bool FieldValues::MayBeObject(Node node) noexcept {
  const std::span<const FieldPaths::Target> targets = paths_.Targets(node);
  for (const FieldPaths::Target& target : targets) {
    if (target.field < FieldId::kFirstUnknown && target.field != FieldId::kChallenge)
      return Error(ReadError::kBadValue, targets.front().field);
  }
  return true;
}

void FieldValues::Begin(LoginEvent* event, Batch* batch) noexcept {
  event_ = event;
  batch_ = batch;
  has_time_ = false;
  outcome_ = {};
  reason_ = {};
  extra_.clear();
}

bool FieldValues::Set(Node node, FieldValue::Kind kind, std::string_view text, bool in_list) {
  const std::span<const FieldPaths::Target> targets = paths_.Targets(node);
  // A path that is the password's is so for every field that is read from it, and in a list as well.
  const bool is_password = std::any_of(targets.begin(), targets.end(), [](const FieldPaths::Target& target) {
    return target.field == FieldId::kPasswordId;
  });
  if (is_password && kind != FieldValue::Kind::kNull) [[unlikely]] {
    text = ToPasswordId(text, hash_key_, &batch_->text);
    kind = FieldValue::Kind::kText;
  }
  for (const FieldPaths::Target& target : targets) {
    if (target.field >= FieldId::kFirstUnknown) {
      double number = kind == FieldValue::Kind::kBool && text == "true" ? 1 : 0;
      if (kind == FieldValue::Kind::kNumber) number = NumberOf(text);
      extra_.push_back(ExtraField{target.field, FieldValue{kind, number, text}});
    } else if (!in_list && kind != FieldValue::Kind::kNull && !SetPart(target, kind, text)) {
      return false;
    }
  }
  return true;
}

bool FieldValues::SetPart(FieldPaths::Target target, FieldValue::Kind kind, std::string_view text) {
  switch (target.field) {
    case FieldId::kTimestamp:
      return SetTime(kind, text);
    case FieldId::kEventOutcome:
      outcome_ = text;
      return true;
    case FieldId::kEventReason:
      reason_ = text;
      return true;
    case FieldId::kChallenge: {
      if (target.part == FieldPaths::Part::kWhole) break;
      const auto result = ParseChallengeResult(text);
      if (!result.has_value()) return Error(ReadError::kBadValue, target.field);
      ChallengeResults& results = event_->aftermath.challenge;
      (target.part == FieldPaths::Part::kChallengeHuman ? results.human : results.identity) = *result;
      return true;
    }
    default:
      break;
  }
  return SetKnown(target.field, text);
}

bool FieldValues::SetTime(FieldValue::Kind kind, std::string_view text) {
  std::optional<int64_t> time;
  if (kind == FieldValue::Kind::kText) time = times_.Parse(text);
  if (!time.has_value()) time = ParseEpoch(text);
  if (!time.has_value()) return Error(ReadError::kBadTimestamp, FieldId::kTimestamp);
  event_->attempt.time_ns = *time;
  has_time_ = true;
  return true;
}

bool FieldValues::SetKnown(FieldId field, std::string_view text) {
  const ReadError error = SetField(field, text, event_);
  return error == ReadError::kNone || Error(error, field);
}

bool FieldValues::Finish() {
  if (!has_time_) return Error(ReadError::kNoTimestamp, FieldId::kFirstUnknown);
  const auto outcome = ResolveOutcome(outcome_, reason_, words_);
  if (!outcome.has_value()) return Error(ReadError::kBadValue, FieldId::kEventOutcome);
  event_->aftermath.outcome = *outcome;
  if (!extra_.empty()) event_->attempt.extra = batch_->extra.Copy(extra_);
  return true;
}

}  // namespace stockade
