// stockade decisions add, delete, off and on.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "adapters/decision_json.h"
#include "adapters/new_decision.h"
#include "engine/decision/policy.h"
#include "engine/event/digits.h"
#include "engine/rule/finding.h"
#include "engine/rule/span_text.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"
#include "tools/stockade/command.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/decisions_text.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr std::string_view kAddFooter = R"(
VALUE is an address, a network or AS64500; of anything else --scope says what it is. Accounts are locked, everything else is
blocked, unless --action says otherwise. Where one stands already that lasts as long, it stays.

Examples:
  stockade decisions add -c stockade.yaml 203.0.113.9 --reason "scans us"
  stockade decisions add -c stockade.yaml 203.0.113.0/24 2001:db8::/48 --for 6h --action challenge --reason "ticket 4711"
  stockade decisions add -c stockade.yaml --scope account alice --for 2h --all-lanes --reason "fell for a mail"

Exit codes: 0 all of them stand · 1 some were refused · 2 wrong arguments, or the instance cannot be reached
)";

constexpr std::string_view kDeleteFooter = R"(
By ids, or by filters, all of which must hold. With filters it asks first, or wants --yes where nobody can be asked.
Lifted means lifted everywhere: firewalls let go, and the audit log says who did it.

Examples:
  stockade decisions delete -c stockade.yaml 0123456789abcdef fedcba9876543210
  stockade decisions delete -c stockade.yaml --value 203.0.113.9 --reason "our own scanner"
  stockade decisions delete -c stockade.yaml --rule many_accounts --yes --reason "rule was wrong"

Exit codes: 0 lifted · 1 nothing of it stands, or not confirmed · 2 wrong arguments, or the instance cannot be reached
)";

constexpr std::string_view kSwitchFooter = R"(
off: every firewall lets everything go. Decisions stay and are made as before, and the gate goes on deciding itself;
PUT /mode observe stops that too. on: what stands by then is enforced again.

Examples:
  stockade decisions off -c stockade.yaml --reason "customers report blocks, looking into it"
  stockade decisions on -c stockade.yaml --reason "was the load balancer"

Exit codes: 0 switched · 2 wrong arguments, or the instance cannot be reached
)";

// Shown before they are lifted.
constexpr size_t kPreview = 10;

struct AddOptions {
  std::vector<std::string> values;
  std::string scope, action, span, until, reason, kind;
  bool all_lanes = false;
};

absl::Status Named(std::string_view option, const absl::Status& status) {
  return absl::InvalidArgumentError(Concat(option, ": ", status.message()));
}

// What is wrong is said before anything is asked of the instance.
absl::StatusOr<std::string> LinesOf(const AddOptions& options) {
  NewDecision decision;
  std::optional<Scope> scope;
  if (!options.scope.empty()) {
    scope = ParseScope(options.scope);
    if (!scope) return absl::InvalidArgumentError("--scope: is none of ip, range, asn, fingerprint, account");
  }
  if (!options.action.empty()) {
    decision.action = ParseAction(options.action);
    if (!decision.action)
      return absl::InvalidArgumentError("--action: is none of challenge, throttle, block, lock");
  } else {
    decision.action = scope == Scope::kAccount ? Action::kLock : Action::kBlock;
  }
  if (!options.until.empty()) {
    if (!options.span.empty()) return absl::InvalidArgumentError("write either --for or --until");
    decision.until_ms = ParseDecisionTimeMs(options.until);
    if (!decision.until_ms) return absl::InvalidArgumentError("--until: is no time as 2026-11-23T09:00:00Z");
  } else {
    SpanError error;
    decision.for_ms = ParseSpanMs(options.span.empty() ? "1h" : std::string_view(options.span),
                                  Policy::kDurationMsMax, &error);
    if (!decision.for_ms) return absl::InvalidArgumentError(Concat("--for: ", error.what));
  }
  if (options.kind == kChallengeKindNames[1]) {
    decision.challenge_kind = ChallengeKind::kIdentity;
  } else if (!options.kind.empty() && options.kind != kChallengeKindNames[0]) {
    return absl::InvalidArgumentError("--kind: is neither human nor identity");
  }
  decision.all_lanes = options.all_lanes;
  decision.reason = options.reason;
  std::string lines;
  for (const std::string& value : options.values) {
    absl::StatusOr<DecisionTarget> target = ReadTarget(scope, value);
    if (!target.ok()) return Named(Quoted(value), target.status());
    decision.target = *std::move(target);
    if (const absl::Status status = CheckNewDecision(decision, WallClockMs()); !status.ok())
      return Named(Quoted(value), status);
    Append(&lines, ToJson(decision), "\n");
  }
  return lines;
}

absl::StatusOr<uint64_t> RemovedOf(const AdminClient& client, std::string_view target) {
  ASSIGN_OR_RETURN(const AdminClient::Answer answer, client.Exchange("DELETE", target));
  simdjson::dom::parser parser;
  uint64_t removed = 0;
  const bool read = parser.parse(answer.body)["removed"].get(removed) == simdjson::SUCCESS;
  if (read && (answer.status == 200 || answer.status == 404)) return removed;
  return client.Refusal(answer);
}

int DeleteByIds(const AdminClient& client, const std::vector<std::string>& ids, const std::string& reason,
                Console& console) {
  std::string query;
  if (!reason.empty()) query = "?" + QueryText({{"reason", reason}});
  bool all = true;
  for (const std::string& id : ids) {
    const absl::StatusOr<uint64_t> removed = RemovedOf(client, Concat("/decisions/", id, query));
    if (!removed.ok()) return Fail(console, FromAbsl(removed.status().message()));
    all = all && *removed > 0;
    console.out << id << (*removed > 0 ? "  lifted\n" : "  does not stand\n");
  }
  return all ? kExitFine : kExitFindings;
}

bool Confirmed(size_t count, Console& console) {
  console.err << "Lift " << (count == 1 ? "this decision" : Concat("these ", CountText(count), " decisions"))
              << "? [y/N] " << std::flush;
  std::string answer;
  return static_cast<bool>(std::getline(std::cin, answer)) &&
         (answer == "y" || answer == "Y" || answer == "yes");
}

int DeleteByFilter(const AdminClient& client, const FilterOptions& filter, bool all, bool yes,
                   const std::string& reason, Console& console) {
  if (!yes) {
    if (!console.err_is_terminal || isatty(STDIN_FILENO) == 0)
      return Fail(console, "nobody can be asked here; --yes lifts what the filters name without asking");
    DecisionTable table;
    size_t count = 0;
    const absl::Status status =
        VisitDecisions(client, filter, [&](std::span<const Decision> page, std::string_view) {
          if (count == 0)
            table.Print(page.first(std::min(page.size(), kPreview)), WallClockMs(), console, &console.err);
          count += page.size();
          return true;
        });
    if (!status.ok()) return Fail(console, FromAbsl(status.message()));
    if (count == 0) {
      console.err << "nothing of this stands\n";
      return kExitFindings;
    }
    if (count > kPreview) console.err << "and " << CountText(count - kPreview) << " more\n";
    if (!Confirmed(count, console)) {
      console.err << "nothing was lifted\n";
      return kExitFindings;
    }
  }
  std::vector<std::pair<std::string, std::string>> parameters = filter.parameters();
  if (all) parameters.emplace_back("all", "true");
  if (!reason.empty()) parameters.emplace_back("reason", reason);
  const absl::StatusOr<uint64_t> removed = RemovedOf(client, Concat("/decisions?", QueryText(parameters)));
  if (!removed.ok()) return Fail(console, FromAbsl(removed.status().message()));
  console.out << CountText(*removed) << (*removed == 1 ? " decision" : " decisions") << " lifted\n";
  return *removed > 0 ? kExitFine : kExitFindings;
}

int Switch(bool enforcing, std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  std::string reason;
  const std::string name = enforcing ? "stockade decisions on" : "stockade decisions off";
  CLI::App app(
      enforcing ? "Lets firewalls enforce again what stands." : "Makes every firewall let everything go.",
      name);
  app.add_option("--reason", reason, "Why, for whoever looks at it later")->type_name("TEXT")->required();
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kSwitchFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  std::string body = Concat("{\"enforcing\":", enforcing ? "true" : "false", ",\"reason\":");
  AppendJsonString(reason, &body);
  const absl::StatusOr<std::string> answer = client->Ask("PUT", "/enforcement", body + "}");
  if (!answer.ok()) return Fail(console, FromAbsl(answer.status().message()));
  console.out << (enforcing
                      ? "firewalls enforce again; `stockade decisions firewalls` shows how far they are\n"
                      : "firewalls let everything go; `stockade decisions on` ends that\n");
  return kExitFine;
}

}  // namespace

int RunDecisionsAdd(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  AddOptions options;
  CLI::App app("Decides by hand: an action on addresses, networks, accounts, for a time.",
               "stockade decisions add");
  app.add_option("VALUE", options.values, "An address, a network, AS64500; with --scope anything")
      ->required();
  app.add_option("--reason", options.reason, "Why, for whom it hits and whoever looks at it later")
      ->type_name("TEXT")
      ->required();
  app.add_option("--for", options.span, "How long, as 15m, 6h, 7d; 1h if nothing is said")->type_name("SPAN");
  app.add_option("--until", options.until, "Until when, instead: 2026-11-23T09:00:00Z")->type_name("TIME");
  app.add_option("--action", options.action, "block, challenge, throttle, or lock (of accounts)")
      ->type_name("ACTION");
  app.add_option("--scope", options.scope, "What VALUE is: ip, range, asn, fingerprint, account")
      ->type_name("SCOPE");
  app.add_option("--kind", options.kind, "What a challenge asks for: human, identity")->type_name("KIND");
  app.add_flag("--all-lanes", options.all_lanes, "A lock that shuts out the customer, too");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kAddFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<std::string> lines = LinesOf(options);
  if (!lines.ok()) return Fail(console, FromAbsl(lines.status().message()));
  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  const absl::StatusOr<std::vector<AddAnswer>> answers = PostDecisions(*client, *lines);
  if (!answers.ok()) return Fail(console, FromAbsl(answers.status().message()));
  int exit_code = answers->size() == options.values.size() ? kExitFine : kExitFindings;
  for (const AddAnswer& answer : *answers) {
    const bool known = answer.line >= 1 && answer.line <= options.values.size();
    const bool refused = answer.state == "refused";
    if (refused) exit_code = kExitFindings;
    console.out << PrintableText(known ? options.values[answer.line - 1] : "?") << "  "
                << PrintableText(answer.state) << (answer.id.empty() ? "" : "  ") << PrintableText(answer.id)
                << (answer.why.empty() ? "" : ": ") << PrintableText(answer.why) << "\n";
  }
  return exit_code;
}

int RunDecisionsDelete(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  FilterOptions filter;
  std::vector<std::string> ids;
  std::string reason;
  bool all = false;
  bool yes = false;
  CLI::App app("Lifts decisions: everybody may pass again, everywhere.", "stockade decisions delete");
  app.add_option("ID", ids, "Those to lift; list shows them");
  AddFilterOptions(&app, &filter);
  app.add_flag("--all", all, "All that stand");
  app.add_flag("--yes", yes, "Do not ask");
  app.add_option("--reason", reason, "Why, for the audit log")->type_name("TEXT");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kDeleteFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const bool filters = !filter.parameters().empty();
  if ((ids.empty() ? 0 : 1) + (filters ? 1 : 0) + (all ? 1 : 0) != 1)
    return Fail(
        console,
        "name what to lift: either ids, or filters, or --all\nstockade decisions delete --help says more");
  for (const std::string& id : ids) {
    const bool hex = !id.empty() && id.size() <= 64 &&
                     std::all_of(id.begin(), id.end(), [](char c) { return HexDigit(c) >= 0; });
    if (!hex)
      return Fail(console, Concat(Quoted(id), " is no id of a decision; write --value ", PrintableText(id),
                                  " if it is what a decision is on"));
  }
  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  if (!ids.empty()) return DeleteByIds(*client, ids, reason, console);
  return DeleteByFilter(*client, filter, all, yes, reason, console);
}

int RunDecisionsOff(std::span<const std::string> arguments, Console& console) {
  return Switch(false, arguments, console);
}

int RunDecisionsOn(std::span<const std::string> arguments, Console& console) {
  return Switch(true, arguments, console);
}

}  // namespace stockade
