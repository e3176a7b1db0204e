#include "bench/detection/peer_policies.h"

#include <algorithm>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;  // ns
constexpr int64_t kMinute = 60 * kSecond;

Verdict Deny(std::string_view by) {
  Verdict verdict;
  verdict.kind = VerdictKind::kDeny;
  verdict.by = by;
  return verdict;
}

bool IsWrongPair(Outcome outcome) {
  return outcome == Outcome::kBadPassword || outcome == Outcome::kUnknownAccount;
}

class LeakyBucket final : public FrontPolicy {
 public:
  Verdict Assess(const Attempt& attempt) override {
    const auto found = buckets_.find(attempt.source);
    const bool banned = found != buckets_.end() && attempt.time_ns < found->second.banned_until;
    return banned ? Deny("leaky") : Verdict();
  }
  void Observe(const LoginEvent& event, const Verdict&) override {
    if (!IsWrongPair(event.aftermath.outcome)) return;
    constexpr int64_t kLeak = 10 * kSecond;
    constexpr int64_t kCapacity = 5;
    Bucket& bucket = buckets_[event.attempt.source];
    const int64_t now = event.attempt.time_ns;
    bucket.level = std::max<int64_t>(0, bucket.level - (now - bucket.at)) + kLeak;
    bucket.at = now;
    if (bucket.level <= kCapacity * kLeak) return;
    bucket.banned_until = now + 240 * kMinute;
    bucket.level = 0;
  }

 private:
  struct Bucket {
    int64_t level = 0;  // in time that it takes to leak out
    int64_t at = 0;
    int64_t banned_until = 0;
  };
  absl::flat_hash_map<Address, Bucket> buckets_;
};

class FiveInTenMinutes final : public FrontPolicy {
 public:
  Verdict Assess(const Attempt& attempt) override {
    const auto found = sources_.find(attempt.source);
    const bool banned = found != sources_.end() && attempt.time_ns < found->second.banned_until;
    return banned ? Deny("5-in-10-min") : Verdict();
  }
  void Observe(const LoginEvent& event, const Verdict&) override {
    if (!IsWrongPair(event.aftermath.outcome)) return;
    Failures& failures = sources_[event.attempt.source];
    const int64_t now = event.attempt.time_ns;
    failures.times.push_back(now);
    while (failures.times.front() <= now - 10 * kMinute) failures.times.pop_front();
    if (failures.times.size() < 5) return;
    failures.banned_until = now + 10 * kMinute;
    failures.times.clear();
  }

 private:
  struct Failures {
    std::deque<int64_t> times;
    int64_t banned_until = 0;
  };
  absl::flat_hash_map<Address, Failures> sources_;
};

class TwentyAMinute final : public FrontPolicy {
 public:
  Verdict Assess(const Attempt& attempt) override {
    std::deque<int64_t>& times = sources_[attempt.source];
    while (!times.empty() && times.front() <= attempt.time_ns - kMinute) times.pop_front();
    if (times.size() >= 20) return Deny("20-a-minute");
    times.push_back(attempt.time_ns);
    return Verdict();
  }
  void Observe(const LoginEvent&, const Verdict&) override {}

 private:
  absl::flat_hash_map<Address, std::deque<int64_t>> sources_;
};

class LockAfterFive final : public FrontPolicy {
 public:
  Verdict Assess(const Attempt& attempt) override {
    const auto found = accounts_.find(std::string(attempt.account));
    const bool locked = found != accounts_.end() && attempt.time_ns < found->second.locked_until;
    return locked ? Deny("lock-5") : Verdict();
  }
  void Observe(const LoginEvent& event, const Verdict&) override {
    Lock& lock = accounts_[std::string(event.attempt.account)];
    if (event.aftermath.outcome == Outcome::kSuccess) lock.wrong = 0;
    if (event.aftermath.outcome != Outcome::kBadPassword || ++lock.wrong < 5) return;
    lock.wrong = 0;
    lock.locked_until = event.attempt.time_ns + 30 * kMinute;
  }

 private:
  struct Lock {
    int wrong = 0;
    int64_t locked_until = 0;
  };
  absl::flat_hash_map<std::string, Lock> accounts_;
};

class CertificateOnly final : public FrontPolicy {
 public:
  Verdict Assess(const Attempt& attempt) override {
    return attempt.certificate == CertificateStatus::kValid ? Verdict() : Deny("certificate");
  }
  void Observe(const LoginEvent&, const Verdict&) override {}
};

template <typename Policy>
std::unique_ptr<FrontPolicy> Make() {
  return std::make_unique<Policy>();
}

}  // namespace

const std::vector<Peer>& Peers() {
  static const std::vector<Peer> peers = {{"leaky", &Make<LeakyBucket>},
                                          {"5-in-10-min", &Make<FiveInTenMinutes>},
                                          {"20-a-minute", &Make<TwentyAMinute>},
                                          {"lock-5", &Make<LockAfterFive>},
                                          {"certificate", &Make<CertificateOnly>}};
  return peers;
}

}  // namespace stockade
