// Proven here: a snapshot brings back what was known, place for place: standings are equal, and so is everything that is learnt
// afterwards; it may be taken while logins go on; a smaller memory keeps the customers with the most successes; a year's pause ages
// what was known by a year; no changed, missing, repeated or foreign byte is taken for knowledge.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/detect/familiar_reader.h"
#include "engine/detect/familiar_writer.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kHourNs = int64_t{3600} * 1'000'000'000;
constexpr int64_t kDayNs = 24 * kHourNs;
constexpr int64_t kStart = 20'000 * kDayNs;
constexpr HashKey kKey{7, 9};

// Everything a snapshot is of.
struct Knowledge {
  explicit Knowledge(size_t bytes = Lanes::kBytesMin, const HashKey& key = kKey)
      : lanes(bytes, key), customers(key, 256) {}
  Lanes lanes;
  ProvenCustomers customers;
};

std::string Snapshot(const Knowledge& from, int64_t now_ns = kStart, const HashKey& key = kKey) {
  FamiliarWriter writer(key);
  std::string bytes;
  for (bool more = true; more;) {
    more = writer.Copy(from.lanes, from.customers, now_ns / 1'000'000);
    writer.Encode(&bytes);
  }
  return bytes;
}

absl::StatusOr<FamiliarFacts> Load(std::string_view bytes, Knowledge* into, size_t piece = SIZE_MAX,
                                   const HashKey& key = kKey) {
  FamiliarReader reader(key, &into->lanes, &into->customers);
  while (!bytes.empty()) {
    const size_t size = std::min(piece, bytes.size());
    if (absl::Status status = reader.Read(bytes.substr(0, size)); !status.ok()) return status;
    bytes.remove_prefix(size);
  }
  return reader.Finish();
}

// A history as its seed has it: customers at home and on the way, certificates, campaigns, step-ups and revocations.
class History {
 public:
  History(unsigned seed, unsigned accounts) : random_(seed), accounts_(accounts) {}

  void Go(int events, const std::vector<Knowledge*>& all) {
    for (int i = 0; i < events; ++i) {
      now_ns_ += static_cast<int64_t>(Random() % 1000) * kHourNs / 1000;
      const Attempt attempt = Any();
      const bool certified = Random() % 16 == 0;
      const LearnContext context{Random() % 3 == 0, Random() % 8 == 0};
      const uint32_t what = Random() % 40;
      for (Knowledge* one : all) {
        const Lane lane = certified ? Lane::kCertified : one->lanes.LaneOf(attempt);
        if (what == 0) one->lanes.NoteIdentityPassed(attempt);
        if (what == 1) one->lanes.Revoke(attempt);
        one->lanes.Learn(attempt, lane, context);
        if (lane <= Lane::kFamiliar) one->customers.Note(attempt, attempt.time_ns / 1'000'000);
      }
    }
  }
  // Views live until the next call.
  Attempt Any() {
    const unsigned who = Random() % accounts_;
    account_ = "customer" + std::to_string(who);
    const unsigned place = Random() % 4 == 0 ? Random() % 50 : who % 50;
    device_ = "device" + std::to_string(Random() % 5 == 0 ? Random() % 1000 : who);
    Attempt attempt;
    attempt.time_ns = now_ns_;
    attempt.account = account_;
    attempt.source = *Address::Parse(place % 3 == 0 ? "2001:db8:" + std::to_string(place) + "::1"
                                                    : "192.0." + std::to_string(place) + ".7");
    if (Random() % 6 != 0) attempt.device = device_;
    if (Random() % 6 == 0) attempt.user_agent = "Browser/5.0 (X)";
    return attempt;
  }
  int64_t now_ns() const { return now_ns_; }
  void Wait(int64_t ns) { now_ns_ += ns; }

 private:
  // 32 bits of it: std::mt19937 gives unsigned long.
  uint32_t Random() { return static_cast<uint32_t>(random_()); }

  std::mt19937 random_;
  unsigned accounts_;
  int64_t now_ns_ = kStart;
  std::string account_, device_;
};

bool StandsAlike(const Standing& a, const Standing& b) {
  return a.lane == b.lane && a.has_history == b.has_history && a.nearly_familiar == b.nearly_familiar &&
         a.network_at_home == b.network_at_home;
}

// Bytes are checked too: equal snapshots are equal knowledge.
void CheckAlike(Knowledge* a, Knowledge* b, History* history) {
  for (int i = 0; i < 3000; ++i) {
    const Attempt attempt = history->Any();
    REQUIRE(StandsAlike(a->lanes.StandingOf(attempt), b->lanes.StandingOf(attempt)));
    REQUIRE(a->lanes.Phi(attempt) == b->lanes.Phi(attempt));
    REQUIRE(a->lanes.OwnsCertificate(attempt) == b->lanes.OwnsCertificate(attempt));
    Decision decision;
    decision.scope = Scope::kRange;
    decision.prefix = Prefix::Around(attempt.source, attempt.source.is_v4() ? 24 : 48);
    const int64_t now_ms = attempt.time_ns / 1'000'000;
    REQUIRE(a->customers.SharedBy(decision, now_ms) == b->customers.SharedBy(decision, now_ms));
  }
  REQUIRE(Snapshot(*a) == Snapshot(*b));
}

TEST_CASE("over a snapshot every account stands as before, and what is learnt afterwards is the same",
          "[familiar]") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const unsigned accounts = seed % 3 == 0 ? 9000 : 60;  // more than the memory holds, or far fewer
    INFO("seed " << seed);
    History history(seed, accounts);
    Knowledge before;
    history.Go(static_cast<int>(accounts * 3), {&before});
    const std::string bytes = Snapshot(before);
    Knowledge after;
    const auto facts = Load(bytes, &after, seed % 2 == 0 ? SIZE_MAX : 1 + seed * 97);
    REQUIRE(facts.ok());
    CHECK(facts->accounts == before.lanes.accounts());
    CHECK(facts->given_way == 0);
    CHECK(facts->bytes == bytes.size());
    CheckAlike(&before, &after, &history);
    history.Go(2000, {&before, &after});
    CheckAlike(&before, &after, &history);
    history.Wait(400 * kDayNs);
    CheckAlike(&before, &after, &history);
  }
}

TEST_CASE("after a year's pause a snapshot speaks as much for a customer as if the gate had run",
          "[familiar]") {
  Knowledge before;
  History others(1, 500);
  others.Go(2000, {&before});
  Attempt attempt;
  attempt.account = "mia";
  attempt.device = "tablet";
  attempt.source = *Address::Parse("192.0.2.1");
  for (int day = 0; day < 40; ++day) {
    attempt.time_ns = kStart + day * kDayNs;
    before.lanes.Learn(attempt, Lane::kUnfamiliar);
  }
  CHECK(before.lanes.LaneOf(attempt) == Lane::kFamiliar);
  Knowledge after;
  REQUIRE(Load(Snapshot(before), &after).ok());
  CHECK(after.lanes.LaneOf(attempt) == Lane::kFamiliar);
  attempt.time_ns += 365 * kDayNs;
  CHECK(after.lanes.Phi(attempt) == before.lanes.Phi(attempt));
  // 2^(-365/30) of some 26 successes: next to nothing.
  CHECK(after.lanes.LaneOf(attempt) == Lane::kUnfamiliar);
  attempt.time_ns += 60 * 365 * kDayNs;  // beyond what the table's clock can tell
  CHECK(after.lanes.Phi(attempt) == before.lanes.Phi(attempt));
}

TEST_CASE("what waits on probation goes on waiting over a snapshot, and step-ups are kept", "[familiar]") {
  Knowledge before;
  Attempt attempt;
  attempt.account = "ann";
  attempt.device = "new phone";
  attempt.source = *Address::Parse("192.0.2.1");
  attempt.time_ns = kStart;
  before.lanes.Learn(attempt, Lane::kUnfamiliar, {.pressure = true});
  before.lanes.NoteIdentityPassed(attempt);
  Knowledge after;
  REQUIRE(Load(Snapshot(before), &after).ok());
  CHECK(after.lanes.LaneOf(attempt) == Lane::kHalf);
  attempt.time_ns += 2 * kHourNs;
  CHECK_FALSE(after.lanes.StandingOf(attempt).has_history);
  attempt.time_ns += 30 * kHourNs;
  CHECK(after.lanes.StandingOf(attempt).has_history);
  after.lanes.Revoke(attempt);
  CHECK_FALSE(after.lanes.StandingOf(attempt).has_history);
}

TEST_CASE("a snapshot taken while logins go on and the table grows holds every old account once",
          "[familiar]") {
  Knowledge before(size_t{8} << 20);
  History history(5, 3000);
  history.Go(12'000, {&before});
  const auto knows = [&history](const Knowledge& one, unsigned who) {
    const std::string name = "customer" + std::to_string(who);
    Attempt attempt;
    attempt.account = name;
    attempt.time_ns = history.now_ns();
    return one.lanes.StandingOf(attempt).has_history;
  };
  std::vector<unsigned> known;
  for (unsigned who = 0; who < 3000; ++who)
    if (knows(before, who)) known.push_back(who);
  FamiliarWriter writer(kKey);
  std::string bytes;
  const size_t buckets = before.lanes.records().bucket_count();
  unsigned next = 0;
  for (bool more = true; more;) {
    more = writer.Copy(before.lanes, before.customers, kStart / 1'000'000);
    writer.Encode(&bytes);
    for (int i = 0; i < 4000 && next < 30'000; ++i, ++next) {
      const std::string name = "newcomer" + std::to_string(next);
      Attempt attempt;
      attempt.account = name;
      attempt.source = *Address::Parse("198.51.100.1");
      attempt.time_ns = history.now_ns();
      before.lanes.Learn(attempt, Lane::kUnfamiliar);
    }
  }
  REQUIRE(before.lanes.records().bucket_count() > buckets);
  Knowledge after(size_t{8} << 20);
  const auto facts = Load(bytes, &after);
  REQUIRE(facts.ok());
  CHECK(facts->given_way == 0);
  CHECK(facts->accounts == writer.accounts());
  CHECK(facts->id == writer.id());
  size_t stayed = 0;
  for (const unsigned who : known) {
    if (!knows(before, who)) continue;  // gave way to a newcomer
    ++stayed;
    CHECK(knows(after, who));
  }
  CHECK(stayed > 1000);
}

TEST_CASE("in a smaller memory those with the most successes stay; in a larger one all do", "[familiar]") {
  Knowledge before(size_t{6} << 20);
  // Regulars among many who came once.
  const auto learn = [&](const std::string& name, int times) {
    Attempt attempt;
    attempt.account = name;
    attempt.source = *Address::Parse("192.0.2.1");
    attempt.time_ns = kStart;
    for (int i = 0; i < times; ++i) before.lanes.Learn(attempt, Lane::kUnfamiliar);
  };
  for (int i = 0; i < 30'000; ++i) learn("once" + std::to_string(i), 1);
  for (int i = 0; i < 1000; ++i) learn("regular" + std::to_string(i), 9);
  const std::string bytes = Snapshot(before);
  for (const size_t memory : {Lanes::kBytesMin, (size_t{4} << 20) + 77'777, size_t{64} << 20}) {
    Knowledge after(memory);
    const auto facts = Load(bytes, &after);
    REQUIRE(facts.ok());
    CHECK(after.lanes.bytes() <= std::max(memory, Lanes::kBytesMin));
    CHECK(facts->given_way + after.lanes.accounts() == facts->accounts);
    if (memory == size_t{64} << 20) CHECK(facts->given_way == 0);
    for (int i = 0; i < 1000; ++i) {
      const std::string name = "regular" + std::to_string(i);
      Attempt attempt;
      attempt.account = name;
      attempt.time_ns = kStart;
      CHECK(after.lanes.StandingOf(attempt).has_history);
    }
  }
}

std::string SmallSnapshot() {
  Knowledge some;
  History history(3, 4);
  history.Go(40, {&some});
  return Snapshot(some);
}

TEST_CASE("no changed, missing or added byte is taken for knowledge", "[familiar]") {
  const std::string bytes = SmallSnapshot();
  INFO(bytes.size() << " bytes");
  Knowledge into;
  const auto refuses = [&into](const std::string& broken) {
    const auto facts = Load(broken, &into);
    into.lanes.Clear();
    into.customers.sources().Clear();
    return !facts.ok() && !facts.status().message().empty();
  };
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    if (!refuses(changed)) FAIL("byte " << at);
    if (at % 7 == 0 && !refuses(bytes.substr(0, at))) FAIL("cut at " << at);
  }
  CHECK(refuses(bytes + '\0'));
  CHECK(refuses(bytes + bytes));
  CHECK(refuses(""));
  CHECK(Load(bytes, &into).ok());
}

TEST_CASE("a snapshot that is not ours is called what it is", "[familiar]") {
  const std::string bytes = SmallSnapshot();
  Knowledge into;
  const auto error = [&into](std::string_view text, const HashKey& key = kKey) {
    return std::string(Load(text, &into, SIZE_MAX, key).status().message());
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(error(bytes, {7, 10}), Contains("another hash key; set hash_key_file"));
  std::string newer = bytes;
  newer[8] = kFamiliarVersion + 1;
  CHECK_THAT(error(newer), Contains(Concat("is of version ", kFamiliarVersion + 1,
                                           ", and this program reads ", kFamiliarVersion)));
  CHECK_THAT(error("{\"user.name\": \"mia\"}"), Contains("is no snapshot"));
  CHECK_THAT(error(std::string(10'000, 'x')), Contains("is no snapshot"));
  CHECK_THAT(error(bytes.substr(0, bytes.size() - 1)), Contains("ends too early"));
  std::string huge = bytes;
  huge[kFamiliarHeadBytes + kFamiliarSealBytes + 7] = 0x7f;
  CHECK_THAT(error(huge), Contains("none is larger than"));
  // No name, and nothing an eye could read as one.
  CHECK(bytes.find("customer") == std::string::npos);
  CHECK(bytes.find("device") == std::string::npos);
}

TEST_CASE("cleared lanes have never learnt anything", "[familiar]") {
  Knowledge some;
  Knowledge fresh;
  History history(3, 5000);
  history.Go(9000, {&some});
  some.lanes.Clear();
  some.customers.sources().Clear();
  CHECK(Snapshot(some) == Snapshot(fresh));
}

}  // namespace
}  // namespace stockade
