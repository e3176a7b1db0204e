#include "adapters/firewall/haproxy_call.h"

#include "adapters/firewall/haproxy_text.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

absl::Status HaproxyCall::Run(const std::vector<std::string>& commands,
                              const std::function<absl::Status(size_t, std::string_view)>& complained) const {
  for (size_t begin = 0; begin < commands.size();) {
    std::string line;
    size_t end = begin;
    while (end < commands.size() &&
           (line.empty() || line.size() + commands[end].size() < kHaproxyLineBytesMax)) {
      Append(&line, line.empty() ? "" : ";", commands[end]);
      ++end;
    }
    line.push_back('\n');
    ASSIGN_OR_RETURN(const std::string text, Ask(line));
    ASSIGN_OR_RETURN(const std::vector<std::string_view> answers, SplitAnswers(text, end - begin));
    for (size_t i = 0; i < answers.size(); ++i)
      if (!answers[i].empty()) RETURN_IF_ERROR(complained(begin + i, answers[i]));
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status HaproxyError(std::string_view complaint, std::string_view name) {
  while (complaint.ends_with('\n')) complaint.remove_suffix(1);
  const auto contains = [complaint](std::string_view text) {
    return complaint.find(text) != std::string_view::npos;
  };
  const std::string said = Concat(name, ": HAProxy says '", PrintableText(complaint), "'");
  if (contains("Unknown map identifier") || contains("No such table")) {
    return absl::FailedPreconditionError(
        Concat(said, "; its configuration must use this one, under this very name"));
  }
  if (contains("Permission denied"))
    return absl::PermissionDeniedError(Concat(said, "; its `stats socket` needs `level admin`"));
  if (contains("is not a valid"))
    return absl::FailedPreconditionError(
        Concat(said, "; is this map used by map_ip and another converter, or does it hold something else?"));
  if (contains("llocate") || contains("ut of memory"))
    return absl::ResourceExhaustedError(Concat(said, "; it has no room for more"));
  return absl::UnavailableError(said);
}

}  // namespace stockade
