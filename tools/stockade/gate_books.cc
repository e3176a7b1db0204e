#include "tools/stockade/gate_books.h"

#include <utility>

#include "adapters/store/ndjson_log.h"
#include "engine/status.h"

namespace stockade {

absl::StatusOr<std::unique_ptr<GateBooks>> GateBooks::Open(
    const BookFiles& files, const std::vector<std::string>& inputs,
    const std::function<void(std::string_view)>& on_stop) {
  RETURN_IF_ERROR(LogFile::CheckNames({files.record, files.verdicts, files.decisions, files.alerts}, inputs));
  std::unique_ptr<GateBooks> books(new GateBooks);
  const auto open = [&on_stop](const std::string& path, std::unique_ptr<BackgroundLog>* log) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(*log, BackgroundLog::Create(path, on_stop));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(open(files.record, &books->record_));
  RETURN_IF_ERROR(open(files.verdicts, &books->verdicts_));
  RETURN_IF_ERROR(open(files.decisions, &books->decisions_));
  RETURN_IF_ERROR(open(files.alerts, &books->alerts_));
  return books;
}

void GateBooks::OnRecordLine(std::string_view text) {
  if (record_ != nullptr) record_->Append(text);
}

void GateBooks::OnVerdict(uint64_t line, const Attempt&, const Verdict& verdict) {
  if (verdicts_ == nullptr) return;
  line_.clear();
  AppendVerdict(line, verdict, &line_);
  verdicts_->Append(line_);
}

void GateBooks::OnDecision(const Decision& decision) {
  if (decisions_ != nullptr) decisions_->Append(ToJson(decision));
}

void GateBooks::OnAlert(const Alert& alert) {
  if (alerts_ == nullptr) return;
  line_.clear();
  AppendAlert(alert, &line_);
  alerts_->Append(line_);
}

void GateBooks::OnAlarm(const Alarm& alarm) {
  if (alerts_ == nullptr) return;
  line_.clear();
  AppendAlarm(alarm, &line_);
  alerts_->Append(line_);
}

std::vector<MetricSample> GateBooks::Samples() const {
  std::vector<MetricSample> samples;
  const std::pair<const char*, const BackgroundLog*> logs[] = {{"record", record_.get()},
                                                               {"verdicts", verdicts_.get()},
                                                               {"decisions", decisions_.get()},
                                                               {"alerts", alerts_.get()}};
  for (const auto& [name, log] : logs) {
    if (log == nullptr) continue;
    samples.push_back({"stockade_log_lines_lost_total",
                       "Lines that are not in a log because it has stopped",
                       MetricSample::Type::kCounter,
                       {{"log", name}},
                       static_cast<double>(log->lost())});
  }
  for (const auto& [name, log] : logs) {
    if (log == nullptr) continue;
    samples.push_back({"stockade_log_stopped",
                       "1 for a log that could not be written and has stopped",
                       MetricSample::Type::kGauge,
                       {{"log", name}},
                       log->stopped() ? 1.0 : 0.0});
  }
  return samples;
}

std::vector<absl::Status> GateBooks::Close() {
  std::vector<absl::Status> wrong;
  for (BackgroundLog* log : {record_.get(), verdicts_.get(), decisions_.get(), alerts_.get()}) {
    if (log == nullptr) continue;
    if (absl::Status status = log->Close(); !status.ok()) wrong.push_back(std::move(status));
  }
  return wrong;
}

}  // namespace stockade
