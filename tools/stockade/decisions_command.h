// The parts of `stockade decisions`: one function a word behind it, and what several of them share.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/decision/decision.h"
#include "tools/stockade/admin_client.h"
#include "tools/stockade/console.h"

namespace stockade {

// `arguments` are those behind the word. Returns an ExitCode.
int RunDecisionsList(std::span<const std::string> arguments, Console& console);
int RunDecisionsExplain(std::span<const std::string> arguments, Console& console);
int RunDecisionsAdd(std::span<const std::string> arguments, Console& console);
int RunDecisionsDelete(std::span<const std::string> arguments, Console& console);
int RunDecisionsImport(std::span<const std::string> arguments, Console& console);
int RunDecisionsExport(std::span<const std::string> arguments, Console& console);
int RunDecisionsAudit(std::span<const std::string> arguments, Console& console);
int RunDecisionsFirewalls(std::span<const std::string> arguments, Console& console);
int RunDecisionsOff(std::span<const std::string> arguments, Console& console);
int RunDecisionsOn(std::span<const std::string> arguments, Console& console);

// Which decisions are meant.
struct FilterOptions {
  std::string scope, value, rule, action, campaign, contains;

  // As GET and DELETE /decisions take them; empty: all.
  std::vector<std::pair<std::string, std::string>> parameters() const;
};
void AddFilterOptions(CLI::App* app, FilterOptions* options);

// Hands over all that a filter names, a page at a time, soonest expiry first; `visit` returns whether to go on. What changes
// meanwhile is there or is not; nothing comes twice. The lines of the page are as they came.
absl::Status VisitDecisions(
    const AdminClient& client, const FilterOptions& filter,
    const std::function<bool(std::span<const Decision>, std::string_view lines)>& visit);

// What became of one line of POST /decisions.
struct AddAnswer {
  size_t line = 0;
  std::string state, id, why;
};
absl::StatusOr<std::vector<AddAnswer>> PostDecisions(const AdminClient& client, std::string_view lines);

int64_t WallClockMs();

}  // namespace stockade
