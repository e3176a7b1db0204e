// stockade decisions: what people ask and order about standing decisions, against a running instance.
#include <array>

#include "CLI/CLI.hpp"
#include "engine/rule/finding.h"
#include "engine/text.h"
#include "tools/stockade/command.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

struct Word {
  std::string_view name;
  std::string_view summary;
  int (*run)(std::span<const std::string> arguments, Console& console);
};
constexpr std::array<Word, 10> kWords = {{
    {"list", "what stands, with reasons and time left", &RunDecisionsList},
    {"explain", "everything about one decision, or about who is stopped by what", &RunDecisionsExplain},
    {"add", "decide by hand", &RunDecisionsAdd},
    {"delete", "lift decisions, by id or by what they are on", &RunDecisionsDelete},
    {"import", "take lists, CrowdSec exports, STIX bundles, or what export wrote", &RunDecisionsImport},
    {"export", "write them for others", &RunDecisionsExport},
    {"audit", "who did what when, and whether the log is whole", &RunDecisionsAudit},
    {"firewalls", "decided, enforced, and what lags, by firewall", &RunDecisionsFirewalls},
    {"off", "the kill switch: every firewall lets everything go", &RunDecisionsOff},
    {"on", "enforce again", &RunDecisionsOn},
}};

constexpr std::string_view kEnd = R"(
The instance is found by its settings (-c stockade.yaml: gateway.admin says where it answers, and its token), or by
--admin 127.0.0.1:9180 --token-file admin.token.

Examples:
  stockade decisions list -c stockade.yaml --rule many_accounts
  stockade decisions explain -c stockade.yaml 203.0.113.9
  stockade decisions add -c stockade.yaml 203.0.113.0/24 --for 6h --action block --reason "sprays us, ticket 4711"
  stockade decisions delete -c stockade.yaml 0123456789abcdef --reason "was our own scanner"
  stockade decisions delete -c stockade.yaml --rule many_accounts --reason "rule was wrong"
  stockade decisions import -c stockade.yaml feed.txt bundle.json --for 24h --action challenge --dry-run
  stockade decisions export -c stockade.yaml --format stix --tlp amber --producer "Example Bank" > bundle.json
  stockade decisions off -c stockade.yaml --reason "customers report blocks, looking into it"

Exit codes: 0 fine · 1 something was refused, is not there, fails or was tampered with · 2 wrong arguments, or the
            instance cannot be reached · 130 interrupted
`stockade decisions WORD --help` says everything about a word.
)";

void PrintOverview(std::ostream& out, const Console& console) {
  out << "Shows and changes standing decisions of a running instance.\n\n"
      << Styled(console, Style::kBold, "stockade decisions WORD [OPTIONS] [ARGUMENT...]") << "\n\n";
  for (const Word& word : kWords)
    out << "  " << Styled(console, Style::kBold, PadRight(word.name, 10)) << word.summary << "\n";
  out << kEnd;
}

}  // namespace

int RunDecisions(std::span<const std::string> arguments, Console& console) {
  if (arguments.empty()) {
    PrintOverview(console.err, console);
    return kExitUsage;
  }
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") {
    PrintOverview(console.out, console);
    return kExitFine;
  }
  std::vector<std::string_view> names;
  for (const Word& word : kWords) {
    if (word.name == first) return word.run(arguments.subspan(1), console);
    names.push_back(word.name);
  }
  return Fail(console, Concat("decisions: no word ", Quoted(first), DidYouMean(Nearest(first, names)),
                              "\nstockade decisions --help lists them"));
}

}  // namespace stockade
