#include "tools/tuning/tuning_report.h"

#include <algorithm>

#include "engine/text.h"
#include "tools/stockade/console.h"
#include "tools/tuning/proxy_labels.h"

namespace stockade {

const Figures* TuningReport::budget_run() const {
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!budget_changes.empty() && candidates[i].changes == budget_changes) return &runs[i];
  }
  return nullptr;
}

Comparison Compare(const TuningReport& report, size_t run) {
  if (report.candidates[run].changes.empty()) return Comparison::kCurrent;
  const Costs current = CostsOf(report.current());
  const Costs costs = CostsOf(report.runs[run]);
  if (IsNoWorse(costs, current)) return HasGain(costs, current) ? Comparison::kBetter : Comparison::kAlike;
  return HasGain(costs, current) ? Comparison::kTrade : Comparison::kWorse;
}

std::vector<std::string> HowItWasJudged(const TuningReport& report) {
  std::vector<std::string> told;
  const Labels& labels = report.backtest.labels;
  told.push_back(
      "Each candidate was run over the whole log as if it had stood in front of the gateway that wrote it: "
      "what it stops is not "
      "observed, and counts for nothing that follows. What a log cannot say is what a customer who was asked "
      "would have answered; "
      "without login.challenge in the log he counts as turned away. Attackers do in a log what they did "
      "then, whatever stops them.");
  if (!labels.guessed) {
    told.push_back(Concat("Who was who says ", report.labels_file, ". ", CountText(labels.without_label),
                          " attempts have no label and judge nothing; ", CountText(labels.without_attempt),
                          " labels name lines that hold no attempt."));
  } else {
    told.push_back(Concat(
        "Nobody labelled this log; who was who is guessed. A customer's is an attempt whose network (/24, "
        "/48) and device (cookie, or "
        "JA4 and user agent) got in on that account, earlier or later in the log, in a success that was not "
        "itself inside a "
        "campaign. Inside a campaign is what, on one day, came from an address, network, fingerprint or with "
        "a password id under which ",
        ProxyRules::kAccountsMin, " or more accounts failed and more than ", ProxyRules::kFailuresPerSuccess,
        " times as many as got in; and what fell into an hour in which ", ProxyRules::kHourMin,
        " or more accounts, and ", ProxyRules::kHourTimes,
        " times as many as usual at that hour, failed for strangers. An attack's is what is no customer's "
        "and came from such a place, or failed in "
        "such an hour. ",
        CountText(labels.without_label), " attempts are neither, and judge nothing."));
    told.push_back(
        "The guess has limits. A customer who never gets in from where he tries is nobody's customer: the "
        "harm that is counted "
        "is too small. An attacker who gets in outside of campaigns is a customer: stopping him counts as "
        "harm. And it is circular: "
        "the detectors learn who is at home from the same successes, and look for the same marks of "
        "campaigns, so that they look "
        "better here than they are. Take it to compare settings with each other; where it matters, label "
        "some days by hand.");
  }
  const LockoutRule& lock = report.backtest.lock;
  told.push_back(lock.limit == 0
                     ? "The gateway has no lock."
                     : Concat("The gateway's lock is played: ", lock.limit,
                              " wrong passwords in a row that reached the check lock an account once, and "
                              "the row begins anew. "
                              "Attempts that the log says met a locked account count for nothing."));
  told.push_back(
      "A setting is better if nothing got worse by it on this log, within 1 % or two attempts, and something "
      "better by 5 % and three "
      "attempts. A log proves no setting needless: what an attack that is not in it would have done, it does "
      "not say. So detectors are tried "
      "off, to show what each is worth here, and that is never recommended. Try a recommendation on days it "
      "was not made from.");
  return told;
}

}  // namespace stockade
