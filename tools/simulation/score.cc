#include "tools/simulation/score.h"

#include "engine/text.h"

namespace stockade {
namespace {

void Count(const SimulatedAttempt& login, const Verdict& verdict, const Settled& settled,
           CustomerScore* score) {
  score->Add(verdict.kind, settled.forwarded, login.truth.right);
}

void AppendCustomers(std::string_view key, const CustomerScore& score, std::string* out) {
  Append(out, "\"", key, "\":{\"attempts\":", score.attempts, ",\"denied\":", score.denied,
         ",\"challenged\":", score.challenged, ",\"turned_away\":", score.turned_away,
         ",\"throttled\":", score.throttled, ",\"stopped_right\":", score.stopped_right, "}");
}

}  // namespace

Score::Score(const WorldOptions& options)
    : campaigns_(options.attacks.size()), courses_(options.attacks.size()), locked_(options.customers) {
  for (size_t i = 0; i < campaigns_.size(); ++i) campaigns_[i].kind = options.attacks[i].kind;
}

void Score::Add(const World& world, const SimulatedAttempt& login, const Verdict& verdict,
                const Settled& settled) {
  ++attempts_;
  const Truth& truth = login.truth;
  if (settled.locked_now && truth.target < locked_.size()) {
    if (!settled.stranger_in_lock) {
      ++locks_.by_owner;
    } else if (truth.who == Who::kCustomer && verdict.kind == VerdictKind::kChallenge &&
               verdict.challenge_kind == ChallengeKind::kIdentity) {
      ++locks_.after_proof;
    } else {
      ++locks_.by_strangers;
      if (!locked_[truth.target]) ++locks_.customers_locked_by_strangers;
      locked_[truth.target] = true;
    }
  }
  if (truth.who == Who::kAggregator || truth.who == Who::kStaleClient) {
    Count(login, verdict, settled, &programs_);
    return;
  }
  if (truth.who == Who::kCustomer) {
    Count(login, verdict, settled, &customers_[static_cast<size_t>(world.period())][truth.history ? 1 : 0]);
    Count(login, verdict, settled, &by_lane_[static_cast<size_t>(verdict.lane)]);
    return;
  }
  CampaignScore& campaign = campaigns_[truth.campaign - 1];
  if (truth.cover) {
    ++campaign.cover;
    return;
  }
  courses_[truth.campaign - 1].Add({.time_ms = login.attempt.time_ns / 1'000'000,
                                    .right = truth.right,
                                    .challenged = verdict.kind == VerdictKind::kChallenge,
                                    .reached = settled.forwarded,
                                    .got_in = settled.outcome == Outcome::kSuccess},
                                   &campaign);
}

void Score::Finish() {
  for (size_t i = 0; i < campaigns_.size(); ++i) courses_[i].Settle(&campaigns_[i]);
}

std::string ToJson(const Score& score) {
  std::string out = Concat("{\"attempts\":", score.attempts(), ",\"campaigns\":[");
  for (size_t i = 0; i < score.campaigns().size(); ++i) {
    const CampaignScore& campaign = score.campaigns()[i];
    Append(&out, i == 0 ? "" : ",", "{\"campaign\":", i + 1, ",\"class\":\"", Name(campaign.kind),
           "\",\"attempts\":", campaign.attempts, ",\"reached\":", campaign.reached,
           ",\"reached_first_minute\":", campaign.reached_first_minute,
           ",\"reached_first_ten_minutes\":", campaign.reached_first_ten_minutes,
           ",\"cover\":", campaign.cover, ",\"challenges_solved\":", campaign.challenges_solved,
           ",\"valid_tried\":", campaign.valid_tried, ",\"taken_over\":", campaign.taken_over,
           ",\"first_stop\":");
    if (campaign.first_stop == 0) {
      Append(&out, "null");
    } else {
      Append(&out, campaign.first_stop, ",\"first_stop_ms\":", campaign.first_stop_ms);
    }
    Append(&out, ",\"settled_after\":");
    if (!campaign.settled) {
      Append(&out, "null}");
    } else {
      Append(&out, campaign.settled_after, ",\"settled_after_ms\":", campaign.settled_after_ms, "}");
    }
  }
  Append(&out, "],\"customers\":{");
  for (size_t period = 0; period < 3; ++period) {
    Append(&out, period == 0 ? "\"" : ",\"", kPeriodNames[period], "\":{");
    AppendCustomers("history", score.customers(static_cast<Period>(period), true), &out);
    Append(&out, ",");
    AppendCustomers("first_login", score.customers(static_cast<Period>(period), false), &out);
    Append(&out, "}");
  }
  Append(&out, ",\"lanes\":{");
  for (size_t lane = 0; lane < 4; ++lane) {
    if (lane > 0) Append(&out, ",");
    AppendCustomers(kLaneNames[lane], score.customers_in(static_cast<Lane>(lane)), &out);
  }
  Append(&out, "}},");
  AppendCustomers("programs", score.programs(), &out);
  const LockScore& locks = score.locks();
  Append(&out, ",\"locked\":{\"by_strangers\":", locks.by_strangers,
         ",\"customers_by_strangers\":", locks.customers_locked_by_strangers,
         ",\"after_proof\":", locks.after_proof, ",\"by_owner\":", locks.by_owner, "}}");
  return out;
}

}  // namespace stockade
