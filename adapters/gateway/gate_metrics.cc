#include "adapters/gateway/gate_metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "engine/gate/verdict.h"

namespace stockade {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Families in the order in which they were begun.
class Families {
 public:
  void Add(const std::string& name, const std::string& help, prometheus::MetricType type,
           const Labels& labels, double value) {
    prometheus::ClientMetric metric = Labelled(labels);
    (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    FamilyOf(name, help, type).metric.push_back(std::move(metric));
  }
  void Counter(const std::string& name, const std::string& help, const Labels& labels, uint64_t value) {
    Add(name, help, prometheus::MetricType::Counter, labels, static_cast<double>(value));
  }
  void Gauge(const std::string& name, const std::string& help, const Labels& labels, double value) {
    Add(name, help, prometheus::MetricType::Gauge, labels, value);
  }
  void Histogram(const std::string& name, const std::string& help, const Labels& labels,
                 const LatencyHistogram& histogram) {
    prometheus::ClientMetric metric = Labelled(labels);
    metric.histogram.sample_count = histogram.count;
    metric.histogram.sample_sum = static_cast<double>(histogram.sum_ns) * 1e-9;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < LatencyHistogram::kBoundsNs.size(); ++i) {
      cumulative += histogram.counts[i];
      metric.histogram.bucket.push_back(
          {cumulative, static_cast<double>(LatencyHistogram::kBoundsNs[i]) / 1e9});
    }
    FamilyOf(name, help, prometheus::MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  static prometheus::ClientMetric Labelled(const Labels& labels) {
    prometheus::ClientMetric metric;
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }
  prometheus::MetricFamily& FamilyOf(const std::string& name, const std::string& help,
                                     prometheus::MetricType type) {
    for (prometheus::MetricFamily& family : families_)
      if (family.name == name) return family;
    prometheus::MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
    return families_.back();
  }

  std::vector<prometheus::MetricFamily> families_;
};

void AddDesk(const DeskFigures& desk, Families* out) {
  for (const auto& [by, counts] : desk.verdicts_by) {
    for (size_t kind = 0; kind < counts.size(); ++kind) {
      if (counts[kind] == 0) continue;
      out->Counter("stockade_verdicts_total",
                   "Verdicts, by kind and by what gave them; by is empty for a plain allow",
                   {{"verdict", std::string(kVerdictNames[kind])}, {"by", by}}, counts[kind]);
    }
  }
  for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
    out->Counter("stockade_outcomes_total", "Outcomes told of attempts that were let through",
                 {{"outcome", std::string(kOutcomeNames[i])}}, desk.outcomes[i]);
  }
  out->Counter("stockade_outcomes_given_up_total",
               "Attempts let through whose outcome nobody told: taken as unknown", {}, desk.given_up);
  out->Counter("stockade_outcomes_unmatched_total",
               "Outcomes of tickets that are told, given up or were never given", {}, desk.unmatched);
  out->Counter("stockade_attempts_abandoned_total",
               "Attempts let through that never reached an upstream's answer", {}, desk.abandoned);
  out->Counter("stockade_attempts_seen_total", "Attempts that live sources brought", {}, desk.witnessed);
  out->Counter("stockade_attempts_clock_ahead_total",
               "Of those seen: of a clock ahead of ours by more than the lateness, taken as of now", {},
               desk.clock_ahead);
  out->Gauge("stockade_attempts_in_flight", "Attempts let through and not told of yet", {},
             static_cast<double>(desk.in_flight));
  out->Histogram("stockade_gate_seconds", "Time inside the engine, by call", {{"call", "assess"}},
                 desk.assess);
  out->Histogram("stockade_gate_seconds", "Time inside the engine, by call", {{"call", "observe"}},
                 desk.observe);
  out->Counter("stockade_alerts_total", "Findings of rules", {}, desk.engine.alerts);
  out->Counter("stockade_decisions_total", "Standing orders given", {}, desk.engine.decisions);
  out->Counter("stockade_times_total", "Attempts whose time was late and counted, or could not be counted",
               {{"time", "late"}}, desk.engine.late);
  out->Counter("stockade_times_total", "", {{"time", "too_late"}}, desk.engine.too_late);
  out->Counter("stockade_times_total", "", {{"time", "wild"}}, desk.engine.wild);
  out->Counter("stockade_scan_failures_total", "Pattern scans that failed and were answered the slow way", {},
               desk.engine.scan_failures);
  out->Gauge("stockade_memory_bytes", "What the engine keeps: windows, lanes, standing orders", {},
             static_cast<double>(desk.engine.memory_bytes));
  out->Gauge("stockade_familiar_accounts", "Accounts of which it is known who is at home", {},
             static_cast<double>(desk.familiar.accounts));
  out->Counter("stockade_familiar_evicted_total",
               "Accounts that were forgotten for want of memory, those with the fewest logins first", {},
               desk.familiar.given_way);
  out->Counter("stockade_decisions_evicted_total",
               "Decisions that gave way before their time, for want of memory (store.memory)", {},
               desk.engine.decisions_evicted);
  out->Counter("stockade_decisions_turned_away_total", "Decisions that never stood, for want of memory", {},
               desk.engine.decisions_turned_away);
  out->Counter("stockade_windows_evicted_total", "Windows given up for memory before their span was over", {},
               desk.engine.windows_evicted);
  out->Gauge("stockade_undercount_max",
             "The largest count an evicted window held: what a rule may have missed by", {},
             static_cast<double>(desk.engine.undercount_max));
  out->Gauge("stockade_challenges_remembered", "Passed challenges that nobody has used yet", {},
             static_cast<double>(desk.challenges_remembered));
  out->Counter("stockade_challenges_used_total", "Passed challenges that let an attempt through", {},
               desk.challenges_used);
  out->Counter("stockade_challenges_forgotten_total",
               "Passed challenges pushed out by newer ones before their time", {},
               desk.challenges_pushed_out);
  for (size_t i = 0; i < std::size(kModeNames); ++i) {
    out->Gauge("stockade_mode", "1 for the mode the gate is in", {{"mode", std::string(kModeNames[i])}},
               desk.mode == static_cast<Mode>(i) ? 1 : 0);
  }
}

void AddService(const VerdictCounters& service, Families* out) {
  for (size_t i = 0; i < VerdictCounters::kDialects; ++i) {
    out->Counter("stockade_service_requests_total", "Requests to the verdict service, by dialect",
                 {{"dialect", std::string(DialectName(i))}}, service.requests[i].load());
  }
  const std::string name = "stockade_service_unanswered_total";
  const std::string help = "Requests to the verdict service that the gate was not asked about, by why";
  out->Counter(name, help, {{"why", "not_login"}}, service.not_login.load());
  out->Counter(name, help, {{"why", "unreadable"}}, service.unreadable.load());
  out->Counter(name, help, {{"why", "not_allowed"}}, service.refused.load());
  out->Counter(name, help, {{"why", "misread"}}, service.misread.load());
}

}  // namespace

std::string MetricsText(const DeskFigures& desk, const VerdictCounters* service,
                        const std::vector<MetricSample>& others) {
  Families families;
  AddDesk(desk, &families);
  if (service != nullptr) AddService(*service, &families);
  for (const MetricSample& sample : others) {
    families.Add(sample.name, sample.help,
                 sample.type == MetricSample::Type::kCounter ? prometheus::MetricType::Counter
                                                             : prometheus::MetricType::Gauge,
                 sample.labels, sample.value);
  }
  return families.Text();
}

}  // namespace stockade
