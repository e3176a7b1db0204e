#include "adapters/store/ndjson_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "engine/text.h"

namespace stockade {
namespace {

void AppendNumber(uint64_t number, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out->append(digits, static_cast<size_t>(end - digits));
}

// Writes at `at`; returns the place behind it.
char* Put(std::string_view text, char* at) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}
// The same of a text whose size is known here, without a call.
template <size_t N>
char* Put(const char (&text)[N], char* at) {
  std::memcpy(at, text, N - 1);
  return at + N - 1;
}

void AppendMember(std::string_view key, std::string_view text, std::string* out) {
  if (text.empty()) return;
  out->append(",\"").append(key).append("\":");
  AppendJsonString(text, out);
}

// Whether both names lead to one regular file, or would once it is created.
bool SameRegularFile(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "-" || b == "-") return false;
  struct stat of_a;
  struct stat of_b;
  const bool a_is_there = stat(a.c_str(), &of_a) == 0;
  const bool b_is_there = stat(b.c_str(), &of_b) == 0;
  if (a_is_there != b_is_there) return false;
  if (a_is_there) return S_ISREG(of_a.st_mode) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
  std::error_code error;
  return a == b || std::filesystem::weakly_canonical(std::filesystem::absolute(a, error), error) ==
                       std::filesystem::weakly_canonical(std::filesystem::absolute(b, error), error);
}

}  // namespace

absl::Status LogFile::CheckNames(const std::vector<std::string>& outputs,
                                 const std::vector<std::string>& inputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    for (const std::string& input : inputs) {
      if (SameRegularFile(outputs[i], input)) {
        return absl::InvalidArgumentError(
            Concat(outputs[i], ": is an input too; writing it would destroy it. Name another file"));
      }
    }
    for (size_t j = 0; j < i; ++j) {
      if (outputs[i] == "-" && outputs[j] == "-")
        return absl::InvalidArgumentError("only one file can be - (standard output)");
      if (SameRegularFile(outputs[i], outputs[j])) {
        return absl::InvalidArgumentError(
            Concat(outputs[i], ": is named twice as an output. Name two files"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LogFile>> LogFile::Create(const std::string& path) {
  if (path == "-") return std::unique_ptr<LogFile>(new LogFile("standard output", STDOUT_FILENO));
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return absl::UnavailableError(Concat(path, ": cannot be written: ", std::strerror(errno)));
  return std::unique_ptr<LogFile>(new LogFile(path, file));
}

LogFile::~LogFile() {
  if (file_ > STDERR_FILENO) close(file_);
}

void LogFile::WriteOut() noexcept {
  size_t done = 0;
  while (error_ == 0 && done < buffer_.size()) {
    const ssize_t written = write(file_, buffer_.data() + done, buffer_.size() - done);
    if (written >= 0) {
      done += static_cast<size_t>(written);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

absl::Status LogFile::status() const {
  if (error_ == 0) return absl::OkStatus();
  return absl::UnavailableError(Concat(path_, ": cannot be written: ", std::strerror(error_)));
}

absl::Status LogFile::Flush() {
  WriteOut();
  return status();
}

absl::Status LogFile::Close() {
  WriteOut();
  if (file_ > STDERR_FILENO) {
    if (close(file_) != 0 && error_ == 0) error_ = errno;
    file_ = -1;
  }
  return status();
}

void AppendVerdict(uint64_t line, const Verdict& verdict, std::string* out) {
  // What every line has is put together where its size is bounded, and appended at once.
  char head[96];
  char* at = Put("{\"line\":", head);
  at = std::to_chars(at, at + 20, line).ptr;
  at = Put(",\"verdict\":\"", at);
  at = Put("\"", verdict.kind == VerdictKind::kAllow ? Put("allow", at) : Put(Name(verdict.kind), at));
  if (verdict.kind == VerdictKind::kChallenge)
    at = Put("\"", Put(Name(verdict.challenge_kind), Put(",\"kind\":\"", at)));
  if (verdict.by.empty() && verdict.reason.empty()) {
    at = Put("}", at);
    out->append(head, static_cast<size_t>(at - head));
    return;
  }
  out->append(head, static_cast<size_t>(at - head));
  AppendMember("by", verdict.by, out);
  AppendMember("reason", verdict.reason, out);
  out->push_back('}');
}

void AppendUnreadable(uint64_t line, std::string* out) {
  out->append("{\"line\":");
  AppendNumber(line, out);
  out->append(",\"verdict\":\"unreadable\"}");
}

void AppendAlarm(const Alarm& alarm, std::string* out) {
  out->append("{\"time\":\"").append(FormatTimeMs(alarm.time_ms));
  out->push_back('"');
  AppendMember("alarm", alarm.kind, out);
  AppendMember("rule", alarm.rule, out);
  AppendMember("decision", alarm.decision_id, out);
  AppendMember("text", alarm.text, out);
  out->push_back('}');
}

void AppendAlert(const Alert& alert, std::string* out) {
  out->append("{\"time\":\"").append(FormatTimeMs(alert.time_ms));
  out->push_back('"');
  AppendMember("rule", alert.rule, out);
  AppendMember("title", alert.title, out);
  AppendMember("level", alert.level, out);
  AppendMember("condition", alert.condition, out);
  if (alert.span_ms > 0) {
    AppendMember("field", alert.counted_field, out);
    out->append(",\"value\":");
    AppendJsonNumber(alert.value, out);
    if (alert.at_least) out->append(",\"at_least\":true");
    if (alert.estimated) out->append(",\"estimated\":true");
    AppendMember("span", FormatSpanMs(alert.span_ms), out);
    AppendMember("first", FormatTimeMs(alert.first_ms), out);
    AppendMember("last", FormatTimeMs(alert.last_ms), out);
  }
  if (!alert.group.empty()) {
    out->append(",\"group\":{");
    for (size_t i = 0; i < alert.group.size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJsonString(alert.group[i].first, out);
      out->push_back(':');
      AppendJsonString(alert.group[i].second, out);
    }
    out->push_back('}');
  }
  if (const DetectorFinding& found = alert.found; !found.detector.empty()) {
    AppendMember("detector", found.detector, out);
    out->append(",\"score\":");
    AppendJsonNumber(found.score, out);
    out->append(",\"threshold\":");
    AppendJsonNumber(found.threshold, out);
    AppendMember("setting", found.setting, out);
    if (found.since_ms != 0) AppendMember("since", FormatTimeMs(found.since_ms), out);
  }
  out->push_back('}');
}

void AppendJsonNumber(double value, std::string* out) {
  if (!std::isfinite(value)) value = 0;
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out->append(digits, static_cast<size_t>(end - digits));
}

}  // namespace stockade
