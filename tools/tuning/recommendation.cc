#include "tools/tuning/recommendation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "engine/text.h"

namespace stockade {
namespace {

uint64_t Tolerance(uint64_t current) {
  return std::max(kLossAttemptsMax, static_cast<uint64_t>(static_cast<double>(current) * kLossMax));
}

bool IsGain(uint64_t cost, uint64_t current) {
  if (cost >= current) return false;
  const uint64_t gain = current - cost;
  return gain >= kGainAttemptsMin && static_cast<double>(gain) >= static_cast<double>(current) * kGainMin;
}

double Share(uint64_t cost, uint64_t current) {
  return (static_cast<double>(current) - static_cast<double>(cost)) /
         static_cast<double>(std::max<uint64_t>(current, 1));
}

// A map of settings: a value, or a section.
struct Section {
  std::string value;
  std::map<std::string, Section> below;
};

// A text as YAML must have it: quoted where something in it could mean something else.
std::string YamlText(const std::string& text) {
  const bool plain =
      !text.empty() &&
      std::ranges::all_of(text,
                          [](unsigned char c) {
                            return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '%';
                          }) &&
      text[0] != '-' && text[0] != '%';
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

void Write(const Section& section, size_t depth, std::string* out) {
  for (const auto& [key, below] : section.below) {
    Append(out, std::string(depth * 2, ' '), YamlText(key), ":");
    if (below.below.empty()) {
      Append(out, " ", YamlText(below.value), "\n");
    } else {
      Append(out, "\n");
      Write(below, depth + 1, out);
    }
  }
}

}  // namespace

Costs CostsOf(const Figures& figures) {
  const CampaignFigures attack = figures.attack();
  const CustomerScore customer = figures.customer();
  return {attack.reached, attack.taken_over, customer.challenged + customer.throttled, customer.denied,
          figures.locks.by(LockedBy::kStranger)};
}

bool IsNoWorse(const Costs& costs, const Costs& current) {
  return costs.reached <= current.reached + Tolerance(current.reached) &&
         costs.asked <= current.asked + Tolerance(current.asked) && costs.taken_over <= current.taken_over &&
         costs.denied <= current.denied && costs.locked <= current.locked;
}

bool HasGain(const Costs& costs, const Costs& current) {
  return IsGain(costs.reached, current.reached) || IsGain(costs.asked, current.asked) ||
         IsGain(costs.denied, current.denied) || costs.taken_over < current.taken_over ||
         costs.locked < current.locked;
}

bool IsBetter(const Costs& costs, const Costs& current) {
  return IsNoWorse(costs, current) && HasGain(costs, current);
}

double GainOf(const Costs& costs, const Costs& current) {
  return Share(costs.reached, current.reached) + Share(costs.asked, current.asked) +
         Share(costs.denied, current.denied) + Share(costs.taken_over, current.taken_over) +
         Share(costs.locked, current.locked);
}

std::vector<size_t> ParetoFront(const std::vector<Costs>& costs) {
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return costs[a].touched() != costs[b].touched() ? costs[a].touched() < costs[b].touched()
                                                    : costs[a].reached < costs[b].reached;
  });
  std::vector<size_t> front;
  for (const size_t one : order) {
    if (front.empty() || costs[one].reached < costs[front.back()].reached) front.push_back(one);
  }
  return front;
}

bool MayRecommend(const SettingOverride& change) {
  constexpr std::array<std::string_view, 4> kNumbers = {"detectors.evidence.", "detectors.charts.",
                                                        "thresholds.", "policy."};
  return std::ranges::any_of(kNumbers,
                             [&](std::string_view prefix) { return change.path.starts_with(prefix); });
}

std::vector<SettingOverride> BudgetChanges(const AlarmBudget& budget, const EngineOptions& current) {
  std::vector<SettingOverride> changes;
  if (budget.quiet_days == 0 || !current.detectors.has_value()) return changes;
  const DetectorSettings& settings = *current.detectors;
  const auto differ = [](double a, double b) { return std::abs(a - b) >= 0.05; };
  if (differ(budget.pressure_h, settings.pressure.h))
    changes.push_back({"detectors.charts.h", Concat(std::min(budget.pressure_h, 20.0))});
  // As far as it may be set, and below what condemns.
  const double suspect = std::min({budget.source_h, 12.0, settings.evidence.condemned - 1.0});
  if (differ(suspect, settings.evidence.suspect))
    changes.push_back({"detectors.evidence.suspect", Concat(suspect)});
  return changes;
}

std::vector<std::vector<SettingOverride>> Combine(const std::vector<Candidate>& candidates,
                                                  const std::vector<Figures>& runs,
                                                  const std::vector<SettingOverride>& budget) {
  const Costs current = CostsOf(runs[0]);
  // The best change of each setting, of those that are better alone.
  std::map<std::string, std::pair<double, SettingOverride>> best;
  for (size_t i = 1; i < candidates.size(); ++i) {
    const Costs costs = CostsOf(runs[i]);
    if (candidates[i].changes.size() != 1 || !MayRecommend(candidates[i].changes[0]) ||
        !IsBetter(costs, current))
      continue;
    const double gain = GainOf(costs, current);
    const SettingOverride& change = candidates[i].changes[0];
    const auto [found, added] = best.try_emplace(change.path, gain, change);
    if (!added && gain > found->second.first) found->second = {gain, change};
  }
  std::vector<SettingOverride> winners;
  for (const auto& [path, winner] : best) winners.push_back(winner.second);
  // A change of the budget wins over one of the same setting.
  const auto with_winners = [&winners](std::vector<SettingOverride> changes) {
    for (const SettingOverride& winner : winners) {
      if (std::ranges::find(changes, winner.path, &SettingOverride::path) == changes.end())
        changes.push_back(winner);
    }
    return changes;
  };
  std::vector<std::vector<SettingOverride>> wanted = {with_winners(budget)};
  for (const SettingOverride& change : budget) wanted.push_back(with_winners({change}));
  wanted.push_back(budget);
  for (const SettingOverride& change : budget) wanted.push_back({change});
  wanted.push_back(winners);
  std::vector<std::vector<SettingOverride>> combined;
  for (std::vector<SettingOverride>& changes : wanted) {
    if (!changes.empty() && std::ranges::find(combined, changes) == combined.end())
      combined.push_back(std::move(changes));
  }
  return combined;
}

std::optional<size_t> Recommend(const std::vector<Candidate>& candidates, const std::vector<Figures>& runs,
                                const std::vector<size_t>& wanted) {
  const Costs current = CostsOf(runs[0]);
  for (const size_t run : wanted) {
    if (IsNoWorse(CostsOf(runs[run]), current)) return run;
  }
  std::optional<size_t> best;
  for (size_t i = 1; i < runs.size(); ++i) {
    const Costs costs = CostsOf(runs[i]);
    if (!std::ranges::all_of(candidates[i].changes, MayRecommend) || !IsBetter(costs, current)) continue;
    if (!best || GainOf(costs, current) > GainOf(CostsOf(runs[*best]), current)) best = i;
  }
  return best;
}

std::string ToYaml(const std::vector<SettingOverride>& changes) {
  Section root;
  for (const SettingOverride& change : changes) {
    Section* section = &root;
    for (const std::string& key : SettingKeys(change.path)) section = &section->below[key];
    section->value = change.value;
  }
  std::string yaml;
  Write(root, 0, &yaml);
  return yaml;
}

}  // namespace stockade
