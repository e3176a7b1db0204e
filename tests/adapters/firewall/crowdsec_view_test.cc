// What a bouncer is told of decisions that come, change and end.
#include "adapters/firewall/crowdsec_view.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "tests/adapters/firewall/crowdsec_scene.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

using Rows = std::vector<std::string>;
constexpr int64_t kT = kCrowdsecNow;
constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;

TEST_CASE("a bouncer is told all at its start and then what changed", "[crowdsec]") {
  CrowdsecView view(kT);
  Enforce(&view, {Ban("203.0.113.9", kT + 4 * kHour), Ban("2001:db8::/64", kT + kHour)}, kT);
  ViewBouncer bouncer(&view);
  CHECK(bouncer.Pull(kT + 1'500).news == Rows{"ban Ip 203.0.113.9 3h59m58s stockade/many_accounts",
                                              "ban Range 2001:db8::/64 59m58s stockade/many_accounts"});
  StreamRows nothing = bouncer.Pull(kT + 10'000);
  CHECK(nothing.news.empty());
  CHECK(nothing.deleted.empty());

  Enforce(&view, {Ban("203.0.113.10", kT + kHour, "other")}, kT + 11'000);
  Release(&view, Ban("203.0.113.9", 0), kT + 18'000);
  const StreamRows changed = bouncer.Pull(kT + 20'000);
  CHECK(changed.news == Rows{"ban Ip 203.0.113.10 59m40s stockade/other"});
  CHECK(changed.deleted == Rows{"ban Ip 203.0.113.9 -2s stockade/many_accounts"});
  // What ended less than two seconds before the last pull is said again, and not later.
  CHECK(bouncer.Pull(kT + 21'000).deleted.size() == 1);
  CHECK(bouncer.Pull(kT + 31'000).deleted.empty());
  // By itself, at its time and not before.
  CHECK(bouncer.Pull(kT + kHour - 1).deleted.empty());
  CHECK(bouncer.Pull(kT + kHour).deleted ==
        Rows{"ban Range 2001:db8::/64 -1s stockade/many_accounts", "ban Ip 203.0.113.10 -1s stockade/other"});
}

TEST_CASE("a duration is whole seconds and never zero", "[crowdsec]") {
  CrowdsecView view(kT);
  Enforce(
      &view,
      {Ban("203.0.113.9", kT + 3600'000), Ban("203.0.113.10", kT + 400), Ban("203.0.113.11", kT + 60'999)},
      kT);
  ViewBouncer bouncer(&view);
  CHECK(bouncer.Pull(kT).news == Rows{"ban Ip 203.0.113.9 1h0m0s stockade/many_accounts",
                                      "ban Ip 203.0.113.10 1s stockade/many_accounts",
                                      "ban Ip 203.0.113.11 1m0s stockade/many_accounts"});
}

TEST_CASE("each action has its type, and accounts are told to who asks for them", "[crowdsec]") {
  CrowdsecView view(kT);
  Decision lock_all = CrowdsecDecision(Action::kLock, Scope::kAccount, "bob", kT + kHour);
  lock_all.all_lanes = true;
  Enforce(&view,
          {CrowdsecDecision(Action::kChallenge, Scope::kIp, "203.0.113.1", kT + kHour),
           CrowdsecDecision(Action::kThrottle, Scope::kRange, "203.0.113.0/24", kT + kHour),
           CrowdsecDecision(Action::kBlock, Scope::kAsn, "64500", kT + kHour),
           CrowdsecDecision(Action::kLock, Scope::kAccount, "alice \"a\"\n", kT + kHour), lock_all},
          kT);
  ViewBouncer usual(&view);
  CHECK(usual.Pull(kT).news == Rows{"captcha Ip 203.0.113.1 1h0m0s stockade/many_accounts",
                                    "throttle Range 203.0.113.0/24 1h0m0s stockade/many_accounts"});
  ViewBouncer all(&view);
  all.filter.scopes = 0xff;
  const StreamRows everything = all.Pull(kT);
  REQUIRE(everything.news.size() == 5);
  CHECK(everything.news[2] == "ban AS 64500 1h0m0s stockade/many_accounts");
  CHECK(everything.news[3] == "lock username alice \"a\"\n 1h0m0s stockade/many_accounts");
  CHECK(everything.news[4] == "lock-all username bob 1h0m0s stockade/many_accounts");
}

TEST_CASE("what bouncers cannot carry is refused, and said once", "[crowdsec]") {
  CrowdsecView view(kT);
  const auto refused = [&](const Decision& decision) {
    const Order order{Order::Kind::kEnforce, &decision};
    return absl::IsInvalidArgument(view.Apply({&order, 1}, kT));
  };
  CHECK(refused(CrowdsecDecision(Action::kBlock, Scope::kFingerprint, "00ff", kT + kHour)));
  CHECK(refused(CrowdsecDecision(Action::kBlock, Scope::kAccount, "alice", kT + kHour)));
  CHECK(refused(CrowdsecDecision(Action::kLock, Scope::kIp, "203.0.113.9", kT + kHour)));
  Decision shadow = Ban("203.0.113.9", kT + kHour);
  shadow.shadow = true;
  CHECK(refused(shadow));
  Decision wrong = Ban("203.0.113.9", kT + kHour);
  wrong.prefix = {};
  wrong.value = "nowhere";
  CHECK(refused(wrong));
  CHECK(view.List(kT)->empty());

  // An order may come again, and changes nothing.
  ViewBouncer bouncer(&view);
  Enforce(&view, {Ban("203.0.113.9", kT + kHour)}, kT);
  bouncer.Pull(kT);
  Enforce(&view, {Ban("203.0.113.9", kT + kHour)}, kT);
  CHECK(bouncer.Pull(kT).news.empty());
  Release(&view, Ban("203.0.113.77", 0), kT);
  // One that is over already does not stand afterwards.
  Enforce(&view, {Ban("203.0.113.9", kT)}, kT);
  CHECK(view.List(kT)->empty());
}

TEST_CASE("List tells what stands, with its time", "[crowdsec]") {
  CrowdsecView view(kT);
  const Decision ban = Ban("203.0.113.9", kT + kHour);
  Enforce(&view, {ban, CrowdsecDecision(Action::kLock, Scope::kAccount, "alice", kT + kMinute)}, kT);
  CHECK(view.List(kT)->size() == 2);
  const auto listed = view.List(kT + kMinute);
  REQUIRE(listed->size() == 1);
  CHECK((*listed)[0].key == OrderKey::Of(ban));
  CHECK((*listed)[0].until_ms == kT + kHour);
}

TEST_CASE("the longest of several is told, and an end is withheld while another stands", "[crowdsec]") {
  CrowdsecView view(kT);
  Decision human = CrowdsecDecision(Action::kChallenge, Scope::kIp, "203.0.113.9", kT + kHour);
  Decision identity = human;
  identity.challenge_kind = ChallengeKind::kIdentity;
  identity.until_ms = kT + 2 * kHour;
  Enforce(&view, {human, identity}, kT);
  ViewBouncer bouncer(&view);
  CHECK(bouncer.Pull(kT).news == Rows{"captcha Ip 203.0.113.9 2h0m0s stockade/many_accounts"});
  ViewBouncer each(&view);
  each.dedup = false;
  CHECK(each.Pull(kT).news.size() == 2);
  Release(&view, human, kT + kMinute);
  CHECK(bouncer.Pull(kT + kMinute).deleted.empty());
  CHECK(bouncer.Pull(kT + kMinute + 10'000).deleted.empty());
  Release(&view, identity, kT + 2 * kMinute);
  CHECK(bouncer.Pull(kT + 2 * kMinute).deleted == Rows{"captcha Ip 203.0.113.9 -1s stockade/many_accounts"});
}

TEST_CASE("a value whose ban ends while its captcha stands is deleted first and told in the next reply",
          "[crowdsec]") {
  CrowdsecView view(kT);
  const Decision ban = Ban("203.0.113.9", kT + kHour);
  const Decision captcha = CrowdsecDecision(Action::kChallenge, Scope::kIp, "203.0.113.9", kT + 2 * kHour);
  Enforce(&view, {ban, captcha}, kT);
  ViewBouncer bouncer(&view);
  CHECK(bouncer.Pull(kT).news.size() == 2);
  Release(&view, ban, kT + kMinute);
  const StreamRows first = bouncer.Pull(kT + kMinute);
  CHECK(first.deleted == Rows{"ban Ip 203.0.113.9 -1s stockade/many_accounts"});
  CHECK(first.news.empty());
  // At once, although the two seconds are not over.
  const StreamRows second = bouncer.Pull(kT + kMinute + 1'000);
  CHECK(second.news == Rows{"captcha Ip 203.0.113.9 1h58m59s stockade/many_accounts"});
  CHECK(second.deleted.empty());
}

TEST_CASE("a decision released and made again between two pulls is new and not deleted", "[crowdsec]") {
  CrowdsecView view(kT);
  ViewBouncer bouncer(&view);
  Enforce(&view, {Ban("203.0.113.9", kT + kHour)}, kT);
  bouncer.Pull(kT);
  Release(&view, Ban("203.0.113.9", 0), kT + 1'000);
  Enforce(&view, {Ban("203.0.113.9", kT + 2 * kHour)}, kT + 2'000);
  const StreamRows changed = bouncer.Pull(kT + 10'000);
  CHECK(changed.deleted.empty());
  CHECK(changed.news.size() == 1);
  // The firewall bouncer passed over it: its element ends at the old time, and is told again then.
  CHECK(bouncer.Pull(kT + kHour).news.empty());
  CHECK(bouncer.Pull(kT + kHour + 2'000).news.size() == 1);
}

// crowdsec-firewall-bouncer 0.0.25 in nftables mode: deleted, then new; what is in the set is passed over; the kernel lets go
// at the time told first; "/24" is stripped off.
class ModelFirewall {
 public:
  explicit ModelFirewall(CrowdsecView* view) { Reach(view); }
  // From now on another server answers, which knows nothing of us.
  void Reach(CrowdsecView* view) { bouncer_.emplace(view, true); }
  void Poll(int64_t now_ms) {
    std::erase_if(set_, [&](const auto& element) { return element.second <= now_ms; });
    const StreamRows rows = bouncer_->Pull(now_ms);
    for (const std::string& row : rows.deleted) set_.erase(ValueOf(row));
    for (const std::string& row : rows.news) {
      absl::Duration left;
      REQUIRE(absl::ParseDuration(Word(row, 3), &left));
      if (row.starts_with("ban ")) set_.try_emplace(ValueOf(row), now_ms + absl::ToInt64Milliseconds(left));
    }
  }
  std::vector<std::string> At(int64_t now_ms) const {
    std::vector<std::string> values;
    for (const auto& [value, until_ms] : set_)
      if (until_ms > now_ms) values.push_back(value);
    return values;
  }

 private:
  static std::string Word(const std::string& row, int index) {
    size_t begin = 0;
    for (; index > 0; --index) begin = row.find(' ', begin) + 1;
    return row.substr(begin, row.find(' ', begin) - begin);
  }
  static std::string ValueOf(const std::string& row) {
    const std::string value = Word(row, 2);
    return value.substr(0, value.find('/'));
  }
  std::optional<ViewBouncer> bouncer_;
  std::map<std::string, int64_t> set_;
};

TEST_CASE("a prolonged ban is told at once, and again when the firewall bouncer's element has ended",
          "[crowdsec]") {
  CrowdsecView view(kT);
  Enforce(&view, {Ban("203.0.113.9", kT + kHour)}, kT);
  ViewBouncer cache(&view);  // takes the new time
  ModelFirewall firewall(&view);
  cache.Pull(kT);
  firewall.Poll(kT);
  Enforce(&view, {Ban("203.0.113.9", kT + 5 * kHour)}, kT + kMinute);
  CHECK(cache.Pull(kT + kMinute).news == Rows{"ban Ip 203.0.113.9 4h59m0s stockade/many_accounts"});
  int64_t gap_ms = 0;
  for (int64_t now_ms = kT + kMinute; now_ms < kT + 5 * kHour; now_ms += 1'000) {
    if ((now_ms - kT) % 10'000 == 0) firewall.Poll(now_ms);
    if (firewall.At(now_ms).empty()) gap_ms += 1'000;
  }
  CHECK(gap_ms <= 12'000);
  firewall.Poll(kT + 5 * kHour);
  CHECK(firewall.At(kT + 5 * kHour).empty());
  // It is not told for ever.
  CHECK(cache.Pull(kT + 2 * kHour + kMinute).news.size() <= 1);
}

TEST_CASE("the firewall bouncer bans every address of a /24, and keeps those that stand by themselves",
          "[crowdsec]") {
  CrowdsecView view(kT);
  ModelFirewall firewall(&view);
  Enforce(&view, {Ban("203.0.113.0/24", kT + kHour), Ban("203.0.113.9", kT + 2 * kHour)}, kT);
  firewall.Poll(kT);
  CHECK(firewall.At(kT).size() == 256);
  // The single one ends first: its network holds it.
  Release(&view, Ban("203.0.113.9", 0), kT + kMinute);
  firewall.Poll(kT + kMinute);
  CHECK(firewall.At(kT + kMinute).size() == 256);
  Enforce(&view, {Ban("203.0.113.10", kT + 3 * kHour)}, kT + 2 * kMinute);
  firewall.Poll(kT + 2 * kMinute);
  Release(&view, Ban("203.0.113.0/24", 0), kT + 3 * kMinute);
  firewall.Poll(kT + 3 * kMinute);
  CHECK(firewall.At(kT + 3 * kMinute) == Rows{"203.0.113.10"});
  // Its element has the network's time, and is told again when that is over.
  for (int64_t now_ms = kT + kHour; now_ms <= kT + kHour + 40'000; now_ms += 5'000) firewall.Poll(now_ms);
  CHECK(firewall.At(kT + kHour + 40'000) == Rows{"203.0.113.10"});

  // Others are told the network as it is; so is the firewall bouncer of a wide one.
  ViewBouncer other(&view);
  Enforce(&view, {Ban("198.51.100.0/24", kT + 9 * kHour), Ban("10.0.0.0/8", kT + 9 * kHour)}, kT + 2 * kHour);
  CHECK(other.Pull(kT + 2 * kHour).news.size() == 3);
  ViewBouncer expanding(&view, true);
  CHECK(expanding.Pull(kT + 2 * kHour).news.size() == 258);
}

TEST_CASE("networks are expanded up to a bound, and ends fit what was told", "[crowdsec]") {
  CrowdsecView view(kT);
  std::vector<Decision> bans;
  for (uint64_t i = 0; i < CrowdsecView::kExpandedMax / 256 + 1; ++i)
    bans.push_back(Ban(Concat(10, ".", i / 256, ".", i % 256, ".0/24"), kT + kHour));
  Enforce(&view, bans, kT);
  CHECK(view.counts(kT).unexpanded == 1);
  Release(&view, bans[0], kT);
  Release(&view, bans.back(), kT);
  CHECK(view.counts(kT).unexpanded == 0);
}

TEST_CASE("a model firewall holds what is decided, whatever happens", "[crowdsec]") {
  const uint32_t seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U);
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto upto = [&](uint32_t n) { return static_cast<int64_t>(random() % n); };
  CrowdsecView view(kT);
  ModelFirewall firewall(&view);
  const std::vector<std::string> values = {"203.0.113.4", "203.0.113.5", "203.0.113.6", "203.0.113.4/30",
                                           "203.0.113.0/29"};
  int64_t now_ms = kT;
  for (int step = 0; step < 400; ++step) {
    now_ms += upto(4'000);
    const std::string& value = values[static_cast<size_t>(upto(5))];
    const Action action = upto(4) == 0 ? Action::kChallenge : Action::kBlock;
    const Scope scope = value.find('/') == std::string::npos ? Scope::kIp : Scope::kRange;
    const int64_t until_ms = now_ms + 1'000 + upto(60'000);
    const Decision decision = CrowdsecDecision(action, scope, value, until_ms);
    if (upto(3) == 0) {
      Release(&view, decision, now_ms);
    } else {
      Enforce(&view, {decision}, now_ms);
    }
    if (upto(2) == 0) firewall.Poll(now_ms);
    if (step % 40 != 39) continue;
    // Quiet for as long as tellings again take.
    for (int i = 0; i < 40; ++i) firewall.Poll(now_ms += 2'000);
    CHECK(view.List(now_ms)->empty());
    const Decision last = Ban(values[static_cast<size_t>(upto(5))], now_ms + 3'600'000);
    Enforce(&view, {last}, now_ms);
    for (int i = 0; i < 4; ++i) firewall.Poll(now_ms += 2'000);
    size_t expected = 1;
    if (last.prefix.length < 32) expected = size_t{1} << (32 - last.prefix.length);
    CHECK(firewall.At(now_ms).size() == expected);
    // Shorter decisions around it, made, ended and run out: it stands throughout what follows.
    for (const std::string& other : values) {
      if (other == last.value) continue;
      Enforce(&view, {Ban(other, now_ms + 20'000)}, now_ms);
      firewall.Poll(now_ms += 1'000);
      if (upto(2) == 0) Release(&view, Ban(other, 0), now_ms);
      firewall.Poll(now_ms += 1'000);
    }
    for (int i = 0; i < 40; ++i) firewall.Poll(now_ms += 2'000);
    CHECK(firewall.At(now_ms).size() == expected);
    Release(&view, last, now_ms);
    firewall.Poll(now_ms);
    CHECK(firewall.At(now_ms).empty());
  }
}

TEST_CASE("a live query finds what stands around an address", "[crowdsec]") {
  CrowdsecView view(kT);
  Enforce(&view,
          {Ban("203.0.113.9", kT + kHour, "one"), Ban("203.0.113.0/24", kT + kHour, "two"),
           Ban("203.0.0.0/16", kT + kHour, "three"), Ban("2001:db8::1", kT + kHour, "six"),
           CrowdsecDecision(Action::kChallenge, Scope::kIp, "203.0.113.9", kT + kHour, "seven")},
          kT);
  const auto ask = [&](std::string_view network, bool contains = true) {
    CrowdsecQuestion question;
    question.network = Prefix::Parse(network);
    question.contains = contains;
    return view.Decisions(question, kT);
  };
  CHECK(ask("198.51.100.1") == "null");
  CHECK(ReadLive(ask("203.0.113.9")).size() == 4);
  CHECK(ReadLive(ask("203.0.113.10")).size() == 2);
  CHECK(ReadLive(ask("203.0.113.0/24")).size() == 2);
  CHECK(ReadLive(ask("203.0.113.0/24", false)).size() == 3);
  CHECK(ReadLive(ask("2001:db8::/32", false)).size() == 1);
  CHECK(ReadLive(ask("2001:db8::1")).size() == 1);

  CrowdsecQuestion question;
  CHECK(ReadLive(view.Decisions(question, kT)).size() == 5);
  question.limit = 2;
  question.offset = 1;
  CHECK(ReadLive(view.Decisions(question, kT)).at(0).ends_with("/two"));
  question.offset = UINT64_MAX;
  CHECK(view.Decisions(question, kT) == "null");
  question = {};
  question.filter.type = "captcha";
  CHECK(ReadLive(view.Decisions(question, kT)).size() == 1);
  question.filter.type.clear();
  question.value = "203.0.113.9";
  CHECK(ReadLive(view.Decisions(question, kT)).size() == 2);
  question = {};
  question.filter.scenarios_containing = {"/t"};
  question.filter.scenarios_not_containing = {"thr"};
  CHECK(ReadLive(view.Decisions(question, kT)).size() == 1);
  question = {};
  question.filter.our_origin = false;
  CHECK(view.Decisions(question, kT) == "null");
}

TEST_CASE("ids rise, across a restart too", "[crowdsec]") {
  const auto last_id = [](CrowdsecView* view, int64_t now_ms) {
    Enforce(view, {Ban("203.0.113.9", now_ms + kHour)}, now_ms);
    simdjson::dom::parser parser;
    int64_t id = 0;
    REQUIRE(parser.parse(view->Decisions({}, now_ms)).at(0)["id"].get(id) == simdjson::SUCCESS);
    return id;
  };
  CrowdsecView view(kT);
  const int64_t first = last_id(&view, kT);
  const int64_t second = last_id(&view, kT + 1'000);
  CHECK(first < second);
  CrowdsecView again(kT + 5'000);
  CHECK(second < last_id(&again, kT + 5'000));
  CHECK(second < (int64_t{1} << 53));
}

TEST_CASE(
    "an unknown cursor is told all that stands and what ended and may be held; a day after its time it is "
    "forgotten",
    "[crowdsec]") {
  CrowdsecView view(kT);
  Enforce(&view, {Ban("203.0.113.9", kT + kHour), Ban("203.0.113.10", kT + 48 * kHour)}, kT);
  Release(&view, Ban("203.0.113.10", 0), kT);
  const auto ended = [&](int64_t now_ms) { return ViewBouncer(&view).Pull(now_ms).deleted.size(); };
  CHECK(ended(kT) == 1);
  CHECK(ended(kT + kHour) == 2);
  // Who held the one whose time is over has let go by itself.
  CHECK(ended(kT + kHour + CrowdsecView::kEndedOverMs) == 1);
  CHECK(ended(kT + 48 * kHour) == 1);
  CHECK(ended(kT + 49 * kHour) == 0);
  CHECK(view.counts(kT + 71 * kHour).ended == 1);
  CHECK(view.counts(kT + 72 * kHour).ended == 0);
  CHECK(view.counts(kT + 72 * kHour).forgotten == 0);
}

TEST_CASE("a bouncer's filters hold for ends as well", "[crowdsec]") {
  CrowdsecView view(kT);
  ViewBouncer bouncer(&view);
  bouncer.filter.scenarios_not_containing = {"quiet"};
  Enforce(&view, {Ban("203.0.113.9", kT + kHour, "Quiet"), Ban("203.0.113.10", kT + kHour, "loud")}, kT);
  CHECK(bouncer.Pull(kT).news.size() == 1);
  CHECK(bouncer.Pull(kT + kHour).deleted == Rows{"ban Ip 203.0.113.10 -1s stockade/loud"});
}

TEST_CASE("what was told outlives a crash, and so does a release that nobody had pulled", "[crowdsec]") {
  const TemporaryFolder folder;
  const std::string file = folder / "state";
  const Decision lock = CrowdsecDecision(Action::kLock, Scope::kAccount, "al ice%\n\x7f", kT + kHour);
  {
    CrowdsecView view(kT);
    REQUIRE(view.Open(file, kT).ok());
    Enforce(&view,
            {Ban("203.0.113.9", kT + kHour), Ban("203.0.113.0/24", kT + 2 * kHour, "a rule"), lock,
             Ban("203.0.113.10", kT + kHour), Ban("203.0.113.11", kT + 1'000)},
            kT);
    Release(&view, Ban("203.0.113.10", 0), kT);
  }
  // A crash in the middle of a line.
  std::ofstream(file, std::ios::app) << "+ 17900 0 block ip human one r 203.0.113.2";
  const int64_t now_ms = kT + 60'000;
  CrowdsecView again(now_ms);
  REQUIRE(again.Open(file, now_ms).ok());
  const auto listed = again.List(now_ms);
  REQUIRE(listed->size() == 3);
  CHECK(std::any_of(listed->begin(), listed->end(), [&](const Enforced& enforced) {
    return enforced.key == OrderKey::Of(lock) && enforced.until_ms == lock.until_ms;
  }));
  ViewBouncer bouncer(&again);
  const StreamRows rows = bouncer.Pull(now_ms);
  CHECK(rows.news.size() == 2);
  CHECK(std::count(rows.news.begin(), rows.news.end(), "ban Range 203.0.113.0/24 1h59m0s stockade/a rule") ==
        1);
  CHECK(rows.deleted == Rows{"ban Ip 203.0.113.10 -1s stockade/many_accounts"});
  // Delivery found that this one is in force no more, and knows its key alone.
  Release(&again, Ban("203.0.113.9", 0), now_ms);
  CHECK(bouncer.Pull(now_ms).deleted.size() == 2);
  // And so on, from restart to restart.
  CrowdsecView third(now_ms);
  REQUIRE(third.Open(file, now_ms).ok());
  CHECK(ViewBouncer(&third).Pull(now_ms).deleted.size() == 2);
  CHECK(third.List(now_ms)->size() == 2);
}

TEST_CASE("what was prolonged before a crash comes back into the firewall's set after it", "[crowdsec]") {
  const TemporaryFolder folder;
  const std::string file = folder / "state";
  std::optional<CrowdsecView> view(kT);
  REQUIRE(view->Open(file, kT).ok());
  Enforce(&*view, {Ban("203.0.113.9", kT + kHour)}, kT);
  ModelFirewall firewall(&*view);
  firewall.Poll(kT);
  Enforce(&*view, {Ban("203.0.113.9", kT + 2 * kHour)}, kT);
  std::uintmax_t bytes = 0;
  for (int crash = 0; crash < 8; ++crash) {
    view.emplace(kT);
    REQUIRE(view->Open(file, kT).ok());
    if (crash == 0) bytes = std::filesystem::file_size(file);
    firewall.Reach(&*view);
    firewall.Poll(kT);
  }
  CHECK(std::filesystem::file_size(file) == bytes);
  for (int64_t now_ms = kT + kHour - 5'000; now_ms < kT + kHour + 60'000; now_ms += 10'000)
    firewall.Poll(now_ms);
  CHECK(firewall.At(kT + kHour + 60'000) == Rows{"203.0.113.9"});
}

TEST_CASE("a state file that cannot be written stops no decision, and is whole again later", "[crowdsec]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "in");
  CrowdsecView view(kT);
  CHECK_FALSE(CrowdsecView(kT).Open(folder / "nowhere/state", kT).ok());
  REQUIRE(view.Open(folder / "in/state", kT).ok());
  // Larger than the bytes that make it be written anew, and then there is no folder.
  std::vector<Decision> many;
  for (uint32_t i = 0; i < 30'000; ++i)
    many.push_back(Ban(Address::V4(0x0a000000 + i).ToString(), kT + kHour));
  Enforce(&view, many, kT);
  std::filesystem::rename(folder / "in", folder / "out");
  Enforce(&view, {Ban("203.0.113.9", kT + kHour)}, kT);
  CHECK(view.counts(kT).state_failures == 1);
  CHECK(view.List(kT)->size() == 30'001);
  std::filesystem::rename(folder / "out", folder / "in");
  Enforce(&view, {Ban("203.0.113.10", kT + kHour)}, kT);
  CHECK(view.counts(kT).state_failures == 1);
  CrowdsecView again(kT);
  REQUIRE(again.Open(folder / "in/state", kT).ok());
  CHECK(again.List(kT)->size() == 30'002);
}

TEST_CASE("lines that are no orders are none", "[crowdsec]") {
  Order order;
  Decision decision;
  for (const char* const line :
       {"", "+", "-", "+ x 0 block ip human one r v", "+ 1 0 ban ip human one r v",
        "+ 1 0 block planet human one r v", "+ 1 0 block ip human one r", "+ 1 0 block ip human one r v w",
        "- block ip human one v w", "+ 1 %zz block ip human one r v",
        "+ 99999999999999999999 0 block ip human one r v", "- block ip human one %4"}) {
    INFO(line);
    CHECK_FALSE(ParseStateLine(line, &order, &decision));
  }
  CHECK(ParseStateLine("- block ip human one 203.0.113.9", &order, &decision));
}

TEST_CASE("orders come while bouncers ask", "[crowdsec]") {
  CrowdsecView view(kT);
  std::atomic<bool> done = false;
  std::thread delivery([&] {
    for (int i = 0; i < 3'000; ++i) {
      const Decision ban = Ban(Concat("10.0.", i / 200 % 5, ".", i % 200), kT + kHour);
      const Order order{i % 3 == 0 ? Order::Kind::kRelease : Order::Kind::kEnforce, &ban};
      if (!view.Apply({&order, 1}, kT).ok()) std::abort();
    }
    done = true;
  });
  ViewBouncer bouncer(&view);
  std::map<std::string, int> held;
  const auto pull = [&] {
    const StreamRows rows = bouncer.Pull(kT);
    for (const std::string& row : rows.deleted) held.erase(row.substr(0, row.find(' ', 8)));
    for (const std::string& row : rows.news) held[row.substr(0, row.find(' ', 8))] = 1;
  };
  while (!done) pull();
  delivery.join();
  pull();
  CHECK(held.size() == view.List(kT)->size());
}

}  // namespace
}  // namespace stockade
