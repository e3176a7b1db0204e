// stockade decisions audit and firewalls.
#include <algorithm>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "adapters/store/audit_chain.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/decisions_text.h"
#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr std::string_view kAuditFooter = R"(
Each line holds the SHA-256 of itself and of the line before it, so none can be changed, left out or moved unseen. What this
cannot show is that lines at the end are gone, or that all of it was written anew: keep the chain that is printed last
somewhere else, and compare.

Examples:
  stockade decisions audit -c stockade.yaml
  stockade decisions audit -c stockade.yaml --json > audit.ndjson
  stockade decisions audit --file audit.ndjson --quiet

Exit codes: 0 the log is whole · 1 it is not, from the line that is named · 2 wrong arguments, or the instance cannot be
            reached · 130 interrupted
)";

constexpr std::string_view kFirewallsFooter = R"(
DECIDED stands and is of a kind that the firewall carries; ENFORCED is what it has taken of that; PENDING waits for it, the
oldest for LAG. COMPARED: when what stands there was last compared with what should.

Exit codes: 0 all of them answer · 1 the last call of one failed · 2 wrong arguments, or the instance cannot be reached
)";

// Of a log kept in a file.
constexpr size_t kAuditFileBytesMax = size_t{1} << 30;
constexpr size_t kAuditPage = 5000;

struct AuditOptions {
  uint64_t after = 0;
  bool json = false;
  bool quiet = false;
};

// Verifies and prints lines as they come.
class AuditPrinter {
 public:
  AuditPrinter(const AuditOptions& options, AuditChainReader reader, Console* console)
      : options_(options), reader_(std::move(reader)), console_(*console) {}

  void Take(std::string_view line) {
    const bool was_whole = status_.ok();
    if (was_whole) status_ = reader_.Take(line);
    // The lines behind a break are shown all the same: they are what somebody is looking for.
    if (was_whole && !status_.ok())
      console_.err << "stockade: " << PrintableText(FromAbsl(status_.message())) << "\n";
    if (options_.quiet) return;
    console_.out << (options_.json ? std::string(line) : AuditText(line)) << "\n";
  }
  int Finish() {
    if (!status_.ok()) {
      console_.err << "stockade: the audit log is BROKEN; the last line that holds is " << reader_.number()
                   << "\n";
      return kExitFindings;
    }
    if (reader_.number() == 0) {
      console_.err << "the audit log is empty\n";
    } else {
      console_.err << "the audit log is whole"
                   << (options_.after > 0 ? Concat(" from line ", options_.after, " on") : "") << ": line "
                   << reader_.number() << " has the chain\n"
                   << reader_.chain() << "\n";
    }
    return kExitFine;
  }

 private:
  const AuditOptions& options_;
  AuditChainReader reader_;
  Console& console_;
  absl::Status status_;
};

int AuditFile(const AuditOptions& options, const std::string& file, Console& console) {
  const absl::StatusOr<std::string> text = ReadWholeFile(file, kAuditFileBytesMax);
  if (!text.ok()) return Fail(console, FromAbsl(text.status().message()));
  AuditPrinter printer(options, AuditChainReader(), &console);
  VisitLines(*text, [&](std::string_view line) { printer.Take(line); });
  return printer.Finish();
}

// What is trusted: the line that is named, or the begin.
absl::StatusOr<AuditChainReader> ReaderBehind(const AdminClient& client, uint64_t number) {
  if (number == 0) return AuditChainReader();
  ASSIGN_OR_RETURN(const std::string line, client.Ask("GET", Concat("/audit?limit=1&after=", number - 1)));
  std::string chain;
  VisitLines(line, [&](std::string_view one) { chain = std::string(ChainOf(one)); });
  if (chain.empty()) return absl::InvalidArgumentError(Concat("--after: the log has no line ", number));
  return AuditChainReader(number, chain);
}

// What the disk does not take is in no log, however whole that is.
int WarnOfWaiting(const AdminClient& client, int exit_code, Console& console) {
  const absl::StatusOr<std::string> metrics = client.Ask("GET", "/metrics");
  if (!metrics.ok()) return exit_code;
  std::string_view waiting;
  bool failing = false;
  VisitLines(*metrics, [&](std::string_view line) {
    constexpr std::string_view kWaiting = "stockade_store_waiting ";
    if (line.starts_with(kWaiting)) waiting = line.substr(kWaiting.size());
    failing |= line == "stockade_store_failing 1";
  });
  if (!failing) return exit_code;
  console.err << "stockade: the disk does not take what happens now: " << PrintableText(waiting)
              << " changes are in memory alone, and not in this log\n";
  return kExitFindings;
}

}  // namespace

int RunDecisionsAudit(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  AuditOptions options;
  std::string file;
  CLI::App app("Shows who did what when, and verifies that the log is whole.", "stockade decisions audit");
  app.add_option("--after", options.after, "Only what is behind this line, which is trusted")->type_name("N");
  app.add_flag("--json", options.json, "Print the lines as they are");
  app.add_flag("--quiet", options.quiet, "Print no lines; only whether they hold");
  CLI::Option* const from =
      app.add_option("--file", file, "A log that --json wrote, instead of an instance's")->type_name("FILE");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kAuditFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;
  if (from->count() > 0) {
    if (options.after > 0)
      return Fail(console, "--after: is of a running instance; a file is verified whole");
    return AuditFile(options, file, console);
  }

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  absl::StatusOr<AuditChainReader> reader = ReaderBehind(*client, options.after);
  if (!reader.ok()) return Fail(console, FromAbsl(reader.status().message()));
  AuditPrinter printer(options, *std::move(reader), &console);
  uint64_t after = options.after;
  while (!Interrupted()) {
    const absl::StatusOr<std::string> lines =
        client->Ask("GET", Concat("/audit?limit=", kAuditPage, "&after=", after));
    if (!lines.ok()) return Fail(console, FromAbsl(lines.status().message()));
    size_t count = 0;
    VisitLines(*lines, [&](std::string_view line) {
      printer.Take(line);
      ++count;
    });
    // By what came, not by what it says: a log that lies about its numbers must end, too.
    after += count;
    if (count < kAuditPage) return WarnOfWaiting(*client, printer.Finish(), console);
  }
  return kExitInterrupted;
}

int RunDecisionsFirewalls(std::span<const std::string> arguments, Console& console) {
  InstanceOptions instance;
  bool json = false;
  CLI::App app("Shows what firewalls have taken of what was decided.", "stockade decisions firewalls");
  app.add_flag("--json", json, "Print JSON, an object a line");
  AddInstanceOptions(&app, &instance);
  app.footer(std::string(kFirewallsFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;

  const absl::StatusOr<AdminClient> client = AdminClient::Open(instance);
  if (!client.ok()) return Fail(console, FromAbsl(client.status().message()));
  const absl::StatusOr<std::string> lines = client->Ask("GET", "/firewalls");
  if (!lines.ok()) return Fail(console, FromAbsl(lines.status().message()));
  if (json) console.out << *lines;
  size_t troubled = 0;
  std::ostream nowhere(nullptr);
  const absl::Status status =
      PrintFirewalls(*lines, WallClockMs(), console, json ? &nowhere : &console.out, &troubled);
  if (!status.ok()) return Fail(console, FromAbsl(status.message()));
  const absl::StatusOr<AdminClient::Answer> enforcement = client->Exchange("GET", "/enforcement");
  if (!json && enforcement.ok() && enforcement->body.starts_with("{\"enforcing\":false"))
    console.err << "enforcement is OFF: firewalls let everything go; `stockade decisions on` ends that\n";
  return troubled > 0 ? kExitFindings : kExitFine;
}

}  // namespace stockade
