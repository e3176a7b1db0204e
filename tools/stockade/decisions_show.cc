// stockade decisions list and explain.
#include <algorithm>

#include "CLI/CLI.hpp"
#include "adapters/decision_json.h"
#include "engine/event/digits.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/decisions_text.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr std::string_view kListFooter = R"(
Soonest expiry first. All filters that are given must hold.

Examples:
  stockade decisions list -c stockade.yaml
  stockade decisions list -c stockade.yaml --contains 203.0.113.9
  stockade decisions list -c stockade.yaml --action lock --json | jq -r .value

Exit codes: 0 listed · 2 wrong arguments, or the instance cannot be reached · 130 interrupted
)";

constexpr std::string_view kExplainFooter = R"(
WHAT is the id of a decision (list shows it); an address, for all that stands on it and on networks that hold it; or the
value of a decision: a network, an account, an AS number.

Examples:
  stockade decisions explain -c stockade.yaml 0123456789abcdef
  stockade decisions explain -c stockade.yaml 203.0.113.9
  stockade decisions explain -c stockade.yaml alice

Exit codes: 0 explained · 1 nothing of this stands · 2 wrong arguments, or the instance cannot be reached
)";

// More of them on one address are a table's business.
constexpr size_t kExplainedMax = 20;

bool IsId(std::string_view text) {
  return text.size() == 16 && std::all_of(text.begin(), text.end(), [](char c) { return HexDigit(c) >= 0; });
}

absl::StatusOr<std::string> ExplanationOf(const AdminClient& client, std::string_view id) {
  return client.Ask("GET", Concat("/decisions/", id));
}

// The explanations of all that `what` names; none where nothing stands.
absl::StatusOr<std::vector<std::string>> Find(const AdminClient& client, const std::string& what) {
  std::vector<std::string> found;
  if (IsId(what)) {
    absl::StatusOr<std::string> one = ExplanationOf(client, what);
    if (one.ok()) return std::vector<std::string>{*std::move(one)};
    if (!absl::IsNotFound(one.status())) return one.status();
  }
  FilterOptions filter;
  (Address::Parse(what) ? filter.contains : filter.value) = what;
  std::vector<std::string> ids;
  RETURN_IF_ERROR(VisitDecisions(client, filter, [&](std::span<const Decision> page, std::string_view) {
    for (const Decision& decision : page)
      if (ids.size() < kExplainedMax) ids.push_back(decision.id);
    return ids.size() < kExplainedMax;
  }));
  for (const std::string& id : ids) {
    absl::StatusOr<std::string> one = ExplanationOf(client, id);
    if (one.ok()) {
      found.push_back(*std::move(one));
    } else if (!absl::IsNotFound(one.status())) {  // it may have ended meanwhile
      return one.status();
    }
  }
  return found;
}

}  // namespace

int RunDecisionsList(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  FilterOptions filter;
  bool json = false;
  size_t limit = 0;
  CLI::App app("Shows what stands, with reasons and time left.", "stockade decisions list");
  AddFilterOptions(&app, &filter);
  app.add_option("--limit", limit, "No more than so many")->type_name("N");
  app.add_flag("--json", json, "Print them as they are, an object of JSON a line");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kListFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  DecisionTable table;
  size_t count = 0;
  const absl::Status status =
      VisitDecisions(*client, filter, [&](std::span<const Decision> page, std::string_view lines) {
        const bool cut = limit > 0 && count + page.size() > limit;
        if (cut) page = page.first(limit - count);
        count += page.size();
        if (!json) {
          table.Print(page, WallClockMs(), console, &console.out);
        } else if (!cut) {
          console.out << lines;
        } else {
          for (const Decision& decision : page) console.out << ToJson(decision) << "\n";
        }
        return console.out.good() && (limit == 0 || count < limit);
      });
  if (!status.ok()) return Fail(console, FromAbsl(status.message()));
  if (Interrupted()) return kExitInterrupted;
  if (!json)
    console.err << (count == 0 ? "nothing of this stands"
                               : Concat(CountText(count), count == 1 ? " decision" : " decisions"))
                << "\n";
  return kExitFine;
}

int RunDecisionsExplain(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  std::string what;
  bool json = false;
  CLI::App app(
      "Says everything about a decision: what it does to whom, why, and whether firewalls carry it out.",
      "stockade decisions explain");
  app.add_option("WHAT", what, "An id, an address, or another value of a decision")->required();
  app.add_flag("--json", json, "Print JSON, an object a line");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kExplainFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  const absl::StatusOr<std::vector<std::string>> found = Find(*client, what);
  if (!found.ok()) return Fail(console, FromAbsl(found.status().message()));
  if (found->empty()) {
    console.err << "stockade: nothing stands on " << Quoted(what) << "\n";
    return kExitFindings;
  }
  bool first = true;
  for (const std::string& one : *found) {
    if (json) {
      console.out << one;
      continue;
    }
    if (!first) console.out << "\n";
    first = false;
    if (const absl::Status status = PrintExplained(one, WallClockMs(), console, &console.out); !status.ok())
      return Fail(console, FromAbsl(status.message()));
  }
  if (found->size() == kExplainedMax)
    console.err << "stockade: there may be more; stockade decisions list --contains shows all\n";
  return kExitFine;
}

}  // namespace stockade
