#include "tools/stockade/live_feed.h"

#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "engine/decision/decision.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::string SpanText(absl::Duration span) {
  return FormatSpanMs(absl::ToInt64Milliseconds(absl::Trunc(span, absl::Seconds(1))));
}

}  // namespace

struct LiveFeed::Fed {
  explicit Fed(LiveInput given, std::function<void()> on_push)
      : silence(given.silence), queue(std::move(on_push)), source(std::move(given.source)) {}

  const absl::Duration silence;
  LiveQueue queue;
  std::unique_ptr<LiveSource> source;  // goes before the queue that it pushes into

  int passed_over = 0;             // the feed's thread's own
  std::atomic<int64_t> lag_ns{0};  // of the last attempt, when the engine was told
  std::mutex mutex;                // of `unreadable_text`
  std::string unreadable_text;     // of the last one

  // Tick's own.
  LiveCounters said;
  absl::Time said_at = absl::InfinitePast();
  uint64_t received = 0;
  absl::Time heard = absl::InfinitePast();
  bool is_silent = false;
};

LiveFeed::LiveFeed(std::vector<LiveInput> inputs, Tell tell, RunLog* log)
    : tell_(std::move(tell)), log_(*log) {
  for (LiveInput& input : inputs) {
    fed_.push_back(std::make_unique<Fed>(std::move(input), [this] {
      {
        const std::lock_guard lock(mutex_);
        awake_ = true;
      }
      wake_.notify_one();
    }));
  }
}

LiveFeed::~LiveFeed() {
  Stop();
}

absl::Status LiveFeed::Start() {
  thread_ = std::thread([this] { Run(); });
  for (const auto& fed : fed_) {
    fed->heard = absl::Now();
    RETURN_IF_ERROR(fed->source->Start(&fed->queue));
  }
  return absl::OkStatus();
}

void LiveFeed::Stop() {
  if (std::exchange(stopped_, true)) return;
  for (const auto& fed : fed_) fed->source->Stop();
  for (const auto& fed : fed_) fed->queue.Close();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  // They keep what the engine was told of last.
  for (const auto& fed : fed_) fed->said = fed->source->counters();
  fed_.clear();
}

LiveFeed::Fed* LiveFeed::Next() {
  Fed* next = nullptr;
  int64_t next_ns = 0;
  for (const auto& fed : fed_) {
    const std::optional<int64_t> front_ns = fed->queue.front_ns();
    if (!front_ns.has_value()) {
      fed->passed_over = 0;
      continue;
    }
    if (++fed->passed_over > kPassedOverMax) {
      next = fed.get();
      break;
    }
    if (next != nullptr && next_ns <= *front_ns) continue;
    next = fed.get();
    next_ns = *front_ns;
  }
  if (next != nullptr) next->passed_over = 0;
  return next;
}

void LiveFeed::Run() {
  while (true) {
    Fed* const fed = Next();
    if (fed == nullptr) {
      std::unique_lock lock(mutex_);
      if (!awake_ && stopping_) return;
      wake_.wait(lock, [this] { return awake_ || stopping_; });
      awake_ = false;
      continue;
    }
    LiveBatch batch;
    if (!fed->queue.Pop(&batch)) continue;
    TellBatch(fed, &batch);
    fed->queue.GiveBack(std::move(batch));
  }
}

void LiveFeed::TellBatch(Fed* fed, LiveBatch* batch) {
  const Record* last = nullptr;
  const Record* unreadable = nullptr;
  for (const Record& record : batch->batch.records) {
    if (!record.ok()) {
      unreadable = &record;
      continue;
    }
    tell_(record.event, batch->fields.get());
    last = &record;
  }
  if (last != nullptr) {
    fed->lag_ns.store(
        absl::ToInt64Nanoseconds(absl::Now() - absl::FromUnixNanos(last->event.attempt.time_ns)),
        std::memory_order_relaxed);
  }
  if (unreadable != nullptr) {
    const std::lock_guard lock(fed->mutex);
    fed->unreadable_text = ErrorText(*unreadable);
  }
  if (batch->told) batch->told();
}

void LiveFeed::Tick(absl::Time now) {
  for (const auto& fed : fed_) {
    const LiveCounters counters = fed->source->counters();
    const std::string& name = fed->source->name();
    if (counters.received != fed->received) {
      if (std::exchange(fed->is_silent, false))
        log_.Say(Concat(name, ": is back, after ", SpanText(now - fed->heard)));
      fed->received = counters.received;
      fed->heard = now;
    } else if (!fed->is_silent && now - fed->heard > fed->silence) {
      fed->is_silent = true;
      log_.Warn(Concat(name, ": nothing came for ", SpanText(now - fed->heard)));
    }
    if (now < fed->said_at + kSaidEvery) continue;
    const LiveCounters before = std::exchange(fed->said, counters);
    const auto warn = [&](uint64_t was, uint64_t is, std::string_view what) {
      if (is == was) return;
      log_.Warn(Concat(name, ": ", is - was, " ", what));
      fed->said_at = now;
    };
    if (counters.unreadable != before.unreadable) {
      const std::lock_guard lock(fed->mutex);
      const std::string last =
          fed->unreadable_text.empty() ? "" : Concat("; the last: ", fed->unreadable_text);
      warn(before.unreadable, counters.unreadable, Concat("could not be read", last));
    }
    warn(before.dropped, counters.dropped, "were dropped: the engine does not keep up");
    warn(before.lost, counters.lost, "times something was lost before it came here");
    warn(before.refused, counters.refused, "peers were turned away");
  }
}

void LiveFeed::UseFields(const std::shared_ptr<const FieldTable>& fields) {
  for (const auto& fed : fed_) fed->source->UseFields(fields);
}

std::vector<MetricSample> LiveFeed::Samples() const {
  using Type = MetricSample::Type;
  std::vector<MetricSample> samples;
  std::vector<LiveCounters> counters;
  for (const auto& fed : fed_) counters.push_back(fed->source->counters());
  const auto add = [&](const char* metric, const char* help, Type type, const auto& value) {
    for (size_t i = 0; i < fed_.size(); ++i)
      samples.push_back(
          {metric, help, type, {{"source", fed_[i]->source->name()}}, static_cast<double>(value(i))});
  };
  add("stockade_source_received_total", "Lines, messages or packets that came in", Type::kCounter,
      [&](size_t i) { return counters[i].received; });
  add("stockade_source_attempts_total", "Login attempts read of them", Type::kCounter,
      [&](size_t i) { return counters[i].records; });
  add("stockade_source_other_total", "Well formed, and no login attempt", Type::kCounter,
      [&](size_t i) { return counters[i].other; });
  add("stockade_source_unreadable_total", "Not to be read", Type::kCounter,
      [&](size_t i) { return counters[i].unreadable; });
  add("stockade_source_dropped_total", "Dropped because the engine did not keep up", Type::kCounter,
      [&](size_t i) { return counters[i].dropped; });
  add("stockade_source_lost_total", "Losses before it came here: by the kernel, or of a log that was cut",
      Type::kCounter, [&](size_t i) { return counters[i].lost; });
  add("stockade_source_refused_total", "Peers turned away", Type::kCounter,
      [&](size_t i) { return counters[i].refused; });
  add("stockade_source_waiting", "Records that the engine was not told of yet", Type::kGauge,
      [&](size_t i) { return fed_[i]->queue.records(); });
  add("stockade_source_lag_seconds", "How old the last attempt was when the engine was told", Type::kGauge,
      [&](size_t i) { return static_cast<double>(fed_[i]->lag_ns.load(std::memory_order_relaxed)) / 1e9; });
  return samples;
}

std::vector<std::string> LiveFeed::Describe() const {
  std::vector<std::string> names;
  for (const auto& fed : fed_) names.push_back(fed->source->name());
  return names;
}

}  // namespace stockade
