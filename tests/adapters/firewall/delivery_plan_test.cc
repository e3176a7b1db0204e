// Proven here: what a firewall is told, in which batches, when again, and what of it is counted and said. The clock is a
// number. That it ends well whatever happens is delivery_model_test.cc's.
#include "adapters/firewall/delivery_plan.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/adapters/firewall/plan_scene.h"

namespace stockade {
namespace {

constexpr int64_t kHourMs = 3'600'000;

Capabilities WithBatch(size_t batch_max) {
  Capabilities capabilities = CarriesBlocks();
  capabilities.batch_max = batch_max;
  return capabilities;
}
Capabilities Unlisted() {
  Capabilities capabilities = CarriesBlocks();
  capabilities.lists = false;
  return capabilities;
}
Capabilities Expiring() {
  Capabilities capabilities = CarriesBlocks();
  capabilities.expires = true;
  return capabilities;
}

TEST_CASE("of one key only the last word is told, and what cancels itself out is not told at all",
          "[delivery]") {
  PlanScene scene;
  scene.Run();
  const SharedDecision first = Share(scene.For("192.0.2.1", kHourMs));
  const SharedDecision longer = Share(scene.For("192.0.2.1", 2 * kHourMs));
  scene.Put(first);
  scene.Remove(first);
  scene.Put(longer);
  const SharedDecision gone = Share(scene.For("192.0.2.2", kHourMs));
  scene.Put(gone);
  scene.Remove(gone);
  CHECK(scene.plan.pending() == 1);
  CHECK(scene.Run() == 1);
  CHECK(scene.kernel->enforced() == 1);
  CHECK(scene.kernel->released() == 0);
  CHECK(scene.kernel->Stands() ==
        std::map<std::string, int64_t>{{TextOf(OrderKey::Of(*longer)), longer->until_ms}});
}

TEST_CASE("all that waits goes in batches of at most batch_max, releases first", "[delivery]") {
  PlanScene scene(WithBatch(10));
  scene.Run();
  std::vector<SharedDecision> old;
  for (int i = 0; i < 15; ++i) old.push_back(Share(scene.For("192.0.2." + std::to_string(i), kHourMs)));
  for (const SharedDecision& decision : old) scene.Put(decision);
  CHECK(scene.Run() == 2);
  for (int i = 0; i < 15; ++i) scene.Put(Share(scene.For("198.51.100." + std::to_string(i), kHourMs)));
  for (const SharedDecision& decision : old) scene.Remove(decision);
  for (size_t released = 0; released < 15;) {
    const DeliveryStep step = scene.plan.Next(scene.now);
    REQUIRE(step.kind == DeliveryStep::Kind::kApply);
    for (size_t i = 0; i < step.orders.size(); ++i, ++released)
      if (released < 15) CHECK(step.orders[i].kind == Order::Kind::kRelease);
    scene.plan.Applied(scene.kernel->Apply(step.orders, scene.now.wall_ms), scene.now);
  }
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 15);
  CHECK(scene.kernel->calls() == 2 + 3);
}

TEST_CASE("what a firewall does not carry, and shadows, never reach it", "[delivery]") {
  PlanScene scene;
  Decision shadow = scene.For("192.0.2.1", kHourMs);
  shadow.shadow = true;
  Decision lock = MakeDecision("alice", scene.now.wall_ms + kHourMs, Action::kLock, Scope::kAccount);
  scene.Put(Share(shadow));
  scene.Put(Share(lock));
  scene.Run();
  CHECK(scene.kernel->calls() == 0);
  CHECK(scene.plan.State(OrderKey::Of(lock)) == DeliveryState::kNotCarried);
  CHECK(scene.plan.Figures(scene.now).decided == 0);
}

TEST_CASE(
    "one bad order of a thousand is found in some calls, left out, said once, and tried again when it "
    "changes",
    "[delivery]") {
  for (const int bad : {0, 1, 499, 500, 998, 999}) {
    INFO(bad);
    PlanScene scene(WithBatch(1000));
    scene.Run();
    const std::string bad_value = "bad\n" + std::to_string(bad);
    scene.kernel->With([&](ModelKernel& kernel) { kernel.refuses_.insert(bad_value); });
    SharedDecision bad_decision;
    for (int i = 0; i < 1000; ++i) {
      const SharedDecision decision =
          Share(scene.For(i == bad ? bad_value : "v" + std::to_string(i), kHourMs));
      if (i == bad) bad_decision = decision;
      scene.Put(decision);
    }
    scene.Run();
    CHECK(scene.kernel->calls() <= 1 + 10 + 11 + 1);
    CHECK(scene.kernel->Stands().size() == 999);
    DeliveryFigures figures = scene.plan.Figures(scene.now);
    CHECK(figures.decided == 1000);
    CHECK(figures.enforced == 999);
    CHECK(figures.refused == 1);
    CHECK(figures.refusals == 1);
    CHECK(figures.pending == 0);
    CHECK_FALSE(figures.failing);
    CHECK(scene.plan.State(OrderKey::Of(*bad_decision)) == DeliveryState::kRefused);
    REQUIRE(scene.sayings.size() == 1);
    CHECK(scene.sayings[0].find("bad\\n") != std::string::npos);  // nobody writes a line of the log but us
    CHECK(scene.sayings[0].find('\n') == std::string::npos);
    const int calls = scene.kernel->calls();
    scene.RunFor(100'000);
    CHECK(scene.kernel->calls() == calls);
    CHECK(scene.plan.Figures(scene.now).drift_missing == 0);
    // Nor when everything is gone through anew; only when it changes.
    scene.kernel->With([](ModelKernel& kernel) { kernel.refuses_.clear(); });
    scene.Put(Share(scene.For(bad_value, 2 * kHourMs)));
    scene.Run();
    CHECK(scene.kernel->Stands().size() == 1000);
    figures = scene.plan.Figures(scene.now);
    CHECK(figures.enforced == 1000);
    CHECK(figures.refused == 0);
  }
}

TEST_CASE("where every order is bad, each costs about a call", "[delivery]") {
  PlanScene scene(WithBatch(1000));
  scene.Run();
  for (int i = 0; i < 1000; ++i) {
    const std::string value = "v" + std::to_string(i);
    scene.kernel->With([&](ModelKernel& kernel) { kernel.refuses_.insert(value); });
    scene.Put(Share(scene.For(value, kHourMs)));
  }
  scene.Run();
  CHECK(scene.kernel->calls() < 1000 + 20);
  CHECK(scene.plan.Figures(scene.now).refused == 1000);
  CHECK(scene.sayings.size() == 1);
  // They are over like any others.
  scene.RunFor(kHourMs);
  CHECK(scene.plan.Figures(scene.now).refused == 0);
  CHECK(scene.plan.Figures(scene.now).decided == 0);
}

TEST_CASE("an order on which the other side chokes without a word holds up nothing but itself",
          "[delivery]") {
  PlanScene scene(WithBatch(1000));
  scene.Run();
  scene.kernel->With([](ModelKernel& kernel) { kernel.chokes_on_.insert("v500"); });
  for (int i = 0; i < 1000; ++i) scene.Put(Share(scene.For("v" + std::to_string(i), kHourMs)));
  scene.RunFor(10'000);
  CHECK(scene.kernel->Stands().size() == 999);
  const DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.enforced == 999);
  CHECK(figures.pending == 1);
  CHECK(figures.lag_ms >= 9'000);
  // It is tried again and again, and not said again and again.
  CHECK(scene.sayings.size() <= 4);
  scene.kernel->With([](ModelKernel& kernel) { kernel.chokes_on_.clear(); });
  scene.RunFor(60'000);
  CHECK(scene.plan.Figures(scene.now).enforced == 1000);
}

TEST_CASE("a firewall that is down is tried less and less often, and says so once and once when it is back",
          "[delivery]") {
  PlanScene scene;
  scene.Run();
  scene.kernel->With([](ModelKernel& kernel) { kernel.down_ = true; });
  scene.Put(Share(scene.For("192.0.2.1", kHourMs)));
  std::vector<int64_t> tries_ns;
  const int64_t begin_ns = scene.now.steady_ns;
  int lists = scene.kernel->lists();
  while (tries_ns.size() < 16) {
    const int calls = scene.kernel->calls();
    scene.Run();
    if (scene.kernel->calls() > calls) tries_ns.push_back(scene.now.steady_ns);
    scene.Pass(10);
  }
  // 100 ms, 200 ms, … 30 s, each less up to a half, and 10 ms of our steps.
  int64_t wait_ms = 100;
  for (size_t i = 1; i < tries_ns.size(); ++i) {
    const int64_t waited_ms = (tries_ns[i] - tries_ns[i - 1]) / 1'000'000;
    CHECK(waited_ms >= wait_ms / 2);
    CHECK(waited_ms <= wait_ms + 10);
    wait_ms = std::min<int64_t>(2 * wait_ms, 30'000);
  }
  DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.failing);
  CHECK(figures.last_error == "connection refused");
  CHECK(figures.last_error_at_ms > 0);
  CHECK(figures.lag_ms == (scene.now.steady_ns - begin_ns) / 1'000'000);
  CHECK(figures.failed_calls >= 16);
  // Twice: orders, and what stands is listed meanwhile.
  CHECK(scene.kernel->lists() > lists);
  CHECK(scene.sayings.size() == 2);
  // Newer orders win over those that failed.
  scene.Put(Share(scene.For("192.0.2.1", 2 * kHourMs)));
  scene.kernel->With([](ModelKernel& kernel) { kernel.down_ = false; });
  lists = scene.kernel->lists();
  scene.RunFor(40'000);
  CHECK(scene.kernel->lists() > lists);
  CHECK(scene.sayings.size() == 4);
  figures = scene.plan.Figures(scene.now);
  CHECK_FALSE(figures.failing);
  CHECK(figures.enforced == 1);
  CHECK(figures.lag_ms == 0);
}

TEST_CASE("a call that failed half way is told again, whichever half it was", "[delivery]") {
  PlanScene scene(Unlisted());
  std::mt19937_64 random(5);
  scene.kernel->With([&](ModelKernel& kernel) { kernel.half_ = &random; });
  std::vector<SharedDecision> all;
  for (int i = 0; i < 50; ++i) all.push_back(Share(scene.For("v" + std::to_string(i), kHourMs)));
  scene.kernel->With([](ModelKernel& kernel) { kernel.fails_left_ = 1; });
  for (const SharedDecision& decision : all) scene.Put(decision);
  scene.Run();
  // Some stand, nobody knows which; now none should.
  for (const SharedDecision& decision : all) scene.Remove(decision);
  scene.RunFor(1000);
  CHECK(scene.kernel->Stands().empty());
  CHECK(scene.kernel->released() == 50);
}

TEST_CASE("what is over by the wall clock is released without any change, and never enforced", "[delivery]") {
  PlanScene scene;
  scene.Run();
  scene.Put(Share(scene.For("192.0.2.1", 5'000)));
  scene.Put(Share(scene.For("192.0.2.2", kHourMs)));
  scene.Put(Share(scene.For("192.0.2.3", 0)));
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 2);
  CHECK(scene.wait_ns <= 5'000'000'000);
  scene.Pass(4'999);
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 2);
  CHECK(scene.wait_ns == 1'000'000);
  scene.Pass(1);
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 1);
  CHECK(scene.plan.Figures(scene.now).decided == 1);
}

TEST_CASE("a firewall that expires by itself is told of no expiry, but of what is taken back", "[delivery]") {
  PlanScene scene(Expiring());
  scene.Run();
  const SharedDecision one = Share(scene.For("192.0.2.1", 5'000));
  const SharedDecision two = Share(scene.For("192.0.2.2", 5'000));
  const SharedDecision three = Share(scene.For("192.0.2.3", kHourMs));
  for (const SharedDecision& decision : {one, two, three}) scene.Put(decision);
  scene.Run();
  scene.Pass(4'500);
  scene.Remove(one, ChangeKind::kExpired);  // the ledger is half a second ahead
  scene.Remove(three);                      // by hand
  scene.Run();
  CHECK(scene.kernel->released() == 1);
  scene.Pass(600);
  scene.Run();
  CHECK(scene.kernel->released() == 1);
  CHECK(scene.kernel->Stands().empty());
  CHECK(scene.plan.Figures(scene.now).decided == 0);
  scene.Remove(two, ChangeKind::kExpired);
  CHECK(scene.plan.State(OrderKey::Of(*two)) == DeliveryState::kNothing);
  // A ledger an hour ahead does not leave somebody out for an hour.
  const SharedDecision four = Share(scene.For("192.0.2.4", kHourMs));
  scene.Put(four);
  scene.Run();
  scene.Remove(four, ChangeKind::kExpired);
  scene.Run();
  CHECK(scene.kernel->released() == 2);
}

TEST_CASE("what is taken back by hand is released, however soon it would have gone by itself", "[delivery]") {
  PlanScene scene(Expiring());
  scene.Run();
  const SharedDecision decision = Share(scene.For("192.0.2.1", 1'000));
  scene.Put(decision);
  scene.Run();
  scene.Remove(decision);
  scene.Run();
  CHECK(scene.kernel->released() == 1);
}

TEST_CASE("after a call that failed, the longer of what may stand is believed to", "[delivery]") {
  PlanScene scene(Expiring());
  scene.Run();
  const SharedDecision longer = Share(scene.For("192.0.2.1", kHourMs));
  const SharedDecision shorter = Share(scene.For("192.0.2.1", 10'000));
  scene.Put(longer);
  scene.Run();
  scene.Remove(longer);
  scene.Put(shorter);
  scene.kernel->With([](ModelKernel& kernel) { kernel.down_ = true; });
  scene.RunFor(11'000);
  CHECK(scene.kernel->Stands().size() == 1);  // the longer one
  scene.kernel->With([](ModelKernel& kernel) {
    kernel.down_ = false;
    kernel.list_fails_ = true;  // no list helps
  });
  scene.RunFor(20'000);
  CHECK(scene.kernel->Stands().empty());
}

TEST_CASE("where a longer order is refused, the one that stands is still released in the end", "[delivery]") {
  for (const bool adopted : {false, true}) {
    INFO("found at the start: " << adopted);
    PlanScene scene;
    const SharedDecision first = Share(scene.For("192.0.2.1", kHourMs));
    const SharedDecision longer = Share(scene.For("192.0.2.1", 2 * kHourMs));
    if (adopted) {
      scene.kernel->With([&](ModelKernel& kernel) {
        kernel.standing_[TextOf(OrderKey::Of(*first))] = {OrderKey::Of(*first), first->until_ms};
      });
    }
    scene.Put(first);
    scene.Run();
    CHECK(scene.kernel->Stands().size() == 1);
    scene.kernel->With([](ModelKernel& kernel) { kernel.refuses_.insert("192.0.2.1"); });
    scene.Put(longer);
    scene.Run();
    CHECK(scene.plan.State(OrderKey::Of(*longer)) == DeliveryState::kRefused);
    scene.kernel->With([](ModelKernel& kernel) { kernel.refuses_.clear(); });
    scene.Remove(longer);
    scene.Run();
    CHECK(scene.kernel->Stands().empty());
  }
}

TEST_CASE("a wall clock that was set back puts in force again what it had ended", "[delivery]") {
  PlanScene scene;
  scene.Run();
  scene.Put(Share(scene.For("192.0.2.1", 5'000)));
  scene.Run();
  scene.now.wall_ms += kHourMs;
  scene.Run();
  CHECK(scene.kernel->Stands().empty());
  scene.now.wall_ms -= kHourMs;
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 1);
  scene.RunFor(6'000);
  CHECK(scene.kernel->Stands().empty());
}

TEST_CASE("what the last run left is adopted, what it left too much released, and neither is drift",
          "[delivery]") {
  const Decision left = MakeDecision("192.0.2.1", 1'800'000'000'000 + kHourMs);
  PlanScene scene;
  Decision kept = left;
  Decision surplus = left;
  surplus.value = "192.0.2.2";
  Decision near = left, off = left;
  near.value = "192.0.2.3";
  off.value = "192.0.2.4";
  scene.kernel->With([&](ModelKernel& kernel) {
    for (const Decision& decision : {kept, surplus, near, off})
      kernel.standing_[TextOf(OrderKey::Of(decision))] = {OrderKey::Of(decision), decision.until_ms};
  });
  near.until_ms += 2000;
  off.until_ms += 2001;
  const Decision missing = MakeDecision("192.0.2.5", left.until_ms);
  const std::vector<SharedDecision> in_force = {Share(kept), Share(near), Share(off), Share(missing)};
  scene.plan.Replace(in_force, scene.now);
  scene.Run();
  CHECK(scene.kernel->enforced() == 2);  // off, missing
  CHECK(scene.kernel->released() == 1);
  CHECK(scene.kernel->Stands().size() == 4);
  const DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.enforced == 4);
  CHECK(figures.drift_missing == 0);
  CHECK(figures.drift_surplus == 0);
  CHECK(figures.reconciled_at_ms == scene.now.wall_ms);
  CHECK(figures.delay.count == 0);  // no change caused them
}

TEST_CASE("drift is found within an interval, put right, and counted; what waited is none", "[delivery]") {
  PlanScene scene;
  std::vector<SharedDecision> all;
  for (int i = 0; i < 10; ++i) all.push_back(Share(scene.For("192.0.2." + std::to_string(i), kHourMs)));
  for (const SharedDecision& decision : all) scene.Put(decision);
  scene.Run();
  const int enforced = scene.kernel->enforced();
  scene.kernel->With([&](ModelKernel& kernel) {
    kernel.standing_.erase(TextOf(OrderKey::Of(*all[0])));
    kernel.standing_[TextOf(OrderKey::Of(*all[1]))].until_ms += 5000;
    kernel.standing_[TextOf(OrderKey::Of(*all[2]))].until_ms -= 1000;
    const OrderKey foreign = OrderKey::Of(MakeDecision("198.51.100.7", 0));
    kernel.standing_[TextOf(foreign)] = {foreign, all[0]->until_ms};
  });
  scene.Pass(30'000);
  // These wait as the list is taken.
  scene.Put(Share(scene.For("203.0.113.1", kHourMs)));
  scene.Remove(all[9]);
  scene.Run();
  DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.drift_missing == 2);
  CHECK(figures.drift_surplus == 1);
  CHECK(scene.kernel->enforced() == enforced + 3);
  CHECK(scene.kernel->Stands().size() == 10);
  // A foreign flush, whole.
  scene.kernel->With([](ModelKernel& kernel) { kernel.standing_.clear(); });
  scene.RunFor(31'000);
  figures = scene.plan.Figures(scene.now);
  CHECK(figures.drift_missing == 12);
  CHECK(figures.enforced == 10);
  CHECK(scene.kernel->Stands().size() == 10);
}

TEST_CASE("a firewall whose clock is a second off is neither told of that nor blamed for it", "[delivery]") {
  PlanScene scene(Expiring());
  scene.Run();
  scene.Put(Share(scene.For("192.0.2.1", 29'500)));
  scene.Put(Share(scene.For("192.0.2.2", 30'500)));
  scene.Run();
  scene.kernel->With([&](ModelKernel& kernel) {
    for (auto& [key, it] : kernel.standing_)
      it.ends_ns += (it.key.value == "192.0.2.1" ? 1 : -1) * 1'000'000'000;
  });
  scene.Pass(30'000);
  CHECK(scene.Run() == 1);  // the list
  CHECK(scene.kernel->lists() == 2);
  const DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.drift_missing + figures.drift_surplus == 0);
}

TEST_CASE("whatever times a list tells, they are compared, and what is asked for is put back", "[delivery]") {
  for (const int64_t told_ms : {INT64_MIN, int64_t{-1}, int64_t{1}, INT64_MAX}) {
    PlanScene scene;
    const SharedDecision decision = Share(scene.For("192.0.2.1", kHourMs));
    scene.Put(decision);
    scene.Run();
    scene.kernel->With([&](ModelKernel& kernel) {
      for (auto& [key, it] : kernel.standing_) it.until_ms = told_ms;
      const OrderKey surplus = OrderKey::Of(MakeDecision("192.0.2.2", 0));
      kernel.standing_[TextOf(surplus)] = {surplus, told_ms};
    });
    scene.RunFor(31'000);
    CHECK(scene.kernel->Stands() ==
          std::map<std::string, int64_t>{{TextOf(OrderKey::Of(*decision)), decision->until_ms}});
    CHECK(scene.plan.Figures(scene.now).drift_missing == 1);
    CHECK(scene.plan.Figures(scene.now).drift_surplus == 1);
  }
}

TEST_CASE("settings of nothing and without end are taken for the shortest and the longest", "[delivery]") {
  for (const absl::Duration time :
       {absl::ZeroDuration(), -absl::InfiniteDuration(), absl::InfiniteDuration()}) {
    DeliverySettings settings;
    settings.reconcile_interval = settings.retry_first = settings.retry_longest = time;
    settings.queue_max = 0;
    PlanScene scene(CarriesBlocks(), settings);
    scene.kernel->With([](ModelKernel& kernel) { kernel.fails_left_ = 2; });
    scene.Put(Share(scene.For("192.0.2.1", 72 * kHourMs)));
    scene.Run();
    CHECK(scene.wait_ns > 0);
    for (int hour = 0; hour < 50; ++hour) {
      scene.Pass(kHourMs);
      scene.Run();
    }
    CHECK(scene.kernel->Stands().size() == 1);
  }
}

TEST_CASE("what changes while a list is taken is no drift", "[delivery]") {
  PlanScene scene;
  const SharedDecision old = Share(scene.For("192.0.2.1", kHourMs));
  scene.Put(old);
  scene.Run();
  scene.Pass(30'000);
  const DeliveryStep step = scene.plan.Next(scene.now);
  REQUIRE(step.kind == DeliveryStep::Kind::kList);
  const auto listed = scene.kernel->List(scene.now.wall_ms);
  scene.Remove(old);
  scene.Put(Share(scene.For("192.0.2.2", kHourMs)));
  scene.plan.Listed(listed, scene.now);
  scene.Run();
  const DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.drift_missing + figures.drift_surplus == 0);
  CHECK(scene.kernel->Stands().size() == 1);
}

TEST_CASE("a list that fails keeps no order from being applied", "[delivery]") {
  PlanScene scene;
  scene.kernel->With([](ModelKernel& kernel) { kernel.list_fails_ = true; });
  scene.Put(Share(scene.For("192.0.2.1", kHourMs)));
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 1);
  CHECK(scene.plan.Figures(scene.now).failing);
}

TEST_CASE("a release goes before a list that is due, unless nothing was ever listed", "[delivery]") {
  PlanScene scene;
  const SharedDecision old = Share(scene.For("192.0.2.1", kHourMs));
  scene.Put(old);
  CHECK(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kList);
  scene.plan.Listed(std::vector<Enforced>(), scene.now);
  scene.Run();
  scene.Pass(60'000);
  scene.Remove(old);
  const DeliveryStep step = scene.plan.Next(scene.now);
  REQUIRE(step.kind == DeliveryStep::Kind::kApply);
  scene.plan.Applied(scene.kernel->Apply(step.orders, scene.now.wall_ms), scene.now);
  CHECK(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kList);
}

TEST_CASE("a list that gave way to a release is no failure, and is taken again later", "[delivery]") {
  PlanScene scene;
  scene.Run();
  scene.Pass(30'000);
  REQUIRE(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kList);
  scene.Pass(1000);
  scene.plan.Listed(absl::AbortedError("gives way"), scene.now);
  CHECK_FALSE(scene.plan.Figures(scene.now).failing);
  CHECK(scene.plan.TakeSayings().empty());
  scene.Pass(8'900);
  CHECK(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kWait);
  scene.Pass(200);
  CHECK(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kList);
}

TEST_CASE("what is taken back before anything could be listed is released, for the last run may have left it",
          "[delivery]") {
  PlanScene scene;
  const SharedDecision old = Share(scene.For("192.0.2.1", kHourMs));
  scene.Put(old);
  scene.Run();
  REQUIRE(scene.kernel->Stands().size() == 1);
  // Another process, to which the firewall does not tell what stands.
  DeliveryPlan next("nft", CarriesBlocks(), {}, 2, scene.now);
  const SharedDecision standing[] = {old};
  next.Replace(standing, scene.now);
  REQUIRE(next.Next(scene.now).kind == DeliveryStep::Kind::kList);
  next.Listed(absl::UnavailableError("too much"), scene.now);
  next.Change({ChangeKind::kRemoved, old}, scene.now.steady_ns, scene.now);
  CHECK(next.State(OrderKey::Of(*old)) == DeliveryState::kPending);
  const DeliveryStep step = next.Next(scene.now);
  REQUIRE(step.kind == DeliveryStep::Kind::kApply);
  next.Applied(scene.kernel->Apply(step.orders, scene.now.wall_ms), scene.now);
  CHECK(next.State(OrderKey::Of(*old)) == DeliveryState::kNothing);
  CHECK(scene.kernel->Stands().empty());
}

TEST_CASE("a list that takes long, whether or not it comes to its end, is taken a tenth of the time",
          "[delivery]") {
  for (const bool fails : {false, true}) {
    INFO(fails);
    PlanScene scene;
    scene.Run();
    const auto lists_within = [&](int64_t ms) {
      int lists = 0;
      for (const int64_t end_ns = scene.now.steady_ns + ms * 1'000'000; scene.now.steady_ns < end_ns;
           scene.Pass(100)) {
        if (scene.plan.Next(scene.now).kind != DeliveryStep::Kind::kList) continue;
        scene.Pass(20'000);
        ++lists;
        if (fails) {
          scene.plan.Listed(absl::UnavailableError("too much"), scene.now);
        } else {
          scene.plan.Listed(std::vector<Enforced>(), scene.now);
        }
      }
      return lists;
    };
    const int lists = lists_within(2'000'000);
    CHECK(lists <= 11);
    CHECK(lists >= 8);
    // Orders go out meanwhile.
    scene.Put(Share(scene.For("192.0.2.1", kHourMs)));
    CHECK(scene.plan.Next(scene.now).kind == DeliveryStep::Kind::kApply);
  }
}

TEST_CASE("a list of a hundred thousand strange entries is worked off in parts", "[delivery]") {
  DeliverySettings settings;
  settings.queue_max = 1000;
  PlanScene scene(WithBatch(1000), settings);
  scene.kernel->With([&](ModelKernel& kernel) {
    for (int i = 0; i < 5000; ++i) {
      const OrderKey key = OrderKey::Of(MakeDecision("v" + std::to_string(i), 0));
      kernel.standing_[TextOf(key)] = {key, 0};
    }
  });
  scene.Run();
  CHECK(scene.kernel->Stands().size() == 4000);
  scene.RunFor(10'000);
  CHECK(scene.kernel->Stands().empty());
}

TEST_CASE(
    "one that does not list is sent everything when it comes back, and not more often than the interval",
    "[delivery]") {
  PlanScene scene(Unlisted());
  for (int i = 0; i < 10; ++i) scene.Put(Share(scene.For("192.0.2." + std::to_string(i), kHourMs)));
  scene.Run();
  CHECK(scene.kernel->enforced() == 10);
  scene.kernel->With([](ModelKernel& kernel) {
    kernel.standing_.clear();  // it fell over
    kernel.fails_left_ = 2;
  });
  scene.Put(Share(scene.For("198.51.100.1", kHourMs)));
  scene.RunFor(1000);
  CHECK(scene.kernel->Stands().size() == 11);
  const int enforced = scene.kernel->enforced();
  for (int i = 0; i < 20; ++i) {
    scene.kernel->With([](ModelKernel& kernel) { kernel.fails_left_ = 1; });
    scene.Put(Share(scene.For("198.51.101." + std::to_string(i), kHourMs)));
    scene.RunFor(1000);
  }
  CHECK(scene.kernel->enforced() <= enforced + 20 + 11);

  DeliverySettings settings;
  settings.resend = false;
  PlanScene quiet(Unlisted(), settings);
  const std::vector<SharedDecision> in_force = {Share(quiet.For("192.0.2.1", kHourMs))};
  quiet.plan.Replace(in_force, quiet.now);
  CHECK(quiet.Run() == 0);
  CHECK(quiet.plan.Figures(quiet.now).enforced == 1);
  quiet.Put(Share(quiet.For("192.0.2.2", kHourMs)));
  CHECK(quiet.Run() == 1);
  quiet.plan.Replace({}, quiet.now);
  quiet.Run();
  CHECK(quiet.kernel->released() == 2);
}

TEST_CASE("what one that does not list may hold still is released at the start, unless it is in force",
          "[delivery]") {
  PlanScene scene(Unlisted());
  const SharedDecision gone = Share(scene.For("192.0.2.1", kHourMs));
  const SharedDecision over = Share(scene.For("192.0.2.2", -kHourMs));
  const SharedDecision stands = Share(scene.For("192.0.2.3", kHourMs));
  const SharedDecision lock =
      Share(MakeDecision("alice", scene.now.wall_ms + kHourMs, Action::kLock, Scope::kAccount));
  scene.kernel->With([&](ModelKernel& kernel) {
    for (const SharedDecision& decision : {gone, over, stands})
      kernel.standing_[TextOf(OrderKey::Of(*decision))] = {OrderKey::Of(*decision), decision->until_ms};
    kernel.fails_left_ = 1;
  });
  scene.plan.Replace(std::vector{stands}, scene.now);
  scene.plan.MayStand(std::vector{gone, over, stands, lock, gone}, scene.now);
  scene.RunFor(1000);
  CHECK(scene.kernel->Stands() ==
        std::map<std::string, int64_t>{{TextOf(OrderKey::Of(*stands)), stands->until_ms}});
  CHECK(scene.kernel->released() == 2);
  CHECK(scene.plan.pending() == 0);

  DeliverySettings settings;
  settings.resend = false;
  PlanScene quiet(Unlisted(), settings);
  quiet.plan.Replace({}, quiet.now);
  quiet.plan.MayStand(std::vector{gone}, quiet.now);
  CHECK(quiet.Run() == 0);
  PlanScene listed;  // it will say itself what stands
  listed.plan.Replace({}, listed.now);
  listed.plan.MayStand(std::vector{gone}, listed.now);
  listed.Run();
  CHECK(listed.kernel->released() == 0);
}

TEST_CASE("going by what is in force tells only what differs", "[delivery]") {
  PlanScene scene(Unlisted());
  std::vector<SharedDecision> all;
  for (int i = 0; i < 100; ++i) all.push_back(Share(scene.For("v" + std::to_string(i), kHourMs)));
  scene.plan.Replace(all, scene.now);
  scene.Run();
  // The same decisions again, as other objects; one is gone, one lasts longer, one is new.
  std::vector<SharedDecision> again;
  for (size_t i = 1; i < 100; ++i) again.push_back(Share(*all[i]));
  again[0] = Share(scene.For(again[0]->value, 2 * kHourMs));
  again.push_back(Share(scene.For("new", kHourMs)));
  scene.plan.Replace(again, scene.now);
  CHECK(scene.plan.pending() == 3);
  scene.Run();
  CHECK(scene.kernel->enforced() == 102);
  CHECK(scene.kernel->released() == 1);
  CHECK(scene.kernel->Stands().size() == 100);
}

TEST_CASE("figures tell decided from enforced, how long the oldest waits, and how long it took",
          "[delivery]") {
  PlanScene scene;
  scene.Run();
  scene.kernel->With([](ModelKernel& kernel) { kernel.down_ = true; });
  for (int i = 0; i < 4; ++i) scene.Put(Share(scene.For("192.0.2." + std::to_string(i), kHourMs)));
  scene.Run();
  scene.Pass(40);
  DeliveryFigures figures = scene.plan.Figures(scene.now);
  CHECK(figures.decided == 4);
  CHECK(figures.enforced == 0);
  CHECK(figures.pending == 4);
  CHECK(figures.lag_ms == 40);
  CHECK(figures.applied == 0);
  scene.kernel->With([](ModelKernel& kernel) { kernel.down_ = false; });
  scene.Pass(160);
  scene.Run();
  figures = scene.plan.Figures(scene.now);
  CHECK(figures.enforced == 4);
  CHECK(figures.applied == 4);
  CHECK(figures.delay.count == 4);
  CHECK(figures.delay.QuantileUs(0.5) >= 200'000);
  CHECK(figures.delay.QuantileUs(0.99) <= 225'000);
}

TEST_CASE("an order that changes while it is on its way is told again, and each is timed from its own taking",
          "[delivery]") {
  PlanScene scene;
  scene.Run();
  const SharedDecision decision = Share(scene.For("192.0.2.1", kHourMs));
  scene.Put(decision);
  const DeliveryStep step = scene.plan.Next(scene.now);
  REQUIRE(step.kind == DeliveryStep::Kind::kApply);
  const absl::Status status = scene.kernel->Apply(step.orders, scene.now.wall_ms);
  scene.Pass(1000);
  scene.Remove(decision);
  CHECK(scene.plan.State(OrderKey::Of(*decision)) == DeliveryState::kPending);
  scene.Pass(10);
  scene.plan.Applied(status, scene.now);
  CHECK(scene.plan.Figures(scene.now).lag_ms == 10);
  scene.Run();
  CHECK(scene.kernel->Stands().empty());
  CHECK(scene.plan.State(OrderKey::Of(*decision)) == DeliveryState::kNothing);
  const DelayHistogram delay = scene.plan.Figures(scene.now).delay;
  CHECK(delay.count == 2);
  CHECK(delay.sum_us == 1'010'000 + 10'000);
}

TEST_CASE("a quantile of delays is never too low, and at most an eighth too high", "[delivery]") {
  for (const int64_t us : {0, 1, 7, 8, 9, 15, 16, 100, 1000, 12'345, 999'999, 60'000'000, 2'000'000'000}) {
    INFO(us);
    DelayHistogram delays;
    delays.Add(us * 1000);
    const auto at = static_cast<double>(delays.QuantileUs(0.99));
    CHECK(at > static_cast<double>(us));
    CHECK(at <= static_cast<double>(us) * 1.125 + 1);
  }
  DelayHistogram delays;
  CHECK(delays.QuantileUs(0.5) == 0);
  delays.Add(-5);
  delays.Add(INT64_MAX);
  CHECK(delays.QuantileUs(0.5) == 1);
  CHECK(delays.QuantileUs(1) == uint64_t{1} << 31);
}

}  // namespace
}  // namespace stockade
