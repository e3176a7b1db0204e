// Decisions and firewalls as people read them: tables, aligned, safe for a terminal.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decision/decision.h"
#include "tools/stockade/console.h"

namespace stockade {

// A table whose rows come in parts: the widths are those that the first part needs.
class TextTable {
 public:
  // `right`: for each column whether it stands on the right. The last one is not padded.
  TextTable(std::vector<std::string> heads, std::vector<bool> right)
      : heads_(std::move(heads)), right_(std::move(right)) {}
  // Each row has a text for each column, which may hold anything.
  void Print(const std::vector<std::vector<std::string>>& rows, const Console& console, std::ostream* out);

 private:
  const std::vector<std::string> heads_;
  const std::vector<bool> right_;
  std::vector<size_t> widths_;  // empty: nothing was printed yet
};

// A table of decisions with their time left.
class DecisionTable {
 public:
  DecisionTable();
  void Print(std::span<const Decision> decisions, int64_t now_ms, const Console& console, std::ostream* out);

 private:
  TextTable table_;
};

// What GET /decisions/ID says, for a person. Errors: it is none of that.
absl::Status PrintExplained(std::string_view json, int64_t now_ms, const Console& console, std::ostream* out);

// What GET /firewalls says; `troubled`: how many of them fail.
absl::Status PrintFirewalls(std::string_view lines, int64_t now_ms, const Console& console, std::ostream* out,
                            size_t* troubled);

// One line of the audit log: number, time, who, what, and the rest as key=value.
std::string AuditText(std::string_view json);

// Calls `visit` with each line of `text` that is not empty, without its end.
template <typename Visit>
void VisitLines(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace stockade
