// The figures of a gate's decisions outside of the engine: what is decided, what is enforced, how far each firewall is behind.
#include "engine/text.h"
#include "tools/stockade/gate_orders.h"

namespace stockade {
namespace {

using OrderSampleType = MetricSample::Type;
using Labels = std::vector<std::pair<std::string, std::string>>;

class Samples {
 public:
  void Add(std::string_view name, std::string_view help, OrderSampleType type, Labels labels, double value) {
    samples_.push_back({std::string(name), std::string(help), type, std::move(labels), value});
  }
  std::vector<MetricSample> Take() { return std::move(samples_); }

 private:
  std::vector<MetricSample> samples_;
};

// One figure of all firewalls.
struct FirewallFigure {
  std::string_view name;
  std::string_view help;
  OrderSampleType type;
  double (*value)(const DeliveryFigures&);
};
constexpr FirewallFigure kFirewallFigures[] = {
    {"stockade_firewall_decided", "Decisions in force that this firewall carries", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return static_cast<double>(f.decided); }},
    {"stockade_firewall_enforced", "Of those, the ones it has confirmed", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return static_cast<double>(f.enforced); }},
    {"stockade_firewall_refused", "Of those, the ones it can never carry out", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return static_cast<double>(f.refused); }},
    {"stockade_firewall_pending", "Orders that wait for it", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return static_cast<double>(f.pending); }},
    {"stockade_firewall_lag_seconds", "How long the oldest of them has waited", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return static_cast<double>(f.lag_ms) / 1000; }},
    {"stockade_firewall_failing", "1 while its last call failed", OrderSampleType::kGauge,
     [](const DeliveryFigures& f) { return f.failing ? 1.0 : 0.0; }},
    {"stockade_firewall_applied_total", "Orders it has confirmed", OrderSampleType::kCounter,
     [](const DeliveryFigures& f) { return static_cast<double>(f.applied); }},
    {"stockade_firewall_failed_calls_total", "Calls that failed", OrderSampleType::kCounter,
     [](const DeliveryFigures& f) { return static_cast<double>(f.failed_calls); }},
    {"stockade_firewall_overflows_total", "Times its queue ran over and all was compared instead",
     OrderSampleType::kCounter, [](const DeliveryFigures& f) { return static_cast<double>(f.overflows); }},
    {"stockade_firewall_missing_total", "Decisions that had gone from it and were enforced again",
     OrderSampleType::kCounter,
     [](const DeliveryFigures& f) { return static_cast<double>(f.drift_missing); }},
    {"stockade_firewall_surplus_total", "What stood there that nothing was in force for, and was released",
     OrderSampleType::kCounter,
     [](const DeliveryFigures& f) { return static_cast<double>(f.drift_surplus); }},
};

void AddStore(const StoreFigures& store, Samples* samples) {
  samples->Add("stockade_store_written_total", "Changes that are on the disk", OrderSampleType::kCounter, {},
               static_cast<double>(store.written));
  samples->Add("stockade_store_waiting", "Changes that are in memory alone", OrderSampleType::kGauge, {},
               static_cast<double>(store.waiting));
  samples->Add("stockade_store_lag_seconds", "How long the oldest of them has waited",
               OrderSampleType::kGauge, {}, static_cast<double>(store.lag_ms) / 1000);
  samples->Add("stockade_store_failing", "1 while the disk does not take them", OrderSampleType::kGauge, {},
               store.failing ? 1.0 : 0.0);
  samples->Add("stockade_store_failed_total", "Transactions that the disk refused", OrderSampleType::kCounter,
               {}, static_cast<double>(store.failed));
  samples->Add("stockade_store_unlisted_total", "Changes that the audit log tells only the number of",
               OrderSampleType::kCounter, {}, static_cast<double>(store.unlisted));
}

}  // namespace

std::vector<MetricSample> GateOrders::Samples() const {
  stockade::Samples samples;
  samples.Add("stockade_enforcing", "0 while the kill switch is off", OrderSampleType::kGauge, {},
              standing_->enforcing() ? 1.0 : 0.0);
  samples.Add("stockade_decisions_mirrored", "Decisions that stand, as people and firewalls see them",
              OrderSampleType::kGauge, {}, static_cast<double>(standing_->size()));
  samples.Add("stockade_alarms_total", "Alarms that were raised", OrderSampleType::kCounter, {},
              static_cast<double>(alarms_raised_));
  if (alarms_ != nullptr)
    samples.Add("stockade_alarms_dropped_total", "Alarms that no webhook was told, for want of room",
                OrderSampleType::kCounter, {}, static_cast<double>(alarms_->dropped()));
  if (writer_ != nullptr) AddStore(writer_->figures(), &samples);
  std::vector<std::pair<Labels, DeliveryFigures>> firewalls;
  for (const Carrier& carrier : carriers_)
    firewalls.emplace_back(Labels{{"firewall", carrier.delivery->name()}, {"kind", carrier.kind}},
                           carrier.delivery->Figures());
  for (const FirewallFigure& figure : kFirewallFigures)
    for (const auto& [labels, figures] : firewalls)
      samples.Add(figure.name, figure.help, figure.type, labels, figure.value(figures));
  for (const auto& [labels, figures] : firewalls) {
    for (const auto& [text, quantile] : {std::pair("0.5", 0.5), std::pair("0.99", 0.99)}) {
      Labels with_quantile = labels;
      with_quantile.emplace_back("quantile", text);
      samples.Add("stockade_firewall_delay_seconds", "From a change to its confirmation, since the start",
                  OrderSampleType::kGauge, std::move(with_quantile),
                  static_cast<double>(figures.delay.QuantileUs(quantile)) / 1e6);
    }
  }
  std::vector<MetricSample> all = samples.Take();
  for (const Carrier& carrier : carriers_) {
    if (carrier.api == nullptr) continue;
    for (CrowdsecSample& sample : carrier.api->Samples()) {
      sample.labels.insert(sample.labels.begin(), {"firewall", carrier.delivery->name()});
      const OrderSampleType type =
          sample.name.ends_with("_total") ? OrderSampleType::kCounter : OrderSampleType::kGauge;
      all.push_back({Concat("stockade_", sample.name), "Of CrowdSec's bouncers and machines", type,
                     std::move(sample.labels), sample.value});
    }
  }
  return all;
}

}  // namespace stockade
