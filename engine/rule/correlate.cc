#include "engine/rule/correlate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

bool Holds(const CorrelationRule::Bound& bound, double value) noexcept {
  switch (bound.comparison) {
    case Test::Comparison::kEq:
      return value == bound.number;
    case Test::Comparison::kNeq:
      return value != bound.number;
    case Test::Comparison::kLt:
      return value < bound.number;
    case Test::Comparison::kLte:
      return value <= bound.number;
    case Test::Comparison::kGt:
      return value > bound.number;
    case Test::Comparison::kGte:
      return value >= bound.number;
  }
  return false;
}

bool HoldAll(const std::vector<CorrelationRule::Bound>& bounds, double value) noexcept {
  return std::all_of(bounds.begin(), bounds.end(), [&](const auto& bound) { return Holds(bound, value); });
}

// How far a window must be able to count so that every bound is decided: a threshold that values must reach,
// or one more than a value that they must not pass.
double LimitFor(const std::vector<CorrelationRule::Bound>& bounds) noexcept {
  double limit = 1;
  for (const auto& bound : bounds) {
    const bool reach =
        bound.comparison == Test::Comparison::kGte || bound.comparison == Test::Comparison::kLt;
    limit = std::max(limit, reach ? std::ceil(bound.number) : std::floor(bound.number) + 1);
  }
  return limit;
}

WindowKind KindOf(Type type) noexcept {
  switch (type) {
    case Type::kEventCount:
      return WindowKind::kCount;
    case Type::kValueCount:
    case Type::kTemporal:
      return WindowKind::kDistinct;
    case Type::kTemporalOrdered:
      return WindowKind::kSequence;
    case Type::kValueSum:
      return WindowKind::kSum;
    case Type::kValueAvg:
      return WindowKind::kAverage;
    case Type::kValuePercentile:
      return WindowKind::kPercentile;
  }
  return WindowKind::kCount;
}

bool CountsThings(Type type) noexcept {
  return type == Type::kEventCount || type == Type::kValueCount;
}
bool IsTemporal(Type type) noexcept {
  return type == Type::kTemporal || type == Type::kTemporalOrdered;
}

// The tags of a temporal window are positions in the rule's list.
bool HoldsOver(const Expression& expression, uint64_t seen) noexcept {
  switch (expression.kind) {
    case Expression::Kind::kTest:
      return (seen >> expression.test & 1) != 0;
    case Expression::Kind::kNot:
      return !HoldsOver(expression.operands[0], seen);
    case Expression::Kind::kAnd:
      return std::all_of(expression.operands.begin(), expression.operands.end(),
                         [&](const Expression& operand) { return HoldsOver(operand, seen); });
    case Expression::Kind::kOr:
      return std::any_of(expression.operands.begin(), expression.operands.end(),
                         [&](const Expression& operand) { return HoldsOver(operand, seen); });
  }
  return false;
}

std::vector<FieldId> FieldsOfKeys(const RuleSet& rules) {
  std::vector<FieldId> fields;
  for (const CompiledCorrelation& correlation : rules.correlations()) {
    for (const auto& reference : correlation.references) {
      fields.insert(fields.end(), reference.group_by.begin(), reference.group_by.end());
      if (reference.value_field.has_value()) fields.push_back(*reference.value_field);
    }
  }
  return fields;
}

std::optional<double> NumberOf(const FieldValue& value) noexcept {
  if (value.kind == FieldValue::Kind::kNumber) return value.number;
  if (value.kind != FieldValue::Kind::kText || value.text.empty()) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  if (error != std::errc() || end != value.text.data() + value.text.size()) return std::nullopt;
  return number;
}

// The nearest threshold with which the same bound would not have held at this value.
double AllowedBy(const CompiledCorrelation& correlation, double value) noexcept {
  const double step = CountsThings(correlation.written->type) ? 1 : 0;
  for (const auto& bound : correlation.bounds) {
    switch (bound.comparison) {
      case Test::Comparison::kGte:
        return step == 0 ? std::nextafter(value, INFINITY) : value + step;
      case Test::Comparison::kGt:
        return value;
      case Test::Comparison::kLte:
        return step == 0 ? std::nextafter(value, -INFINITY) : value - step;
      case Test::Comparison::kLt:
        return value;
      case Test::Comparison::kEq:
      case Test::Comparison::kNeq:
        break;
    }
  }
  return std::nan("");
}

// The window of each correlation, in their order. Errors: the place of one whose threshold no window can hold.
absl::StatusOr<std::vector<WindowConfig>> WindowsOf(const RuleSet& rules) {
  std::vector<WindowConfig> configs;
  for (const CompiledCorrelation& correlation : rules.correlations()) {
    const CorrelationRule& written = *correlation.written;
    WindowConfig config;
    config.kind = KindOf(written.type);
    config.span_ms = correlation.span_ms;
    config.percentile = written.percentile;
    if (CountsThings(written.type)) {
      const double limit = LimitFor(correlation.bounds);
      if (!(limit <= kWindowLimitMax)) {
        return ErrorAt(written.place, "correlation.condition",
                       Concat("no window counts to ", limit, "; the most is ", kWindowLimitMax));
      }
      config.limit = static_cast<int>(limit);
    } else if (written.type == Type::kTemporal) {
      if (correlation.references.size() > static_cast<size_t>(kExactLimit)) {
        return ErrorAt(written.place, "correlation.rules",
                       Concat("a temporal correlation takes at most ", kExactLimit, " rules"));
      }
      config.limit = static_cast<int>(correlation.references.size());
    } else {
      config.limit = kExactLimit;
    }
    if (const absl::Status status = Validate(config); !status.ok()) {
      return ErrorAt(written.place, "correlation", FromAbsl(status.message()));
    }
    configs.push_back(config);
  }
  return configs;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Correlator>> Correlator::Create(const RuleSet* rules, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<WindowConfig> configs, WindowsOf(*rules));
  ASSIGN_OR_RETURN(auto table, KeyedTable::Create(options.table, configs));
  return std::unique_ptr<Correlator>(new Correlator(rules, configs, options, std::move(table)));
}

Correlator::Correlator(const RuleSet* rules, std::span<const WindowConfig> configs, const Options& options,
                       std::unique_ptr<KeyedTable> table)
    : rules_(rules),
      hash_key_(options.hash_key),
      table_(std::move(table)),
      keys_(options.hash_key, FieldsOfKeys(*rules)) {
  for (size_t i = 0; i < configs.size(); ++i) {
    const std::string_view handle = rules_->correlations()[i].written->header.handle();
    places_.push_back(MakePlace(handle, configs[i], static_cast<uint16_t>(i)));
    held_.push_back({std::string(handle), configs[i], places_.back()});
  }
}

Correlator::Place Correlator::MakePlace(std::string_view handle, const WindowConfig& config,
                                        uint16_t window) const {
  // Salted by the rule's handle, not its position: adding a rule to a set must not move the windows of the
  // others. A rule that comes back with another window must not meet the keys of the one it had.
  size_t earlier = 0;
  for (const Held& held : held_) earlier += held.handle == handle && !(held.config == config) ? 1 : 0;
  const std::string salt = earlier == 0 ? Concat("window:", handle) : Concat("window:", handle, "#", earlier);
  return {window, SipHash128(hash_key_, salt)};
}

absl::Status Correlator::SwapRules(const RuleSet* rules) {
  ASSIGN_OR_RETURN(const std::vector<WindowConfig> configs, WindowsOf(*rules));
  std::vector<Place> places;
  for (size_t i = 0; i < configs.size(); ++i) {
    const CorrelationRule& written = *rules->correlations()[i].written;
    const std::string_view handle = written.header.handle();
    const auto kept = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
      return held.handle == handle && held.config == configs[i];
    });
    if (kept != held_.end()) {
      places.push_back(kept->place);
      continue;
    }
    // What was added for a set that is then refused stays, empty, and is found again.
    const absl::StatusOr<uint16_t> window = table_->AddWindow(configs[i]);
    if (!window.ok()) {
      return ErrorAt(written.place, "correlation",
                     Concat(FromAbsl(window.status().message()), "; it takes a restart"));
    }
    places.push_back(MakePlace(handle, configs[i], *window));
    held_.push_back({std::string(handle), configs[i], places.back()});
  }
  rules_ = rules;
  places_ = std::move(places);
  keys_ = GroupKeys(hash_key_, FieldsOfKeys(*rules));
  firings_.clear();
  return absl::OkStatus();
}

void Correlator::AddFeeds(size_t unified, uint32_t cause, bool temporal_only,
                          std::vector<Feed>* feeds) noexcept {
  for (const Consumer& consumer : rules_->consumers(unified)) {
    if (feeds->size() == kFeedsMax) return;
    const CompiledCorrelation& correlation = rules_->correlations()[consumer.correlation];
    if (temporal_only && !IsTemporal(correlation.written->type)) continue;
    const auto& reference = correlation.references[consumer.reference];
    Feed feed{consumer.correlation, consumer.reference, 0, cause, places_[consumer.correlation].salt};
    bool whole = true;
    for (const FieldId field : reference.group_by) {
      const Hash128* part = keys_.Find(field);
      if (part == nullptr) {
        whole = false;
        break;
      }
      feed.key = Combine(feed.key, *part);
    }
    if (whole && correlation.written->type == Type::kValueCount) {
      const Hash128* value = reference.value_field.has_value() ? keys_.Find(*reference.value_field) : nullptr;
      whole = value != nullptr;
      if (whole) feed.tag = Fingerprint(*value);
    }
    if (!whole) continue;
    table_->Prefetch(feed.key);
    feeds->push_back(feed);
  }
}

void Correlator::Prepare(const LoginEvent& event, std::span<const uint16_t> matched,
                         std::vector<Feed>* feeds) noexcept {
  keys_.Begin(event);
  feeds->clear();
  for (const uint16_t rule : matched) AddFeeds(rule, 0, false, feeds);
}

void Correlator::PrefetchBlocks(std::span<const Feed> feeds) const noexcept {
  for (const Feed& feed : feeds) table_->PrefetchBlock(feed.key);
}

void Correlator::Observe(const LoginEvent& event, std::vector<Feed>* feeds, int64_t time_ms,
                         CorrelationListener* listener) {
  event_ = &event;
  bool keys_begun = false;
  firings_.clear();
  // Correlations that fire add feeds for those that refer to them: the list grows while it is walked.
  for (size_t i = 0; i < feeds->size(); ++i) {
    const Feed feed = (*feeds)[i];
    const CompiledCorrelation& correlation = rules_->correlations()[feed.correlation];
    const Reading reading = Enter(feed, time_ms);
    if (!reading.counted) continue;
    double value = 0;
    const bool met = Met(correlation, reading, &value);
    if (!met && !tracing_) continue;
    const int64_t quiet_ms = correlation.written->response.has_value() ? correlation.written->response->for_ms
                                                                       : correlation.span_ms;
    const bool quiet = met && reading.fired_ms != kNeverMs && reading.newest_ms - reading.fired_ms < quiet_ms;
    if (tracing_) listener->OnWindow(Describe(correlation, feed, reading, value, met, quiet));
    if (!met) continue;
    if (!quiet && reading.entry != kNoEntry) table_->SetFired(reading.entry, reading.newest_ms);
    const size_t unified = rules_->rules().size() + feed.correlation;
    const bool raises = rules_->alerts_alone(unified) || correlation.written->response.has_value();
    const bool feeds_others = !rules_->consumers(unified).empty();
    if (!(raises && !quiet) && !feeds_others) continue;
    firings_.push_back({feed, reading, value});
    if (raises && !quiet) Raise(firings_.back(), time_ms, listener);
    if (!feeds_others) continue;
    // Others may have been prepared since this event was.
    if (!keys_begun) keys_.Begin(event);
    keys_begun = true;
    AddFeeds(unified, static_cast<uint32_t>(firings_.size()), quiet, feeds);
  }
}

Reading Correlator::Enter(const Feed& feed, int64_t time_ms) noexcept {
  const CompiledCorrelation& correlation = rules_->correlations()[feed.correlation];
  const auto& reference = correlation.references[feed.reference];
  const uint16_t window = places_[feed.correlation].window;
  switch (correlation.written->type) {
    case Type::kEventCount:
      return table_->Add(window, feed.key, time_ms);
    case Type::kTemporal:
    case Type::kTemporalOrdered:
      return table_->AddTag(window, feed.key, time_ms, feed.reference);
    case Type::kValueCount:
      return table_->AddTag(window, feed.key, time_ms, feed.tag);
    case Type::kValueSum:
    case Type::kValueAvg:
    case Type::kValuePercentile:
      break;
  }
  if (!reference.value_field.has_value()) return Reading();
  FieldScratch scratch;
  const std::optional<double> number = NumberOf(GetField(*event_, *reference.value_field, &scratch));
  if (!number.has_value()) return Reading();
  return table_->AddNumber(window, feed.key, time_ms, *number);
}

bool Correlator::Met(const CompiledCorrelation& correlation, const Reading& reading, double* value) noexcept {
  const CorrelationRule& written = *correlation.written;
  *value = reading.value;
  if (!IsTemporal(written.type)) return HoldAll(correlation.bounds, reading.value);

  std::array<TimedTag, kExactLimit> entries;
  const int count = table_->Entries(reading.entry, entries);
  const std::span<const TimedTag> present(entries.data(), static_cast<size_t>(count));
  uint64_t seen = 0;
  for (const TimedTag& entry : present) seen |= uint64_t{1} << entry.tag;
  *value = std::popcount(seen);
  if (written.type == Type::kTemporalOrdered) return MetInOrder(correlation, present);
  if (written.temporal_condition.has_value()) return HoldsOver(*written.temporal_condition, seen);
  if (!correlation.bounds.empty()) return HoldAll(correlation.bounds, *value);
  return static_cast<size_t>(std::popcount(seen)) == correlation.references.size();
}

bool Correlator::MetInOrder(const CompiledCorrelation& correlation,
                            std::span<const TimedTag> entries) const noexcept {
  // Entries come oldest first, equal times in order of arrival: the earliest possible entry for each rule is
  // as good as any later one.
  size_t next = 0;
  for (const TimedTag& entry : entries) {
    if (entry.tag == next && ++next == correlation.references.size()) return true;
  }
  return false;
}

WindowReading Correlator::Describe(const CompiledCorrelation& correlation, const Feed& feed,
                                   const Reading& reading, double value, bool met, bool quiet) {
  WindowReading described;
  described.rule = correlation.written->header.handle();
  described.condition = correlation.written->condition_written;
  described.span_ms = correlation.span_ms;
  described.value = value;
  // A count that has just risen to the limit is exact; one that was there before may be larger.
  described.at_least = reading.saturated && reading.before >= reading.value;
  described.estimated = reading.estimated;
  described.met = met;
  described.quiet = quiet;
  described.first_ms = reading.oldest_ms;
  described.last_ms = reading.newest_ms;
  described.allowed = AllowedBy(correlation, value);
  described.key = feed.key;
  FieldScratch scratch;
  const auto& fields = correlation.references[feed.reference].group_by;
  for (size_t i = 0; i < fields.size(); ++i) {
    const FieldValue part = GetField(*event_, fields[i], &scratch);
    described.group.emplace_back(correlation.written->group_by[i], std::string(part.text));
  }
  return described;
}

void Correlator::Raise(const Firing& firing, int64_t time_ms, CorrelationListener* listener) {
  const CompiledCorrelation& raised = rules_->correlations()[firing.feed.correlation];
  // Down to the rule that counted.
  const Firing* counted = &firing;
  const auto correlation_of = [this](const Firing& of) -> const CompiledCorrelation& {
    return rules_->correlations()[of.feed.correlation];
  };
  while (IsTemporal(correlation_of(*counted).written->type) && counted->feed.cause != 0) {
    counted = &firings_[counted->feed.cause - 1];
  }
  const CompiledCorrelation& counting = correlation_of(*counted);
  const WindowReading described =
      Describe(counting, counted->feed, counted->reading, counted->value, true, false);
  const CorrelationRule& written = *raised.written;
  Alert alert;
  alert.rule = written.header.handle();
  if (counted != &firing) alert.via = described.rule;
  alert.title = written.header.title;
  alert.level = written.header.level;
  alert.response = written.response.has_value() ? &*written.response : nullptr;
  alert.time_ms = time_ms;
  alert.span_ms = described.span_ms;
  alert.value = described.value;
  alert.at_least = described.at_least;
  alert.estimated = described.estimated;
  alert.condition = described.condition;
  alert.counted_field = counting.written->condition_field;
  alert.first_ms = described.first_ms;
  alert.last_ms = described.last_ms;
  for (const auto& [field, text] : described.group) alert.group.emplace_back(field, text);
  alert.event = event_;
  listener->OnAlert(alert);
}

}  // namespace stockade
