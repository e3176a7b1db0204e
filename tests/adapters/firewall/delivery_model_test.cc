// Proven here: whatever changes, fails, is forgotten, drifts or is switched off, in whatever order, a firewall that is left
// in peace for one interval holds exactly what is in force; and on the way there it is never told to enforce what is over,
// never handed one key twice in a batch, and the figures are those of a plain count. Oracle: a map.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>

#include "tests/adapters/firewall/plan_scene.h"

namespace stockade {
namespace {

constexpr int64_t kIntervalMs = 30'000;
// The plan's tolerance, and that the model lists whole seconds.
constexpr int64_t kClockMs = DeliveryPlan::kToleranceMs + 1000;

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), scene_(SomeCapabilities(), SomeSettings(), seed) {
    scene_.kernel->With([&](ModelKernel& kernel) {
      kernel.half_ = &random_;
      kernel.knows_until_ = knows_until_ = capabilities_.expires || Chance(50);
    });
    // What an earlier run left.
    if (lists()) Disturb();
    for (int i = 0; i < 5; ++i) ChangeSomething(false);
    ReplaceAll();
  }

  void Round() {
    const int steps = 5 + Below(60);
    for (int i = 0; i < steps; ++i) Step();
    Heal();
    // Expiries, retries of at most the longest wait, and an interval.
    scene_.RunFor(3 * kIntervalMs);
    Compare();
  }

 private:
  bool lists() const { return capabilities_.lists; }
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }

  const Capabilities& SomeCapabilities() {
    capabilities_.scopes[static_cast<int>(Action::kBlock)] =
        Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange);
    capabilities_.scopes[static_cast<int>(Action::kChallenge)] = Capabilities::Bit(Scope::kAccount);
    capabilities_.expires = Chance(50);
    capabilities_.lists = Chance(70);
    constexpr size_t kBatches[] = {1, 2, 7, 1000};
    capabilities_.batch_max = kBatches[Below(4)];
    return capabilities_;
  }
  DeliverySettings SomeSettings() {
    DeliverySettings settings;
    settings.reconcile_interval = absl::Milliseconds(kIntervalMs);
    settings.queue_max = Chance(50) ? 3 : 1000;  // of what a List has too much
    return settings;
  }

  Decision SomeDecision() {
    const int64_t ms = Chance(10) ? -Below(5000) : Chance(40) ? 1 + Below(5000) : 1 + Below(600'000);
    Decision decision = scene_.For("v" + std::to_string(Below(25)), ms);
    decision.scope = static_cast<Scope>(Below(5));
    decision.action = static_cast<Action>(Below(4));
    if (Chance(70)) {
      decision.scope = Scope::kIp;
      decision.action = Action::kBlock;
    }
    decision.challenge_kind = Chance(50) ? ChallengeKind::kHuman : ChallengeKind::kIdentity;
    return decision;
  }

  // As the ledger does, and tells of it unless the changes are lost.
  void ChangeSomething(bool told = true) {
    const bool tells = told && enforcing_;
    if (Chance(65) || in_force_.empty()) {
      const SharedDecision decision = Share(SomeDecision());
      const std::string key = TextOf(OrderKey::Of(*decision));
      const auto found = in_force_.find(key);
      if (found != in_force_.end() && found->second->until_ms >= decision->until_ms) return;
      const ChangeKind kind = found != in_force_.end() ? ChangeKind::kExtended : ChangeKind::kAdded;
      in_force_[key] = decision;
      if (tells) scene_.plan.Change({kind, decision}, scene_.now.steady_ns, scene_.now);
    } else {
      auto at = in_force_.begin();
      std::advance(at, Below(static_cast<int>(in_force_.size())));
      const SharedDecision decision = at->second;
      // Event time is near the wall's, or behind it as far as it likes.
      const bool over = decision->until_ms <= scene_.now.wall_ms + 1500;
      in_force_.erase(at);
      if (tells) scene_.Remove(decision, over ? ChangeKind::kExpired : ChangeKind::kRemoved);
    }
  }

  void ReplaceAll() {
    std::vector<SharedDecision> all;
    if (enforcing_)
      for (const auto& [key, decision] : in_force_) all.push_back(decision);
    scene_.plan.Replace(all, scene_.now);
  }

  // Somebody else takes out, puts in, or lets last longer.
  void Disturb() {
    scene_.kernel->With([&](ModelKernel& kernel) {
      if (Chance(40) && !kernel.standing_.empty()) {
        auto at = kernel.standing_.begin();
        std::advance(at, Below(static_cast<int>(kernel.standing_.size())));
        kernel.standing_.erase(at);
      }
      if (Chance(60)) {
        Decision decision = SomeDecision();
        if (!capabilities_.Carries(decision)) return;
        const OrderKey key = OrderKey::Of(decision);
        const int64_t until_ms = std::max(decision.until_ms, scene_.now.wall_ms + 1000);
        const int64_t ends_ns = capabilities_.expires
                                    ? scene_.now.steady_ns + (until_ms - scene_.now.wall_ms) * 1'000'000
                                    : INT64_MAX;
        kernel.standing_[TextOf(key)] = {key, until_ms, ends_ns};
      }
    });
  }

  void Step() {
    switch (Below(14)) {
      case 0:
        scene_.Pass(1 + Below(20'000));
        break;
      case 1:  // down for a while
        scene_.kernel->With([&](ModelKernel& kernel) { kernel.down_ = !kernel.down_; });
        break;
      case 2:
        scene_.kernel->With([&](ModelKernel& kernel) { kernel.fails_left_ = 1 + Below(3); });
        break;
      case 3:  // it falls over, and has forgotten all when it is back
        scene_.kernel->With([&](ModelKernel& kernel) {
          kernel.standing_.clear();
          kernel.fails_left_ = 1;
        });
        break;
      case 4:
        if (lists()) Disturb();
        break;
      case 5:  // a name that makes it choke, or one that it refuses
        scene_.kernel->With([&](ModelKernel& kernel) {
          (Chance(50) ? kernel.chokes_on_ : kernel.refuses_).insert("v" + std::to_string(Below(25)));
        });
        break;
      case 6:
        enforcing_ = !enforcing_;
        ReplaceAll();
        break;
      case 7:  // changes are lost on the way
        for (int i = Below(10); i > 0; --i) ChangeSomething(false);
        ReplaceAll();
        break;
      case 8:
        if (lists() && Chance(20)) scene_.now.wall_ms += Chance(50) ? -Below(20'000) : Below(20'000);
        break;
      case 9:
        if (lists()) scene_.kernel->With([&](ModelKernel& kernel) { kernel.list_fails_ = Chance(50); });
        break;
      case 10: {  // a call during which things change
        const DeliveryStep step = scene_.plan.Next(scene_.now);
        if (step.kind == DeliveryStep::Kind::kWait) break;
        absl::Status applied;
        absl::StatusOr<std::vector<Enforced>> listed;
        if (step.kind == DeliveryStep::Kind::kApply) {
          applied = scene_.kernel->Apply(step.orders, scene_.now.wall_ms);
        } else {
          listed = scene_.kernel->List(scene_.now.wall_ms);
        }
        for (int i = Below(6); i > 0; --i) ChangeSomething();
        if (Chance(20)) ReplaceAll();
        if (Chance(30)) scene_.Pass(Below(8000));
        if (step.kind == DeliveryStep::Kind::kApply) {
          scene_.plan.Applied(applied, scene_.now);
        } else {
          scene_.plan.Listed(listed, scene_.now);
        }
        break;
      }
      default:
        for (int i = Below(5); i > 0; --i) ChangeSomething();
        if (Chance(70)) scene_.Run();
    }
  }

  void Heal() {
    scene_.kernel->With([&](ModelKernel& kernel) {
      kernel.down_ = kernel.list_fails_ = false;
      kernel.chokes_on_.clear();
    });
    // One that does not list is found to have been away by a call.
    if (lists()) return;
    const SharedDecision probe = Share(scene_.For("probe", 3'600'000));
    in_force_[TextOf(OrderKey::Of(*probe))] = probe;
    if (enforcing_) scene_.Put(probe);
  }

  void Compare() {
    // Those about to be over may be gone by the firewall's own clock, or not yet.
    const int64_t now_ms = scene_.now.wall_ms;
    const auto is_about_to_end = [&](int64_t until_ms) {
      return until_ms > now_ms - kClockMs && until_ms <= now_ms + kClockMs;
    };
    std::map<std::string, ModelKernel::Standing> stands;
    std::set<std::string> refuses;
    scene_.kernel->Stands();  // lets go of what is over
    scene_.kernel->With([&](ModelKernel& kernel) {
      stands = kernel.standing_;
      refuses = kernel.refuses_;
    });
    size_t decided = 0;
    for (const auto& [key, decision] : in_force_) {
      if (!enforcing_ || !capabilities_.Carries(*decision) || decision->until_ms <= now_ms) continue;
      ++decided;
      INFO(key);
      const DeliveryState state = scene_.plan.State(OrderKey::Of(*decision));
      const auto found = stands.find(key);
      if (refuses.contains(decision->value)) {
        CHECK((state == DeliveryState::kEnforced || state == DeliveryState::kRefused));
      } else if (!is_about_to_end(decision->until_ms)) {
        CHECK(state == DeliveryState::kEnforced);
        REQUIRE(found != stands.end());
        const int64_t until_ms = capabilities_.expires
                                     ? now_ms + (found->second.ends_ns - scene_.now.steady_ns) / 1'000'000
                                     : found->second.until_ms;
        if (knows_until_) CHECK(std::abs(until_ms - decision->until_ms) <= kClockMs);
      }
      if (found != stands.end()) stands.erase(found);
    }
    for (const auto& [key, it] : stands) {
      INFO(key);
      if (!refuses.contains(it.key.value)) CHECK(is_about_to_end(it.until_ms));
    }
    const DeliveryFigures figures = scene_.plan.Figures(scene_.now);
    CHECK(figures.decided == decided);
    CHECK(figures.enforced + figures.refused == decided);
    CHECK(figures.pending == 0);
    CHECK(figures.lag_ms == 0);
    CHECK_FALSE(figures.failing);
  }

  std::mt19937_64 random_;
  Capabilities capabilities_;
  PlanScene scene_;
  std::map<std::string, SharedDecision> in_force_;
  bool enforcing_ = true;
  bool knows_until_ = true;
};

TEST_CASE("left in peace for an interval, a firewall holds exactly what is in force, whatever came before",
          "[delivery]") {
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    INFO("seed " << seed);
    Model model(seed);
    for (int round = 0; round < 3; ++round) {
      INFO("round " << round);
      model.Round();
    }
  }
}

}  // namespace
}  // namespace stockade
