#include "adapters/firewall/crowdsec_bouncers.h"

#include <algorithm>
#include <cmath>

#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

// What a bouncer calls itself ends in metrics and on terminals: printable ASCII, and not much of it.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, CrowdsecBouncers::kAgentBytesMax));
  for (char& c : printable)
    if (c < ' ' || c > '~') c = '?';
  return printable;
}

std::string TextOf(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? Printable(text) : std::string();
}

absl::Status Required(std::string_view where) {
  return absl::OutOfRangeError(Concat("validation failure list:\n", where, " in body is required"));
}

absl::Status ReadItems(const dom::element& metrics, std::vector<CrowdsecFigure>* figures) {
  constexpr size_t kItemsMax = 4096;  // a hundred times what a bouncer sends
  dom::object meta;
  int64_t seconds;
  if (metrics["meta"].get(meta) != simdjson::SUCCESS) return Required("metrics.meta");
  for (const char* const name : {"window_size_seconds", "utc_now_timestamp"})
    if (meta[name].get(seconds) != simdjson::SUCCESS) return Required(Concat("metrics.meta.", name));
  dom::array items;
  if (metrics["items"].get(items) != simdjson::SUCCESS) return Required("metrics.items");
  for (const dom::element item : items) {
    dom::object object;
    CrowdsecFigure figure;
    if (item.get(object) != simdjson::SUCCESS) return Required("metrics.items");
    figure.name = TextOf(object, "name");
    figure.unit = TextOf(object, "unit");
    if (figure.name.empty()) return Required("metrics.items.name");
    if (figure.unit.empty()) return Required("metrics.items.unit");
    if (object["value"].get(figure.value) != simdjson::SUCCESS) return Required("metrics.items.value");
    if (!std::isfinite(figure.value) || figure.value < 0)
      return absl::OutOfRangeError("validation failure list:\nmetrics.items.value in body is no count");
    dom::object labels;
    if (object["labels"].get(labels) == simdjson::SUCCESS) {
      figure.origin = TextOf(labels, "origin");
      figure.remediation = TextOf(labels, "remediation");
      figure.ip_type = TextOf(labels, "ip_type");
    }
    if (figures->size() == kItemsMax) return absl::OutOfRangeError("more than 4096 items in one report");
    figures->push_back(std::move(figure));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CrowdsecFigure>> ParseUsageReport(std::string_view json) {
  dom::parser parser;
  dom::element root;
  const simdjson::error_code failed = parser.parse(json.data(), json.size()).get(root);
  if (failed != simdjson::SUCCESS) return absl::InvalidArgumentError(simdjson::error_message(failed));
  dom::object report;
  if (root.get(report) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("the report is no JSON object");
  std::vector<CrowdsecFigure> figures;
  dom::element components;
  if (report["remediation_components"].get(components) != simdjson::SUCCESS || components.is_null()) {
    dom::array processors;
    if (report["log_processors"].get(processors) == simdjson::SUCCESS && processors.size() == 1)
      return figures;
    return absl::OutOfRangeError("remediation component or log processor is missing in the report");
  }
  dom::array bouncers;
  if (components.get(bouncers) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("remediation_components is no array");
  if (bouncers.size() != 1) return absl::OutOfRangeError("expected a single remediation component");
  const dom::element bouncer = bouncers.at(0);
  std::string_view version;
  int64_t startup;
  if (bouncer["version"].get(version) != simdjson::SUCCESS)
    return Required("remediation_components.0.version");
  if (bouncer["utc_startup_timestamp"].get(startup) != simdjson::SUCCESS)
    return Required("remediation_components.0.utc_startup_timestamp");
  dom::element metrics;
  if (bouncer["metrics"].get(metrics) != simdjson::SUCCESS || metrics.is_null()) return figures;
  dom::array windows;
  if (metrics.get(windows) != simdjson::SUCCESS) return absl::InvalidArgumentError("metrics is no array");
  for (const dom::element window : windows) RETURN_IF_ERROR(ReadItems(window, &figures));
  return figures;
}

void CrowdsecBouncers::Note(const Id& id, std::string_view user_agent, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (bouncers_.size() >= kBouncersMax && !bouncers_.contains(id)) {
    bouncers_.erase(std::min_element(bouncers_.begin(), bouncers_.end(), [](const auto& a, const auto& b) {
      return a.second.asked_ms < b.second.asked_ms;
    }));
  }
  Bouncer& bouncer = bouncers_[id];
  bouncer.asked_ms = now_ms;
  const size_t slash = user_agent.find('/');
  bouncer.type = Printable(user_agent.substr(0, slash));
  bouncer.version = slash == std::string_view::npos ? std::string() : Printable(user_agent.substr(slash + 1));
}

CrowdsecCursor CrowdsecBouncers::CursorOf(const Id& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = bouncers_.find(id);
  return found == bouncers_.end() ? CrowdsecCursor() : found->second.cursor;
}

void CrowdsecBouncers::Handed(const Id& id, CrowdsecCursor cursor, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = bouncers_.find(id);
  if (found == bouncers_.end()) return;
  found->second.pulled_ms = now_ms;
  if (cursor.through >= found->second.cursor.through) found->second.cursor = std::move(cursor);
}

void CrowdsecBouncers::AddFigures(const Id& id, const std::vector<CrowdsecFigure>& figures) {
  const std::lock_guard lock(mutex_);
  const auto found = bouncers_.find(id);
  if (found == bouncers_.end()) return;
  auto& kept = found->second.figures;
  for (CrowdsecFigure figure : figures) {
    const double value = std::exchange(figure.value, 0);
    if (kept.size() >= kFiguresMax && !kept.contains(figure)) figure = {"other", "", "", "", "", 0};
    if (figure.name == "active_decisions") {
      kept[figure] = value;
    } else {
      kept[figure] += value;
    }
  }
}

void CrowdsecBouncers::AppendSamples(std::vector<CrowdsecSample>* samples) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, bouncer] : bouncers_) {
    const std::pair<std::string, std::string> name{"bouncer", id.name};
    const std::pair<std::string, std::string> address{"address", id.address};
    samples->push_back({"crowdsec_bouncer_last_pull_seconds",
                        {name, address, {"type", bouncer.type}, {"version", bouncer.version}},
                        static_cast<double>(bouncer.pulled_ms) / 1000});
    for (const auto& [figure, value] : bouncer.figures) {
      const bool is_level = figure.name == "active_decisions";
      samples->push_back({is_level ? "crowdsec_bouncer_active_decisions" : "crowdsec_bouncer_reported_total",
                          {name,
                           address,
                           {"name", figure.name},
                           {"unit", figure.unit},
                           {"origin", figure.origin},
                           {"remediation", figure.remediation},
                           {"ip_type", figure.ip_type}},
                          value});
    }
  }
}

}  // namespace stockade
