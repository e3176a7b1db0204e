// The command line without a log: overview, help, suggestions, exit codes.
#include "tools/stockade/program.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace stockade {
namespace {

struct Run {
  int exit_code;
  std::string out;
  std::string err;
};

Run Execute(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  const int exit_code = RunProgram(arguments, console);
  return {exit_code, out.str(), err.str()};
}

TEST_CASE("the overview names every command and the exit codes", "[program]") {
  const Run run = Execute({"--help"});
  CHECK(run.exit_code == kExitFine);
  for (const Command& command : Commands())
    CHECK_THAT(run.out, Catch::Contains("  " + std::string(command.name)));
  CHECK_THAT(run.out, Catch::Contains("Exit codes"));
  const Run nothing = Execute({});
  CHECK(nothing.exit_code == kExitUsage);
  CHECK(nothing.out.empty());
}

TEST_CASE("every command has help of its own with examples", "[program]") {
  for (const Command& command : Commands()) {
    CAPTURE(command.name);
    const Run run = Execute({std::string(command.name), "--help"});
    CHECK(run.exit_code == kExitFine);
    CHECK_THAT(run.out, Catch::Contains("stockade " + std::string(command.name)));
    CHECK_THAT(run.out, Catch::Contains("Exit codes"));
    CHECK(run.err.empty());
  }
}

TEST_CASE("a mistyped word is answered by the one that was meant", "[program]") {
  const Run command = Execute({"reply", "x.ndjson"});
  CHECK(command.exit_code == kExitUsage);
  CHECK_THAT(command.err, Catch::Contains("did you mean 'replay'?"));
  const Run option = Execute({"replay", "--verdits", "v", "x.ndjson"});
  CHECK(option.exit_code == kExitUsage);
  CHECK_THAT(option.err, Catch::Contains("did you mean '--verdicts'?"));
}

TEST_CASE("wrong options end with 2 before anything is written", "[program]") {
  const std::vector<std::vector<std::string>> cases = {
      {"replay"},
      {"replay", "/no/such/log"},
      {"replay", "--memory", "few", "x"},
      {"replay", "--timezone", "Nowhere", "x"},
      {"replay", "--year", "soon", "x"},
      {"replay", "--pace", "fast", "x"},
      {"replay", "--pace", "x0", "x"},
      {"replay", "-c", "/no/such/config", "x"},
      {"replay", "--rules", "/no/such/rules", "x"},
      {"explain", "x"},
      {"explain", "--line", "0", "x"},
      {"explain", "--line", "1", "--decision", "a", "x"},
      {"explain", "--line", "1", "-"},
      {"decisions", "import", "--dry-run", "/no/such/list"},
  };
  for (const auto& arguments : cases) {
    CAPTURE(arguments);
    const Run run = Execute(arguments);
    CHECK(run.exit_code == kExitUsage);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Catch::StartsWith("stockade: "));
  }
}

TEST_CASE("a summary that cannot be written is a failure", "[program]") {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  Console console{out, err};
  const std::vector<std::string> arguments = {"--version"};
  CHECK(RunProgram(arguments, console) == kExitUsage);
  CHECK_THAT(err.str(), Catch::Contains("standard output"));
}

}  // namespace
}  // namespace stockade
