// Proven here: Φ is the formula of the header, computed naively in doubles over exact counts, within what
// 1/256 of a success can move it; lanes are learnt from what the specification lets them be learnt from; the
// table keeps its ceiling under a flood and the flood displaces no account with more successes.
#include "engine/detect/lanes.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace stockade {
namespace {

constexpr int64_t kHourNs = int64_t{3600} * 1'000'000'000;
constexpr int64_t kDayNs = 24 * kHourNs;
constexpr int64_t kStart = 20'000 * kDayNs;
constexpr HashKey kKey{7, 9};

Attempt Login(std::string_view account, std::string_view source, std::string_view device, int64_t time_ns) {
  Attempt attempt;
  attempt.time_ns = time_ns;
  attempt.account = account;
  attempt.source = *Address::Parse(source);
  if (!device.empty()) attempt.device = device;
  return attempt;
}

// The formula, in the plainest way. Decay goes by whole quarters of a day, as the header says.
struct Oracle {
  struct Account {
    std::vector<int64_t> successes;
    std::map<std::string, std::vector<int64_t>> networks, devices;
  };
  std::map<std::string, Account> accounts;
  std::map<std::string, double> network_share, device_share;
  double total = 0;

  static double Count(const std::vector<int64_t>& times, int64_t now) {
    double sum = 0;
    for (const int64_t time : times) {
      const auto quarters = static_cast<double>(now / (6 * kHourNs) - time / (6 * kHourNs));
      sum += std::exp2(-quarters / 120);
    }
    return sum;
  }
  void Learn(const std::string& account, const std::string& network, const std::string& device, int64_t now) {
    Account& a = accounts[account];
    a.successes.push_back(now);
    a.networks[network].push_back(now);
    a.devices[device].push_back(now);
    ++network_share[network];
    ++device_share[device];
    ++total;
  }
  double Lambda(double c, double n, double g, double most) const {
    if (c <= 0) return -1;
    const double p = (g + 1) / (total + 200);
    return std::clamp(std::log(((c + p) / (n + 1)) / p), -1.0, most);
  }
  // Φ with the counts moved by `error` successes: what the fixed point may have lost.
  double Phi(const std::string& account, const std::string& network, const std::string& device, int64_t now,
             double error) {
    if (!accounts.contains(account)) return -2;
    Account& a = accounts[account];
    const double n = std::max(Count(a.successes, now) - error, 0.0);
    const auto moved = [&](const std::vector<int64_t>& times) {
      return times.empty() ? 0 : std::max(Count(times, now) + error, 1e-9);
    };
    return Lambda(moved(a.networks[network]), n, network_share[network], 6) +
           Lambda(moved(a.devices[device]), n, device_share[device], 6.5);
  }
};

TEST_CASE("familiarity is the formula", "[detect]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  int compared = 0;
  std::map<Lane, int> lanes_seen;
  for (int round = 0; round < 12; ++round) {
    Lanes lanes(0, kKey);
    Oracle oracle;
    int64_t now = kStart;
    // Each account has four networks and three devices of its own among popular ones: what a record can hold.
    for (int step = 0; step < 1500; ++step) {
      now += static_cast<int64_t>(random() % 4) * kHourNs;
      const auto who = random() % 8;
      const std::string account = "user" + std::to_string(who);
      const auto pick = random() % 8;
      const std::string network =
          "10." + std::to_string(pick % 4 == 0 ? 200 : who) + "." + std::to_string(pick % 4) + ".";
      const std::string device =
          pick % 3 == 0 ? "popular" : "d" + std::to_string(who) + std::to_string(pick % 3);
      const std::string source = network + std::to_string(random() % 256);
      const Attempt attempt = Login(account, source, device, now);
      const double low = oracle.Phi(account, network, device, now, -4.0 / 256) - 0.002;
      const double high = oracle.Phi(account, network, device, now, 4.0 / 256) + 0.002;
      const double phi = lanes.Phi(attempt);
      INFO("round " << round << " step " << step << " low " << low << " ours " << phi << " high " << high);
      REQUIRE(phi >= low);
      REQUIRE(phi <= high);
      const auto lane_of = [](double value) {
        return value >= 5 ? Lane::kFamiliar : value >= 2.5 ? Lane::kHalf : Lane::kUnfamiliar;
      };
      const Lane lane = lanes.LaneOf(attempt);
      if (lane_of(low) == lane_of(high)) {
        REQUIRE(lane == lane_of(low));
        ++compared;
      }
      ++lanes_seen[lane];
      if (random() % 3 != 0) {
        lanes.Learn(attempt, lane);
        oracle.Learn(account, network, device, now);
      }
    }
  }
  CHECK(compared > 10'000);
  CHECK(lanes_seen[Lane::kFamiliar] > 100);
  CHECK(lanes_seen[Lane::kHalf] > 100);
  CHECK(lanes_seen[Lane::kUnfamiliar] > 100);
}

TEST_CASE("a valid certificate is the certified lane, unless certificates do not count", "[detect]") {
  Lanes lanes(0, kKey);
  Attempt attempt = Login("alice", "192.0.2.1", "c", kStart);
  attempt.certificate = CertificateStatus::kValid;
  CHECK(lanes.LaneOf(attempt) == Lane::kCertified);
  CHECK(lanes.LaneOf(attempt, false) == Lane::kUnfamiliar);
  attempt.certificate = CertificateStatus::kMismatch;
  CHECK(lanes.LaneOf(attempt) == Lane::kUnfamiliar);
  attempt.certificate = CertificateStatus::kValid;
  attempt.account = {};
  CHECK(lanes.LaneOf(attempt) == Lane::kUnfamiliar);
}

TEST_CASE("an account owns a certificate once it has logged in with one, for 400 days", "[detect]") {
  constexpr int64_t kDay = int64_t{86'400} * 1'000'000'000;
  Lanes lanes(0, kKey);
  Attempt attempt = Login("alice", "192.0.2.1", "c", kStart);
  CHECK_FALSE(lanes.OwnsCertificate(attempt));
  lanes.Learn(attempt, Lane::kFamiliar);
  CHECK_FALSE(lanes.OwnsCertificate(attempt));
  lanes.Learn(attempt, Lane::kCertified);
  for (int i = 1; i <= 3; ++i) {
    lanes.Learn(Login("alice", "192.0.2.1", "c", kStart + i * kDay), Lane::kFamiliar);
    CHECK(lanes.OwnsCertificate(Login("alice", "203.0.113.9", "x", kStart + i * kDay)));
  }
  // Other accounts, other places in the table, and nobody at all.
  CHECK_FALSE(lanes.OwnsCertificate(Login("bob", "192.0.2.1", "c", kStart)));
  CHECK_FALSE(lanes.OwnsCertificate(Attempt{}));
  for (int i = 0; i < 20'000; ++i)
    lanes.Learn(Login("crowd" + std::to_string(i), "198.51.100.1", "d", kStart), Lane::kFamiliar);
  CHECK(lanes.OwnsCertificate(attempt));
  CHECK(lanes.OwnsCertificate(Login("alice", "203.0.113.9", "c", kStart + 400 * kDay)));
  CHECK_FALSE(lanes.OwnsCertificate(Login("alice", "203.0.113.9", "c", kStart + 401 * kDay)));
  // A late login does not make it older.
  lanes.Learn(Login("alice", "192.0.2.1", "c", kStart + 500 * kDay), Lane::kCertified);
  lanes.Learn(attempt, Lane::kCertified);
  CHECK(lanes.OwnsCertificate(Login("alice", "203.0.113.9", "c", kStart + 900 * kDay)));
}

// A background against which rare tokens are rare.
void LearnCrowd(Lanes* lanes, int64_t now) {
  for (int i = 0; i < 3000; ++i) {
    const std::string account = "crowd" + std::to_string(i);
    const std::string source = "100." + std::to_string(64 + i / 256) + "." + std::to_string(i % 256) + ".1";
    Attempt attempt = Login(account, source, "", now);
    attempt.user_agent = "Chrome/120.0";
    lanes->Learn(attempt, Lane::kCertified);
  }
}

TEST_CASE("home is familiar, so is its own browser anywhere, a stranger with a common browser unfamiliar",
          "[detect]") {
  Lanes lanes(0, kKey);
  LearnCrowd(&lanes, kStart);
  for (int day = 0; day < 5; ++day)
    lanes.Learn(Login("alice", "192.0.2.7", "cookie", kStart + day * kDayNs), Lane::kCertified);
  const int64_t now = kStart + 5 * kDayNs;
  CHECK(lanes.LaneOf(Login("alice", "192.0.2.99", "cookie", now)) == Lane::kFamiliar);
  CHECK(lanes.LaneOf(Login("alice", "192.0.2.99", "new", now)) == Lane::kFamiliar);  // 6 - 1 = 5
  CHECK(lanes.LaneOf(Login("alice", "198.51.100.1", "cookie", now)) ==
        Lane::kFamiliar);  // 6.5 - 1: on the road
  CHECK(lanes.LaneOf(Login("alice", "198.51.100.1", "new", now)) == Lane::kUnfamiliar);
  CHECK(lanes.LaneOf(Login("Alice", "192.0.2.99", "cookie", now)) == Lane::kUnfamiliar);
  // Once is enough for a cookie, which nobody else has.
  lanes.Learn(Login("anna", "192.0.2.8", "annas", now), Lane::kUnfamiliar);
  CHECK(lanes.LaneOf(Login("anna", "198.51.100.1", "annas", now)) == Lane::kFamiliar);

  Attempt bob = Login("bob", "203.0.113.5", "", now);
  bob.user_agent = "Chrome/120.0";
  lanes.Learn(bob, Lane::kCertified);
  Attempt stranger = Login("bob", "198.51.100.1", "", now);
  stranger.user_agent = "Chrome/120.0";
  CHECK(lanes.LaneOf(stranger) == Lane::kUnfamiliar);
  // A browser that only looks like his, however rare, is half of him: e^5 at most.
  Attempt rare = Login("carl", "203.0.113.77", "", now);
  rare.user_agent = "Rarest/1.0";
  for (int i = 0; i < 5; ++i) lanes.Learn(rare, Lane::kCertified);
  Attempt like = Login("carl", "198.51.100.1", "", now);
  like.user_agent = "Rarest/1.0";
  CHECK(lanes.LaneOf(like) == Lane::kHalf);
  bob.user_agent = "Chrome/121.7";  // the same device after an update
  CHECK(lanes.LaneOf(bob) == Lane::kFamiliar);
}

TEST_CASE("without anything of a device the thresholds are one lower", "[detect]") {
  Lanes lanes(0, kKey);
  LearnCrowd(&lanes, kStart);
  const Attempt attempt = Login("alice", "192.0.2.7", "", kStart);
  lanes.Learn(attempt, Lane::kCertified);
  // One success: λ = ln((1 + p) / 2 / p), 6 at most.
  CHECK(lanes.Phi(attempt) == Approx(6).margin(0.01));
  CHECK(lanes.LaneOf(attempt) == Lane::kFamiliar);
  CHECK(lanes.LaneOf(Login("alice", "198.51.100.1", "", kStart)) == Lane::kUnfamiliar);
}

TEST_CASE("an unfamiliar success under pressure counts a day later, unless revoked", "[detect]") {
  for (const bool revoked : {false, true}) {
    Lanes lanes(0, kKey);
    LearnCrowd(&lanes, kStart);
    const Attempt victim = Login("alice", "192.0.2.7", "home", kStart);
    for (int i = 0; i < 3; ++i) lanes.Learn(victim, Lane::kCertified);
    Attempt thief = Login("alice", "198.51.100.9", "tool", kStart + kHourNs);
    lanes.Learn(thief, Lane::kUnfamiliar, {.pressure = true});
    const Attempt newcomer = Login("anna", "198.51.100.9", "hers", kStart + kHourNs);
    lanes.Learn(newcomer, Lane::kUnfamiliar, {.pressure = true});
    CHECK_FALSE(lanes.StandingOf(newcomer).has_history);
    CHECK(lanes.StandingOf(newcomer).may_be_owner);
    for (int hour = 1; hour <= 24; ++hour) {
      thief.time_ns = kStart + hour * kHourNs;
      REQUIRE(lanes.LaneOf(thief) == Lane::kUnfamiliar);
      // Saying it again neither hastens nor delays it.
      lanes.Learn(thief, Lane::kUnfamiliar, {.pressure = true});
    }
    if (revoked) lanes.Revoke(thief);
    thief.time_ns = kStart + 32 * kHourNs;
    CHECK(lanes.LaneOf(thief) == (revoked ? Lane::kUnfamiliar : Lane::kFamiliar));
    CHECK(lanes.LaneOf(victim) == Lane::kFamiliar);
  }
}

TEST_CASE("a success that is taken back leaves its cookie a stranger, and the owner where he was",
          "[detect]") {
  Lanes lanes(0, kKey);
  LearnCrowd(&lanes, kStart);
  const Attempt victim = Login("alice", "192.0.2.7", "home", kStart);
  for (int i = 0; i < 20; ++i) lanes.Learn(victim, Lane::kCertified);
  const double phi = lanes.Phi(victim);
  const Attempt thief = Login("alice", "198.51.100.9", "thiefs", kStart + kHourNs);
  lanes.Learn(thief, Lane::kUnfamiliar);  // before anybody knew of a campaign
  const Attempt elsewhere = Login("alice", "203.0.113.5", "thiefs", kStart + 2 * kHourNs);
  CHECK(lanes.LaneOf(elsewhere) == Lane::kHalf);
  lanes.Revoke(thief);
  CHECK(lanes.LaneOf(elsewhere) == Lane::kUnfamiliar);
  CHECK(lanes.LaneOf(thief) == Lane::kUnfamiliar);
  CHECK(lanes.Phi(victim) == Approx(phi).margin(0.01));
  // What the owner has used more than once is not taken from him.
  lanes.Revoke(victim);
  CHECK(lanes.LaneOf(victim) == Lane::kFamiliar);
}

TEST_CASE("probation never displaces what was learnt", "[detect]") {
  Lanes lanes(0, kKey);
  LearnCrowd(&lanes, kStart);
  for (int home = 0; home < 4; ++home) {
    const std::string source = "192.0." + std::to_string(home) + ".7";
    lanes.Learn(Login("alice", source, "device" + std::to_string(home % 3), kStart), Lane::kCertified);
  }
  for (int i = 0; i < 50; ++i) {
    const std::string source = "198.51." + std::to_string(i) + ".9";
    lanes.Learn(Login("alice", source, "tool" + std::to_string(i), kStart + kHourNs), Lane::kUnfamiliar,
                {.pressure = true});
  }
  for (int home = 0; home < 4; ++home) {
    const std::string source = "192.0." + std::to_string(home) + ".7";
    CHECK(lanes.LaneOf(Login("alice", source, "device" + std::to_string(home % 3), kStart + 40 * kDayNs)) !=
          Lane::kUnfamiliar);
  }
}

TEST_CASE("an identity step-up opens the half lane for a quarter of an hour, here and nowhere else",
          "[detect]") {
  Lanes lanes(0, kKey);
  Attempt attempt = Login("alice", "192.0.2.7", "d", kStart);
  CHECK(lanes.LaneOf(attempt) == Lane::kUnfamiliar);
  lanes.NoteIdentityPassed(attempt);
  CHECK(lanes.LaneOf(attempt) == Lane::kHalf);
  CHECK(lanes.Phi(attempt) == 4);
  CHECK(lanes.LaneOf(Login("alice", "192.0.2.7", "other", kStart)) == Lane::kUnfamiliar);
  CHECK(lanes.LaneOf(Login("bob", "192.0.2.7", "d", kStart)) == Lane::kUnfamiliar);
  attempt.time_ns += (Lanes::kStepUpMs - 1) * 1'000'000;
  CHECK(lanes.LaneOf(attempt) == Lane::kHalf);
  attempt.time_ns += 1'000'000;
  CHECK(lanes.LaneOf(attempt) == Lane::kUnfamiliar);
  Attempt bare = Login("alice", "192.0.2.7", "", kStart);
  lanes.NoteIdentityPassed(bare);
  CHECK(lanes.LaneOf(bare) == Lane::kHalf);
}

TEST_CASE("a flood of accounts keeps the ceiling and displaces no account with more successes", "[detect]") {
  Lanes lanes(Lanes::kBytesMin, kKey);
  CHECK(lanes.bytes() <= Lanes::kBytesMin);
  std::vector<std::string> customers;
  for (int i = 0; i < 500; ++i) customers.push_back("customer" + std::to_string(i));
  for (const std::string& customer : customers)
    for (int n = 0; n < 3; ++n)
      lanes.Learn(Login(customer, "192.0.2.7", "d" + customer, kStart), Lane::kCertified);
  for (int i = 0; i < 60'000; ++i) {
    const std::string account = "flood" + std::to_string(i);
    lanes.Learn(Login(account, "198.51.100.1", account, kStart), Lane::kUnfamiliar);
  }
  CHECK(lanes.bytes() <= Lanes::kBytesMin);
  CHECK(lanes.evicted() > 10'000);
  CHECK(lanes.accounts() * 72 <= lanes.bytes());
  for (const std::string& customer : customers)
    REQUIRE(lanes.Phi(Login(customer, "192.0.2.7", "d" + customer, kStart)) > -1);
}

TEST_CASE("the table grows with its accounts and loses none on the way", "[detect]") {
  Lanes lanes(size_t{64} << 20, kKey);
  const size_t small = lanes.bytes();
  std::vector<std::string> names;
  for (int i = 0; i < 50'000; ++i) names.push_back("account" + std::to_string(i));
  for (const std::string& name : names)
    lanes.Learn(Login(name, "192.0.2.7", "d" + name, kStart), Lane::kCertified);
  CHECK(lanes.evicted() == 0);
  CHECK(lanes.accounts() == names.size());
  CHECK(lanes.bytes() > small);
  for (const std::string& name : names) REQUIRE(lanes.Phi(Login(name, "192.0.2.7", "d" + name, kStart)) > -1);
}

TEST_CASE("of a memory full to eight tenths one account in a thousand gives way at most", "[detect]") {
  constexpr size_t kBuckets = 4096;
  AccountRecords records(kBuckets * 8 * 72);
  const auto tag = [](uint64_t i) { return SipHash128(kKey, std::to_string(i)).low; };
  const uint64_t full = kBuckets * 8 * 8 / 10;
  for (uint64_t i = 0; i < full; ++i) records.FindOrMake(tag(i), 1, false)->count = kSuccessCount;
  CHECK(records.bucket_count() == kBuckets);
  CHECK(records.evicted() <= full / 1000);
  CHECK(records.size() == full - records.evicted());
  const auto known = [&] {
    uint64_t found = 0;
    for (uint64_t i = 0; i < full; ++i) found += records.Find(tag(i)) != nullptr;
    return found;
  };
  REQUIRE(known() == records.size());
  REQUIRE(records.Find(tag(full)) == nullptr);
  // Whoever is on probation displaces nobody.
  const uint64_t before = known();
  for (uint64_t i = 0; i < 4 * full; ++i) records.FindOrMake(tag(full + i), 1, true);
  CHECK(known() == before);
}

TEST_CASE("hostile names, times and repetition do no harm", "[detect]") {
  Lanes lanes(0, kKey);
  const std::string huge(1 << 20, '9');
  Attempt attempt = Login(huge, "::", huge, INT64_MAX);
  attempt.user_agent = huge;
  lanes.Learn(attempt, Lane::kUnfamiliar);
  CHECK(lanes.Phi(attempt) > 0);
  attempt.time_ns = 0;  // long before it was learnt
  CHECK(lanes.Phi(attempt) >= -2);
  lanes.Learn(attempt, Lane::kHalf);
  Attempt busy = Login("", "192.0.2.7", "d", kStart);
  for (int i = 0; i < 3000; ++i) lanes.Learn(busy, Lane::kFamiliar);
  CHECK(lanes.Phi(busy) <= 11);
  CHECK(lanes.Phi(busy) > -1);
  busy.time_ns += 20 * 365 * kDayNs;  // all but forgotten
  CHECK(lanes.LaneOf(busy) == Lane::kUnfamiliar);
  Attempt nobody;
  lanes.Learn(nobody, Lane::kCertified);
  lanes.NoteIdentityPassed(nobody);
  lanes.Revoke(Login("nobody", "192.0.2.7", "d", kStart));
  CHECK(lanes.LaneOf(nobody) == Lane::kUnfamiliar);
}

TEST_CASE("the same events give the same lanes", "[detect]") {
  const auto run = [] {
    Lanes lanes(0, kKey);
    std::mt19937 random(5);
    std::string lanes_seen;
    for (int i = 0; i < 5000; ++i) {
      const std::string account = "a" + std::to_string(random() % 50);
      const std::string source = "10.0." + std::to_string(random() % 9) + ".1";
      const std::string device = "d" + std::to_string(random() % 9);
      const Attempt attempt = Login(account, source, device, kStart + i * kHourNs);
      const Lane lane = lanes.LaneOf(attempt);
      lanes_seen.push_back(static_cast<char>('0' + static_cast<int>(lane)));
      lanes.Learn(attempt, lane, {.pressure = i % 7 == 0});
    }
    return lanes_seen;
  };
  CHECK(run() == run());
}

}  // namespace
}  // namespace stockade
