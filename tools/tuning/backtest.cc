#include "tools/tuning/backtest.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// As DriveReplay's: far enough ahead for memory to answer.
constexpr size_t kAhead = 8;
// Events that were hinted at stay where they are until they are observed.
constexpr size_t kRing = 32;
static_assert(kRing >= kAhead + Engine::kPrefetchedMax);
constexpr uint64_t kLook = 4096;  // attempts between two looks at what others say

class TallyListener final : public EngineListener {
 public:
  explicit TallyListener(Tally* tally) : tally_(*tally) {}
  void OnAlert(const Alert&) override { tally_.AddAlert(); }
  void OnDecision(const Decision&) override { tally_.AddDecision(); }
  void OnAlarm(const Alarm&) override { tally_.AddAlarm(); }

 private:
  Tally& tally_;
};

// The next attempts, as events, each in a place of its own.
class EventRing {
 public:
  EventRing(const EventLog& log, Engine* engine) : log_(log), steps_(log.steps()), engine_(*engine) {}

  // The event of step `at`; those after it are hinted at.
  const LoginEvent& Take(size_t at) {
    for (; made_ < steps_.size() && made_ <= at + kAhead; ++made_) {
      if (steps_[made_].is_outcome()) continue;
      LoginEvent& event = events_[made_ % kRing];
      event = log_.At(steps_[made_].attempt());
      engine_.Prefetch(event);
    }
    return events_[at % kRing];
  }

 private:
  const EventLog& log_;
  std::span<const EventLog::Step> steps_;
  Engine& engine_;
  std::array<LoginEvent, kRing> events_ = {};
  size_t made_ = 0;
};

}  // namespace

std::string Candidate::Name() const {
  if (changes.empty()) return "current settings";
  std::string name;
  for (const SettingOverride& change : changes)
    Append(&name, name.empty() ? "" : ", ", change.path, " = ", change.value);
  return name;
}

absl::StatusOr<Figures> RunBacktest(const Backtest& backtest, const Candidate& candidate,
                                    FirstContacts* contacts, std::atomic<uint64_t>* done,
                                    const std::atomic<bool>* stop) {
  const EventLog& log = backtest.log;
  Tally tally(log, backtest.labels, backtest.days, backtest.lock);
  TallyListener listener(&tally);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                   Engine::Create(candidate.options, candidate.rules.get(), &listener));
  EventRing ring(log, engine.get());
  // Let through, and their outcome stands further down.
  absl::flat_hash_map<uint32_t, Verdict> waiting;
  const std::span<const EventLog::Step> steps = log.steps();
  uint64_t since_look = 0;
  for (size_t at = 0; at < steps.size(); ++at) {
    const uint32_t attempt = steps[at].attempt();
    if (steps[at].is_outcome()) {
      const auto found = waiting.find(attempt);
      if (found == waiting.end()) continue;
      engine->Observe(log.At(attempt), found->second);
      waiting.erase(found);
      continue;
    }
    const LoginEvent& event = ring.Take(at);
    const Verdict verdict = engine->Assess(event.attempt);
    const bool reached = ReachesPasswordCheck(verdict, event.aftermath.challenge);
    tally.Add(attempt, verdict, reached);
    if (contacts != nullptr) contacts->Add(attempt, verdict, reached);
    if (reached && log.outcome_is_late(attempt)) {
      Verdict& kept = waiting[attempt] = verdict;
      kept.by = kept.reason = {};
      kept.decision = nullptr;
    } else if (IsObserved(verdict, event.aftermath.challenge)) {
      engine->Observe(event, verdict);
    }
    if (++since_look < kLook) continue;
    done->fetch_add(since_look, std::memory_order_relaxed);
    since_look = 0;
    if (stop->load(std::memory_order_relaxed)) return absl::CancelledError("interrupted");
  }
  engine->Finish();
  done->fetch_add(since_look, std::memory_order_relaxed);
  tally.AddWindowsEvicted(engine->counters().windows_evicted);
  return tally.Finish();
}

absl::StatusOr<std::vector<Figures>> RunBacktests(const Backtest& backtest,
                                                  const std::vector<Candidate>& candidates, size_t jobs,
                                                  FirstContacts* contacts,
                                                  const std::function<bool(uint64_t)>& watch) {
  std::vector<Figures> figures(candidates.size());
  std::atomic<size_t> next = 0;
  std::atomic<uint64_t> done = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;  // of the two below
  size_t finished = 0;
  absl::Status wrong;
  std::condition_variable all_finished;
  std::vector<std::thread> threads;
  const size_t count = std::min(std::max<size_t>(jobs, 1), candidates.size());
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      absl::Status status;
      while (status.ok() && !stop.load(std::memory_order_relaxed)) {
        const size_t which = next.fetch_add(1, std::memory_order_relaxed);
        if (which >= candidates.size()) break;
        absl::StatusOr<Figures> run =
            RunBacktest(backtest, candidates[which], which == 0 ? contacts : nullptr, &done, &stop);
        if (run.ok()) {
          figures[which] = *std::move(run);
        } else {
          status = run.status();
        }
      }
      const std::lock_guard lock(mutex);
      if (!status.ok() && wrong.ok()) wrong = status;
      if (!status.ok()) stop.store(true, std::memory_order_relaxed);
      ++finished;
      all_finished.notify_one();
    });
  }
  {
    std::unique_lock lock(mutex);
    while (finished < count) {
      all_finished.wait_for(lock, std::chrono::milliseconds(100));
      if (watch && !watch(done.load(std::memory_order_relaxed))) stop.store(true, std::memory_order_relaxed);
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (!wrong.ok()) return wrong;
  if (stop.load(std::memory_order_relaxed)) return absl::CancelledError("interrupted");
  return figures;
}

}  // namespace stockade
