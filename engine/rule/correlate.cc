#include "engine/rule/correlate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include "engine/rule/test_truth.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

WindowReading::Counts CountsOf(Type type) noexcept {
  switch (type) {
    case Type::kEventCount:
      return WindowReading::Counts::kEvents;
    case Type::kValueCount:
      return WindowReading::Counts::kValues;
    case Type::kTemporal:
    case Type::kTemporalOrdered:
      return WindowReading::Counts::kRules;
    default:
      return WindowReading::Counts::kNothing;
  }
}

// The nearest threshold with which the same bound would not have held at this value.
double AllowedBy(const CompiledCorrelation& correlation, double value) noexcept {
  const double step = CorrelationRule::Counts(correlation.written->type) ? 1 : 0;
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

}  // namespace

absl::StatusOr<std::unique_ptr<Correlator>> Correlator::Create(const RuleSet* rules, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<WindowConfig> configs, WindowConfigs(*rules));
  ASSIGN_OR_RETURN(auto table, KeyedTable::Create(options.table, configs));
  std::unique_ptr<Correlator> made(new Correlator(rules, options, std::move(table)));
  RETURN_IF_ERROR(made->SwapRules(rules));
  return made;
}

Correlator::Correlator(const RuleSet* rules, const Options& options, std::unique_ptr<KeyedTable> table)
    : rules_(rules),
      hash_key_(options.hash_key),
      table_(std::move(table)),
      window_places_(options.hash_key),
      keys_(options.hash_key),
      replayed_(kFeedsMax) {}

absl::Status Correlator::SwapRules(const RuleSet* rules) {
  ASSIGN_OR_RETURN(const std::vector<WindowConfig> configs, WindowConfigs(*rules));
  ASSIGN_OR_RETURN(const std::vector<WindowPlace> places,
                   window_places_.Resolve(*rules, configs, table_.get()));
  GroupKeys keys(hash_key_);
  CorrelationPlans plans(rules, places, configs, &keys);
  RETURN_IF_ERROR(MakeRoomForGroups(plans.groups().size()));
  // From here on nothing is refused.
  const bool means_the_same = plans.meaning() == plans_.meaning();
  if (!means_the_same) OpenRows(INT64_MIN);
  // What is noted elsewhere from now on, or no longer, is to be found as if it had never been noted.
  if (!std::ranges::equal(plans.noted(), plans_.noted(),
                          [](const auto& a, const auto& b) { return a.SparesLike(b); })) {
    CarryOutNotes();
  }
  rules_ = rules;
  keys_ = std::move(keys);
  plans_ = std::move(plans);
  PlaceGroups(!means_the_same);
  for (const NotedInput& noted : plans_.noted()) {
    table_->KeepNotes(noted.input_window, rules->correlations()[noted.correlation].span_ms);
  }
  // Others need the account's in any case; the fingerprint's they take where it costs nothing.
  account_slot_ = keys_.SlotOf(FieldId::kUserName);
  fingerprint_slot_ =
      keys_.Has(FieldId::kSourceFingerprint) ? keys_.SlotOf(FieldId::kSourceFingerprint) : FeedRoute::kNoSlot;
  firings_.clear();
  return absl::OkStatus();
}

Correlator::Feeds::Feeds() : entries(kFeedsMax) {}

void Correlator::AddFeed(const FeedRoute& route, uint32_t order, uint32_t cause, FeedList* entries) noexcept {
  Hash128 parts;
  if (!PartsOf(route, &parts)) return;
  uint32_t tag = route.reference;
  if (route.value_slot != FeedRoute::kNoSlot) {
    const Hash128* const value = keys_.Find(route.value_slot);
    if (value == nullptr) return;
    tag = Fingerprint(*value);
  }
  Feed& feed = entries->Append();
  feed = Feed{route.correlation, route.reference, tag, cause, kNoEntry, order, Salted(parts, route.salt)};
}

void Correlator::Prepare(const LoginEvent& event, std::span<const uint16_t> matched, Feeds* feeds,
                         Charge charge) noexcept {
  keys_.Begin(event);
  feeds->sources_only = charge == Charge::kSources;
  feeds->entries.clear();
  PrepareGroups(matched, feeds);
  for (const uint16_t rule : matched) {
    for (const uint32_t number : plans_.direct(rule)) {
      const FeedRoute& route = plans_.route(number);
      if (feeds->entries.size() == kFeedsMax || (feeds->sources_only && route.of_account)) continue;
      AddFeed(route, number, 0, &feeds->entries);
    }
  }
  for (const Feed& feed : feeds->entries) table_->Prefetch(feed.key);
}

void Correlator::PrefetchBlocks(Feeds* feeds) const noexcept {
  for (size_t i = 0; i < feeds->groups_size; ++i) {
    GroupFeed& feed = feeds->groups[i];
    feed.hint = table_->PrefetchBlock(Salted(feed.parts, plans_.groups()[feed.group].salt));
  }
  for (Feed& feed : feeds->entries) feed.hint = table_->PrefetchBlock(feed.key);
}

// One entry for somebody that this one feeds.
void Correlator::AddChained(const FeedRoute& route, const Feed& feed, uint32_t cause, Run* run,
                            FeedList* entries) noexcept {
  if (route.keeps_key && route.value_slot == FeedRoute::kNoSlot) {
    const Hash128 parts = Salted(feed.key, plans_[feed.correlation].salt);
    entries->Append() = Feed{route.correlation,        route.reference, route.reference, cause, kNoEntry, 0,
                             Salted(parts, route.salt)};
    return;
  }
  if (run->listener == nullptr) return;
  // Others may have been prepared since this event was.
  if (!run->keys_begun) keys_.Begin(*event_);
  run->keys_begun = true;
  AddFeed(route, 0, cause, entries);
}

void Correlator::AddChain(const Feed& feed, uint32_t cause, bool temporal_only, Run* run,
                          FeedList* entries) noexcept {
  const size_t unified = rules_->rules().size() + feed.correlation;
  const uint32_t end = plans_.routes_end(unified);
  for (uint32_t number = plans_.routes_begin(unified); number < end && entries->size() < kFeedsMax;
       ++number) {
    const FeedRoute& route = plans_.route(number);
    if ((temporal_only && !route.is_temporal) || (run->sources_only && route.of_account)) continue;
    if (!route.is_noted) {
      AddChained(route, feed, cause, run, entries);
      continue;
    }
    // All that follow one another and will do with a note, as one.
    uint32_t last = number;
    while (last + 1 < end && plans_.route(last + 1).is_noted) ++last;
    entries->Append() = Feed{feed.correlation, kNoteReference, last, cause, feed.hint, number, feed.key};
    number = last;
  }
}

inline Reading Correlator::Enter(const CorrelationPlan& plan, const Feed& feed, int64_t time_ms) noexcept {
  switch (plan.type) {
    case Type::kEventCount:
      return table_->Add(plan.window, feed.key, time_ms, feed.hint);
    case Type::kTemporal:
    case Type::kTemporalOrdered:
    case Type::kValueCount:
      return table_->AddTag(plan.window, feed.key, time_ms, feed.tag, feed.hint);
    case Type::kValueSum:
    case Type::kValueAvg:
    case Type::kValuePercentile:
      break;
  }
  const auto& reference = rules_->correlations()[feed.correlation].references[feed.reference];
  if (!reference.value_field.has_value()) return Reading();
  FieldScratch scratch;
  const std::optional<double> number = NumberOf(GetField(*event_, *reference.value_field, &scratch));
  if (!number.has_value()) return Reading();
  return table_->AddNumber(plan.window, feed.key, time_ms, *number);
}

inline double Correlator::ValueOf(size_t correlation, const Reading& reading) const noexcept {
  return plans_[correlation].is_temporal ? std::popcount(reading.small_tags) : reading.value;
}

inline bool Correlator::Met(size_t correlation, const Reading& reading) noexcept {
  const CorrelationPlan& plan = plans_[correlation];
  if (!plan.is_temporal) return plans_.ValueMeets(correlation, reading.value);
  const uint64_t seen = reading.small_tags;
  if (plan.type == Type::kTemporal) return plans_.SeenMeets(correlation, seen);
  // Most keys have seen one of the rules only.
  const CompiledCorrelation& ordered = rules_->correlations()[correlation];
  if ((seen & (seen - 1)) == 0 && ordered.references.size() > 1) return false;
  if (static_cast<size_t>(std::popcount(seen)) < ordered.references.size()) return false;
  std::array<TimedTag, kExactLimit> entries;
  const int count = table_->Entries(reading.entry, entries);
  return MetInOrder(ordered, {entries.data(), static_cast<size_t>(count)});
}

void Correlator::Observe(const LoginEvent& event, Feeds* feeds, int64_t time_ms,
                         CorrelationListener* listener) {
  event_ = &event;
  AddGroups(feeds, time_ms);
  if (feeds->entries.size() == 0) return;
  firings_.clear();
  Run run{time_ms, listener, feeds->sources_only};
  Enter(&feeds->entries, &run);
}

void Correlator::Enter(FeedList* entries, Run* run) {
  // Correlations that fire add entries for those that refer to them: the list grows while it is walked, within the room
  // it has.
  for (size_t i = 0; i < entries->size(); ++i) {
    const Feed& feed = (*entries)[i];
    if (feed.reference == kNoteReference) {
      EnterNoted(feed, run, entries);
    } else {
      EnterOne(feed, run, entries);
    }
  }
}

void Correlator::EnterOne(const Feed& feed, Run* run, FeedList* entries) {
  const CorrelationPlan& plan = plans_[feed.correlation];
  if (feed.reference != plan.noted_reference && plan.noted_reference != CorrelationPlan::kNoReference) {
    Recall(feed.correlation, feed.key, run->time_ms);
  }
  const Reading reading = Enter(plan, feed, run->time_ms);
  if (!reading.counted) return;
  const bool is_replay = run->listener == nullptr;
  const bool met = Met(feed.correlation, reading);
  if (!met && (!tracing_ || is_replay)) return;
  // What is met in a replay and could alert is for the event that follows to say.
  if (is_replay && plan.raises) return;
  const double value = ValueOf(feed.correlation, reading);
  const bool quiet = met && IsQuiet(plan, reading);
  if (tracing_ && !is_replay) run->listener->OnWindow(Describe(feed, reading, value, met, quiet));
  if (!met) return;
  if (!quiet && reading.entry != kNoEntry) table_->SetFired(reading.entry, reading.newest_ms);
  const bool alerts = plan.raises && !quiet;
  if (alerts) {
    firings_.push_back({feed, reading, value});
    Raise(firings_.back(), run->time_ms, run->listener);
  }
  if (!plan.feeds_others) return;
  const size_t size = entries->size();
  Feed fired = feed;
  fired.hint = reading.entry;
  AddChain(fired, static_cast<uint32_t>(firings_.size() + (alerts ? 0 : 1)), quiet, run, entries);
  if (!alerts && !is_replay && entries->size() != size) firings_.push_back({feed, reading, value});
}

bool Correlator::IsQuiet(const CorrelationPlan& plan, const Reading& reading) const noexcept {
  if (reading.fired_ms == kNeverMs || reading.newest_ms - reading.fired_ms >= plan.quiet_ms) return false;
  return !plan.responds || lifted_ == nullptr || !lifted_->Frees(event_->attempt, reading.fired_ms);
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

WindowReading Correlator::Describe(const Feed& feed, const Reading& reading, double value, bool met,
                                   bool quiet) {
  const CompiledCorrelation& correlation = rules_->correlations()[feed.correlation];
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
  described.counts = CountsOf(correlation.written->type);
  described.counted_field = correlation.written->condition_field;
  described.tag = feed.tag;
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
  while (plans_[counted->feed.correlation].is_temporal && counted->feed.cause != 0) {
    counted = &firings_[counted->feed.cause - 1];
  }
  const CompiledCorrelation& counting = correlation_of(*counted);
  const WindowReading described = Describe(counted->feed, counted->reading, counted->value, true, false);
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
