#include "adapters/gateway/certificate_queue.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "engine/status.h"

namespace stockade {
namespace {

int64_t SteadyNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Held {
  CertificateJob job;
  bool paid = false;
  int asks = 0;
  int64_t since_ns = 0;  // in this queue, or asking
  CertificateStatus last = CertificateStatus::kUnverified;
};

bool CostsNothing(CertificateStatus status) {
  return status == CertificateStatus::kValid || status == CertificateStatus::kUnconfirmed ||
         status == CertificateStatus::kRevocationUnknown || status == CertificateStatus::kUnverified;
}

}  // namespace

struct CertificateQueue::State : std::enable_shared_from_this<State> {
  State(const CertificateQueueSettings& settings_in, const HashKey& key, std::function<int64_t()> clock_in)
      : clock(clock_in ? std::move(clock_in) : SteadyNs),
        settings(settings_in),
        allowance(settings_in.misses, key) {}

  void Run();
  void LookAt(Held held);
  void Ask(Held held, std::function<void(std::function<void()>)> ask);
  void OnAnswer(uint64_t id);
  // Calls done; without the lock.
  void End(Held held, CertificateStatus status);
  void Refuse(Held held, Why why);

  // False: the system gives not even one. Under mutex.
  bool StartThreads();
  bool Pop(Held* held);
  // Those whose answer stayed away.
  // That waited longer than `wait` and nobody looked at.
  std::vector<Held> TakeTooOld(int64_t now_ns);
  std::vector<Held> TakeOverdue(int64_t now_ns);
  int64_t wait_ns() const { return absl::ToInt64Nanoseconds(settings.wait); }

  const std::function<int64_t()> clock;
  // std::mutex and not Abseil's: ThreadSanitizer does not see into the distribution's build of that.
  mutable std::mutex mutex;
  std::condition_variable wake;
  // Under mutex, all that follow.
  CertificateQueueSettings settings;
  MissAllowance allowance;
  std::deque<Held> again;  // answers are here
  std::deque<Held> first;
  std::deque<Held> behind;          // over their source's rate
  std::map<uint64_t, Held> asking;  // in the order in which they began
  uint64_t next_id = 0;
  std::shared_ptr<std::function<bool()>> warm;
  bool is_warming = false;
  bool stopping = false;
  std::vector<std::thread> threads;
  Figures figures;
};

void CertificateQueue::State::End(Held held, CertificateStatus status) {
  if (held.paid && CostsNothing(status)) {
    const std::lock_guard lock(mutex);
    allowance.GiveBack(held.job.source);
  }
  held.job.done(status);
}

void CertificateQueue::State::Refuse(Held held, Why why) {
  {
    const std::lock_guard lock(mutex);
    ++figures.unverified[static_cast<size_t>(why)];
  }
  End(std::move(held), CertificateStatus::kUnverified);
}

bool CertificateQueue::State::StartThreads() {
  try {
    while (threads.size() < static_cast<size_t>(settings.threads)) threads.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    // Fewer do as well, and the next job tries again.
  }
  return !threads.empty();
}

bool CertificateQueue::State::Pop(Held* held) {
  for (std::deque<Held>* const from : {&again, &first, &behind}) {
    if (from->empty()) continue;
    *held = std::move(from->front());
    from->pop_front();
    return true;
  }
  return false;
}

std::vector<Held> CertificateQueue::State::TakeTooOld(int64_t now_ns) {
  std::vector<Held> too_old;
  for (std::deque<Held>* const from : {&first, &behind}) {
    while (!from->empty() && now_ns - from->front().since_ns > wait_ns()) {
      too_old.push_back(std::move(from->front()));
      from->pop_front();
    }
  }
  return too_old;
}

std::vector<Held> CertificateQueue::State::TakeOverdue(int64_t now_ns) {
  std::vector<Held> overdue;
  while (!asking.empty() && now_ns - asking.begin()->second.since_ns > wait_ns()) {
    overdue.push_back(std::move(asking.begin()->second));
    asking.erase(asking.begin());
    ++figures.asks_given_up;
  }
  return overdue;
}

void CertificateQueue::State::Run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    std::vector<Held> overdue = TakeOverdue(clock());
    if (!overdue.empty()) {
      lock.unlock();
      for (Held& held : overdue) {
        const CertificateStatus last = held.last;
        End(std::move(held), last);
      }
      lock.lock();
      continue;
    }
    std::vector<Held> too_old = TakeTooOld(clock());
    if (!too_old.empty()) {
      lock.unlock();
      for (Held& held : too_old) Refuse(std::move(held), Why::kTooOld);
      lock.lock();
      continue;
    }
    Held held;
    if (Pop(&held)) {
      if (held.asks == 0) {
        ++figures.judged;
        figures.waited_ns += static_cast<uint64_t>(std::max<int64_t>(clock() - held.since_ns, 0));
      }
      lock.unlock();
      LookAt(std::move(held));
      lock.lock();
      continue;
    }
    if (warm != nullptr && !is_warming) {
      std::shared_ptr<std::function<bool()>> step = warm;
      is_warming = true;
      lock.unlock();
      const bool more = (*step)();
      lock.lock();
      is_warming = false;
      if (!more && warm == step) warm.reset();
      // Whoever slept because somebody was warming already may go on with a new one.
      if (warm != nullptr) wake.notify_one();
      // What it holds on to, perhaps the last of it, ends without the lock.
      lock.unlock();
      step.reset();
      lock.lock();
      continue;
    }
    if (asking.empty()) {
      wake.wait(lock);
    } else {
      // By the system's clock, which ThreadSanitizer sees into, whatever the clock is: it only says when to look, and one
      // that is set back is looked through after a second.
      constexpr int64_t kLookAgainNs = 1'000'000'000;
      const int64_t left_ns = asking.begin()->second.since_ns + wait_ns() - clock();
      wake.wait_until(
          lock, std::chrono::system_clock::now() +
                    std::chrono::nanoseconds(std::clamp<int64_t>(left_ns, 0, kLookAgainNs) + 1'000'000));
    }
  }
}

void CertificateQueue::State::LookAt(Held held) {
  CertificateLook look = held.job.look();
  held.last = look.status;
  if (look.ask && held.asks < kAsksMax) {
    Ask(std::move(held), std::move(look.ask));
  } else {
    End(std::move(held), look.status);
  }
}

void CertificateQueue::State::Ask(Held held, std::function<void(std::function<void()>)> ask) {
  const CertificateStatus last = held.last;
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex);
    if (!stopping && asking.size() < kAskingMax) {
      ++held.asks;
      held.since_ns = clock();
      id = ++next_id;
      ++figures.asked;
      asking.emplace(id, std::move(held));
    }
  }
  if (id == 0) return End(std::move(held), last);
  ask([self = weak_from_this(), id] {
    if (const std::shared_ptr<State> state = self.lock()) state->OnAnswer(id);
  });
}

void CertificateQueue::State::OnAnswer(uint64_t id) {
  const std::lock_guard lock(mutex);
  // Given up meanwhile, or called twice.
  const auto found = asking.find(id);
  if (found == asking.end()) return;
  again.push_back(std::move(found->second));
  asking.erase(found);
  wake.notify_one();
}

CertificateQueue::CertificateQueue(const CertificateQueueSettings& settings, const HashKey& key,
                                   std::function<int64_t()> clock)
    : state_(std::make_shared<State>(settings, key, std::move(clock))) {}

CertificateQueue::~CertificateQueue() {
  Stop();
}

void CertificateQueue::Use(const CertificateQueueSettings& settings) {
  const std::lock_guard lock(state_->mutex);
  state_->settings = settings;
  state_->allowance.SetRate(settings.misses);
}

void CertificateQueue::Judge(CertificateJob job) {
  STOCKADE_CHECK(job.look && job.done);
  State& state = *state_;
  Held held;
  held.job = std::move(job);
  std::optional<Why> refused;
  {
    const std::lock_guard lock(state.mutex);
    held.since_ns = state.clock();
    if (state.stopping) {
      refused = Why::kStopping;
    } else if (!state.StartThreads()) {
      refused = Why::kFull;
    } else if (state.allowance.Take(held.job.source, held.since_ns)) {
      held.paid = true;
      if (state.first.size() >= state.settings.queue) refused = Why::kFull;
    } else if (state.first.size() + state.behind.size() >= state.settings.queue / kOverRateShare) {
      refused = Why::kOverRate;
    }
    if (!refused) {
      (held.paid ? state.first : state.behind).push_back(std::move(held));
      state.wake.notify_one();
      return;
    }
  }
  state.Refuse(std::move(held), *refused);
}

void CertificateQueue::Warm(std::function<bool()> step) {
  State& state = *state_;
  // The old one may hold much, and ends without the lock.
  std::shared_ptr<std::function<bool()>> next;
  if (step) next = std::make_shared<std::function<bool()>>(std::move(step));
  const std::lock_guard lock(state.mutex);
  if (state.stopping) return;
  state.warm.swap(next);
  if (state.warm == nullptr || !state.StartThreads()) return;
  state.wake.notify_one();
}

void CertificateQueue::Stop() {
  State& state = *state_;
  std::vector<std::thread> threads;
  std::shared_ptr<std::function<bool()>> warm;
  {
    const std::lock_guard lock(state.mutex);
    state.stopping = true;
    threads.swap(state.threads);
    warm.swap(state.warm);
  }
  state.wake.notify_all();
  for (std::thread& thread : threads) thread.join();
  std::deque<Held> waiting;
  std::vector<Held> asking;
  {
    const std::lock_guard lock(state.mutex);
    for (std::deque<Held>* const from : {&state.first, &state.behind}) {
      for (Held& held : *from) waiting.push_back(std::move(held));
      from->clear();
    }
    for (Held& held : state.again) asking.push_back(std::move(held));
    state.again.clear();
    for (auto& [id, held] : state.asking) asking.push_back(std::move(held));
    state.asking.clear();
  }
  for (Held& held : waiting) state.Refuse(std::move(held), Why::kStopping);
  for (Held& held : asking) {
    const CertificateStatus last = held.last;
    state.End(std::move(held), last);
  }
}

CertificateQueue::Figures CertificateQueue::figures() const {
  const std::lock_guard lock(state_->mutex);
  Figures figures = state_->figures;
  figures.over_rate = state_->behind.size();
  figures.waiting = state_->again.size() + state_->first.size() + figures.over_rate;
  figures.asking = state_->asking.size();
  return figures;
}

}  // namespace stockade
