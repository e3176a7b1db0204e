// Proves the queue with looks that the test holds and lets go: who is answered at once and why, in which order others are
// looked at, that each is answered exactly once whatever happens, that one that asks holds no thread, and that warming
// gives way. Time is the test's.
#include "adapters/gateway/certificate_queue.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/adapters/gateway/judging_hold.h"

namespace stockade {
namespace {

using Status = CertificateStatus;
using Why = CertificateQueue::Why;

Address At(uint32_t host) {
  return Address::V4(0xC0000200U + host);
}

// What the test waits on; fails it rather than hang for ever.
class Book {
 public:
  void Write(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    written_.notify_all();
  }
  // All lines, once there are so many.
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
    while (lines_.size() < count)
      if (written_.wait_until(lock, until) == std::cv_status::timeout) break;
    CHECK(lines_.size() >= count);
    return lines_;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable written_;
  std::vector<std::string> lines_;
};

class Scene {
 public:
  explicit Scene(CertificateQueueSettings settings = {})
      : queue(settings, HashKey{1, 2}, [this] { return now_ns.load(); }) {}
  ~Scene() { gate.Open(); }

  // Judged to be `status`, and written down as NAME STATUS when done.
  void Judge(const std::string& name, Status status, const Address& source = Address()) {
    queue.Judge({source, [status] { return CertificateLook{status}; }, Done(name)});
  }
  // Takes the only thread until the gate opens.
  void Hold(const Address& source = Address()) {
    queue.Judge({source,
                 [this] {
                   gate.Pass();
                   return CertificateLook{Status::kValid};
                 },
                 Done("held")});
    gate.AwaitComer();
  }
  std::function<void(Status)> Done(const std::string& name) {
    return [this, name](Status status) { done.Write(name + " " + std::string(Name(status))); };
  }
  uint64_t unverified(Why why) const { return queue.figures().unverified[static_cast<size_t>(why)]; }

  std::atomic<int64_t> now_ns{1'000'000'000};
  Book done;
  Turnstile gate;
  CertificateQueue queue;
};

using Lines = std::vector<std::string>;

TEST_CASE("jobs are judged by a thread, in their order", "[certificate][queue]") {
  Scene scene;
  scene.Hold();
  scene.Judge("one", Status::kValid);
  scene.Judge("two", Status::kUntrusted);
  CHECK(scene.queue.figures().waiting == 2);
  CHECK(scene.done.lines().empty());
  scene.gate.Open();
  CHECK(scene.done.Await(3) == Lines{"held valid", "one valid", "two untrusted"});
  CHECK(scene.queue.figures().judged == 3);
  CHECK(scene.queue.figures().waiting == 0);
}

TEST_CASE("what does not fit is unverified at once, and those that fit are judged", "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.queue = 16;
  Scene scene(settings);
  scene.Hold();
  for (int i = 0; i < 20; ++i) scene.Judge("job", Status::kValid);
  CHECK(scene.done.lines() == Lines(4, "job unverified"));
  CHECK(scene.unverified(Why::kFull) == 4);
  scene.gate.Open();
  const Lines all = scene.done.Await(21);
  CHECK(std::count(all.begin(), all.end(), "job valid") == 16);
}

TEST_CASE("who waited too long is answered without being looked at", "[certificate][queue]") {
  Scene scene;
  scene.Hold();
  std::atomic<bool> looked{false};
  scene.queue.Judge({At(1),
                     [&] {
                       looked = true;
                       return CertificateLook{Status::kValid};
                     },
                     scene.Done("old")});
  scene.now_ns += 3'000'000'001;
  scene.Judge("young", Status::kValid);
  scene.gate.Open();
  CHECK(scene.done.Await(3) == Lines{"held valid", "old unverified", "young valid"});
  CHECK_FALSE(looked);
  CHECK(scene.unverified(Why::kTooOld) == 1);
}

TEST_CASE("who waits behind the others is answered in time although they keep coming",
          "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.misses = {1, 1};
  Scene scene(settings);
  scene.Judge("paying", Status::kUntrusted, At(9));
  scene.done.Await(1);
  scene.Hold();
  scene.Judge("behind", Status::kValid, At(9));
  CHECK(scene.queue.figures().over_rate == 1);
  scene.now_ns += 3'000'000'001;
  for (int i = 1; i < 8; ++i) scene.Judge("other", Status::kValid);
  scene.gate.Open();
  const Lines all = scene.done.Await(10);
  CHECK(all.at(2) == "behind unverified");
  CHECK(scene.unverified(Why::kTooOld) == 1);
}

TEST_CASE("a source over its rate waits behind the others, and only while the queue is short",
          "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.queue = 40;  // a quarter: 10
  settings.misses = {1, 3};
  Scene scene(settings);
  scene.Hold();
  for (int i = 0; i < 14; ++i) scene.Judge("bad", Status::kUntrusted, At(1));
  // Three by their tokens, seven behind, the rest not at all.
  CHECK(scene.unverified(Why::kOverRate) == 4);
  CHECK(scene.queue.figures().over_rate == 7);
  for (uint32_t i = 0; i < 20; ++i) scene.Judge("good", Status::kValid, Address::V4(0xCB007100U + (i << 8)));
  CHECK(scene.unverified(Why::kOverRate) == 4);
  scene.gate.Open();
  const Lines all = scene.done.Await(35);
  Lines wanted(4, "bad unverified");
  wanted.push_back("held valid");
  wanted.insert(wanted.end(), 3, "bad untrusted");
  wanted.insert(wanted.end(), 20, "good valid");
  wanted.insert(wanted.end(), 7, "bad untrusted");
  CHECK(all == wanted);
}

TEST_CASE("an office full of customers does not use up its rate, and forgers do", "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.misses = {1, 2};
  Scene scene(settings);
  size_t count = 0;
  // One after the other, as the clock stands still: no token comes back but by being good.
  for (int i = 0; i < 50; ++i) {
    scene.Judge("customer", i % 2 == 0 ? Status::kValid : Status::kRevocationUnknown, At(7));
    scene.done.Await(++count);
  }
  for (int i = 0; i < 2; ++i) {
    scene.Judge("forger", Status::kBadSignature, At(8));
    scene.done.Await(++count);
  }
  // Tokens come back before `done` is called, so what is behind shows who has none.
  scene.Hold();
  scene.Judge("customer", Status::kValid, At(7));
  CHECK(scene.queue.figures().over_rate == 0);
  scene.Judge("forger", Status::kBadSignature, At(8));
  CHECK(scene.queue.figures().over_rate == 1);
  scene.gate.Open();
  scene.done.Await(count + 3);
}

TEST_CASE("nobody pays for what was not looked at", "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.queue = 16;
  settings.misses = {1, 100};
  Scene scene(settings);
  scene.Hold();
  for (int i = 0; i < 500; ++i) scene.Judge("job", Status::kUntrusted, At(1));
  CHECK(scene.unverified(Why::kFull) == 484);
  CHECK(scene.unverified(Why::kOverRate) == 0);
  scene.now_ns += 10'000'000'000;
  scene.gate.Open();
  scene.done.Await(501);
  CHECK(scene.unverified(Why::kTooOld) == 16);
}

TEST_CASE("a job that asks holds no thread, and is looked at again when the answer is there",
          "[certificate][queue]") {
  Scene scene;
  std::mutex mutex;
  std::vector<std::function<void()>> answers;
  std::atomic<int> looks{0};
  const auto ask = [&](std::function<void()> then) {
    const std::lock_guard lock(mutex);
    answers.push_back(std::move(then));
    scene.done.Write("asked");
  };
  scene.queue.Judge({At(1),
                     [&] {
                       return ++looks == 1 ? CertificateLook{Status::kRevocationUnknown, ask}
                                           : CertificateLook{Status::kValid};
                     },
                     scene.Done("asker")});
  scene.done.Await(1);
  scene.Judge("other", Status::kValid);
  CHECK(scene.done.Await(2) == Lines{"asked", "other valid"});
  CHECK(scene.queue.figures().asking == 1);
  std::function<void()> then;
  {
    const std::lock_guard lock(mutex);
    then = answers.front();
  }
  then();
  then();  // twice says no more than once
  CHECK(scene.done.Await(3).back() == "asker valid");
  then();
  scene.queue.Stop();
  then();
  CHECK(scene.done.lines().size() == 3);
  CHECK(looks == 2);
  CHECK(scene.queue.figures().asked == 1);
}

TEST_CASE("an answer may be there before the asking returns, and who asks again and again is cut short",
          "[certificate][queue]") {
  Scene scene;
  std::atomic<int> looks{0};
  scene.queue.Judge({At(1),
                     [&] {
                       ++looks;
                       return CertificateLook{Status::kRevocationUnknown,
                                              [](const std::function<void()>& then) { then(); }};
                     },
                     scene.Done("asker")});
  CHECK(scene.done.Await(1) == Lines{"asker revocation_unknown"});
  CHECK(looks == CertificateQueue::kAsksMax + 1);
}

TEST_CASE("where the answer stays away, what was known already is the answer", "[certificate][queue]") {
  Scene scene;
  std::function<void()> late;
  scene.queue.Judge({At(1),
                     [&] {
                       return CertificateLook{Status::kRevocationUnknown, [&](std::function<void()> then) {
                                                late = std::move(then);
                                                scene.done.Write("asked");
                                              }};
                     },
                     scene.Done("asker")});
  scene.done.Await(1);
  scene.now_ns += 3'000'000'001;
  scene.Judge("wakes", Status::kValid);
  const Lines all = scene.done.Await(3);
  CHECK(std::count(all.begin(), all.end(), "asker revocation_unknown") == 1);
  CHECK(scene.queue.figures().asks_given_up == 1);
  late();
  CHECK(scene.queue.figures().asking == 0);
  scene.queue.Stop();
  CHECK(scene.done.lines().size() == 3);
}

TEST_CASE("no more than kAskingMax wait for somebody else", "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.queue = 4096;
  Scene scene(settings);
  for (size_t i = 0; i < CertificateQueue::kAskingMax + 10; ++i) {
    scene.queue.Judge(
        {Address(),
         [] {
           return CertificateLook{Status::kRevocationUnknown, [](const std::function<void()>&) {}};
         },
         scene.Done("asker")});
  }
  CHECK(scene.done.Await(10) == Lines(10, "asker revocation_unknown"));
  CHECK(scene.queue.figures().asking == CertificateQueue::kAskingMax);
  scene.queue.Stop();
  CHECK(scene.done.lines().size() == CertificateQueue::kAskingMax + 10);
}

TEST_CASE("a stop answers all that waits, and whoever comes after it", "[certificate][queue]") {
  Scene scene;
  scene.Hold();
  for (int i = 0; i < 5; ++i) scene.Judge("job", Status::kValid);
  std::thread stopping([&] { scene.queue.Stop(); });
  // It waits for the one that is being looked at.
  scene.gate.Open();
  stopping.join();
  Lines all = scene.done.Await(6);
  CHECK(all.size() == 6);
  scene.Judge("late", Status::kValid);
  CHECK(scene.done.lines().back() == "late unverified");
  CHECK(scene.unverified(Why::kStopping) >= 1);
}

TEST_CASE("with many threads and callers each job is answered exactly once", "[certificate][queue]") {
  CertificateQueueSettings settings;
  settings.threads = 3;
  settings.queue = 64;
  settings.misses = {1000, 50};
  constexpr int kCallers = 4;
  constexpr int kEach = 2000;
  std::vector<std::atomic<int>> answered(kCallers * kEach);
  {
    CertificateQueue queue(settings, HashKey{1, 2});
    std::vector<std::thread> callers;
    for (int c = 0; c < kCallers; ++c) {
      callers.emplace_back([&, c] {
        for (int i = 0; i < kEach; ++i) {
          auto looks = std::make_shared<int>(0);
          queue.Judge({At(static_cast<uint32_t>(i % 7)),
                       [looks, i] {
                         CertificateLook look{i % 3 == 0 ? Status::kValid : Status::kUntrusted};
                         if (i % 5 == 0 && ++*looks == 1)
                           look.ask = [](const std::function<void()>& then) { then(); };
                         return look;
                       },
                       [&count = answered[static_cast<size_t>(c * kEach + i)]](Status) { ++count; }});
          if (i == kEach / 2) queue.Use(settings);
        }
      });
    }
    callers.front().join();
    queue.Stop();  // while others still ask
    for (size_t c = 1; c < callers.size(); ++c) callers[c].join();
  }
  CHECK(std::all_of(answered.begin(), answered.end(), [](const auto& count) { return count == 1; }));
}

TEST_CASE("warming goes on while nobody asks, gives way to who does, and may be replaced",
          "[certificate][queue]") {
  Scene scene;
  std::atomic<int> steps{0};
  scene.queue.Warm([&] {
    if (++steps == 2) {
      scene.Judge("comes meanwhile", Status::kValid);
      scene.Judge("and another", Status::kValid);
    }
    scene.done.Write("step");
    return steps < 4;
  });
  CHECK(scene.done.Await(6) ==
        Lines{"step", "step", "comes meanwhile valid", "and another valid", "step", "step"});
  // The last has said that there is no more; one that is replaced is not called again.
  scene.queue.Warm([&] {
    scene.gate.Pass();
    scene.done.Write("old");
    return true;
  });
  scene.gate.AwaitComer();
  scene.queue.Warm([&] {
    scene.done.Write("new");
    return false;
  });
  scene.gate.Open();
  const Lines all = scene.done.Await(8);
  CHECK(all[6] == "old");
  CHECK(all[7] == "new");
  scene.Judge("after", Status::kValid);
  CHECK(scene.done.Await(9)[8] == "after valid");
  scene.queue.Stop();
  CHECK(scene.done.lines().size() == 9);
}

}  // namespace
}  // namespace stockade
