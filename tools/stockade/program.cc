#include "tools/stockade/program.h"

#include <algorithm>
#include <array>
#include <vector>

#include "CLI/CLI.hpp"
#include "engine/rule/finding.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<Command, 10> kCommands = {{
    {"run", "stand in front of a login gateway and decide on every login", &RunRun},
    {"replay", "read a login log and show what Stockade would have done", &RunReplay},
    {"test", "run the tests that stand beside rules", &RunTest},
    {"check", "say what is wrong, or probably not meant, in rules and settings", &RunCheck},
    {"explain", "show why: a decision, or what happened to one line of a log", &RunExplain},
    {"decisions", "show and change what stands in a running instance; import, export, audit", &RunDecisions},
    {"simulate", "make labelled login traffic of customers and attackers, to try settings on", &RunSimulate},
    {"tune", "try settings on a log: what each would have stopped, and whom it would have hurt", &RunTune},
    {"bouncers", "make, list and revoke the keys by which CrowdSec's bouncers ask", &RunBouncers},
    {"cert", "say what the gate would say of a certificate, step by step", &RunCert},
}};

constexpr std::string_view kOverviewEnd = R"(
Start here:
  stockade run -c stockade.yaml                  in front of a gateway, until Ctrl-C
  stockade replay /var/log/auth.log              what would have been stopped, by which rule
  stockade replay --json logins.ndjson.gz        the same for a script
  stockade replay --verdicts v.ndjson --decisions d.ndjson logins.ndjson
                                                 one answer a line, and every order that was given
  stockade explain --line 17 logins.ndjson       why line 17 was stopped, or was not

Logs are NDJSON with ECS names, CSV, combined access logs, sshd's auth.log, or any text by a format file;
the format is told from the content. One attempt of NDJSON:
  {"@timestamp":"2026-11-23T09:00:00Z","source":{"ip":"203.0.113.9"},"user":{"name":"alice"},
   "event":{"outcome":"failure","reason":"bad_password"}}
Rules are Sigma 2.1 with one key more, `response`. Settings are in a file named by -c.

Exit codes: 0 fine · 1 findings or failed tests · 2 wrong arguments, settings, input or output
            130 interrupted by Ctrl-C: what was printed is true of what was read until then
`stockade COMMAND --help` says everything about a command.
)";

void PrintOverview(std::ostream& out, const Console& console) {
  out << "Stockade decides on every login attempt before the password is checked, so that leaked passwords "
         "stop at\n"
         "the gate and no customer is locked out by somebody else.\n\n"
      << Styled(console, Style::kBold, "stockade COMMAND [OPTIONS] [INPUT...]") << "\n\n";
  for (const Command& command : Commands()) {
    out << "  " << Styled(console, Style::kBold, PadRight(command.name, 10)) << command.summary << "\n";
  }
  out << "  " << Styled(console, Style::kBold, PadRight("--version", 10)) << "print the version\n"
      << kOverviewEnd;
}

}  // namespace

std::span<const Command> Commands() {
  return kCommands;
}

std::string_view Version() {
  return STOCKADE_VERSION;
}

int RunProgram(std::span<const std::string> arguments, Console& console) {
  if (arguments.empty()) {
    PrintOverview(console.err, console);
    return kExitUsage;
  }
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") {
    PrintOverview(console.out, console);
    return Finish(console, kExitFine);
  }
  if (first == "--version" || first == "version") {
    console.out << "stockade " << Version() << "\n";
    return Finish(console, kExitFine);
  }
  std::vector<std::string_view> names;
  for (const Command& command : Commands()) {
    if (command.name == first) return Finish(console, command.run(arguments.subspan(1), console));
    names.push_back(command.name);
  }
  return Fail(console, Concat("no command ", Quoted(first), DidYouMean(Nearest(first, names)),
                              "\nstockade --help lists the commands"));
}

std::optional<int> ParseArguments(CLI::App* app, std::span<const std::string> arguments, Console& console) {
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app->parse(reversed);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    console.out << app->help();
    return kExitFine;
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> owned;
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) owned.push_back("--" + name);
    }
    const std::vector<std::string_view> names(owned.begin(), owned.end());
    const std::string unknown = app->remaining().empty() ? "" : app->remaining().front();
    const std::string name = unknown.substr(0, unknown.find('='));
    return Fail(console, Concat("no option ", Quoted(name), DidYouMean(Nearest(name, names)), "\n",
                                app->get_name(), " --help lists the options"));
  } catch (const CLI::ParseError& error) {
    return Fail(console, Concat(error.what(), "\n", app->get_name(), " --help lists the options"));
  }
}

int Fail(Console& console, std::string_view message) {
  console.err << "stockade: " << PrintableLines(message) << std::endl;
  return kExitUsage;
}

int Finish(Console& console, int exit_code) {
  console.out.flush();
  if (console.out.good()) return exit_code;
  return Fail(console, "standard output cannot be written");
}

}  // namespace stockade
