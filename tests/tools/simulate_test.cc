// The command that simulates: its log is one that replay reads, its labels are beside it line by line, and what is wrong is
// said before a file is touched.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/stockade/program.h"

namespace stockade {
namespace {

struct SimulateRun {
  int exit_code;
  std::string out;
  std::string err;
};

SimulateRun Simulate(std::vector<std::string> arguments, const std::string& command = "simulate") {
  arguments.insert(arguments.begin(), command);
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  const int exit_code = RunProgram(arguments, console);
  return {exit_code, out.str(), err.str()};
}

// A folder that is gone afterwards.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / "stockade-simulate-test") {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> LinesIn(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

const std::string kRules = STOCKADE_SOURCE_DIR "/rules";

TEST_CASE("a simulated log is one that replay reads whole, with a label to each line", "[simulate]") {
  const Scratch scratch;
  const std::vector<std::string> world = {"--customers",
                                          "300",
                                          "--days",
                                          "2",
                                          "--attack",
                                          "mimic:attempts=200",
                                          "--certificates",
                                          "90%",
                                          "--labels",
                                          scratch.File("labels"),
                                          "-o",
                                          scratch.File("log")};
  REQUIRE(Simulate(world).exit_code == kExitFine);
  const std::vector<std::string> log = LinesIn(scratch.File("log"));
  const std::vector<std::string> labels = LinesIn(scratch.File("labels"));
  REQUIRE(log.size() > 300);
  REQUIRE(labels.size() == log.size());
  uint64_t attacks = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    CHECK_THAT(labels[i], Catch::StartsWith("{\"line\":" + std::to_string(i + 1) + ",\"who\":\""));
    if (labels[i].find("\"who\":\"attack\",\"class\":\"mimic\",\"campaign\":1") != std::string::npos)
      ++attacks;
  }
  CHECK(attacks == 200);
  const SimulateRun replay = Simulate(
      {"--observe", "--json", "--rules", kRules, "--verdicts", scratch.File("v"), scratch.File("log")},
      "replay");
  CHECK(replay.exit_code == kExitFine);
  CHECK(replay.err.empty());
  CHECK(LinesIn(scratch.File("v")).size() == log.size());
  for (const std::string& verdict : LinesIn(scratch.File("v"))) {
    REQUIRE(verdict.find("unreadable") == std::string::npos);
  }
  REQUIRE(Simulate(world).exit_code == kExitFine);
  CHECK(LinesIn(scratch.File("log")) == log);
}

TEST_CASE("in lock-step it says how the engine did", "[simulate]") {
  const std::vector<std::string> world = {
      "--lockstep", "--customers",        "300",    "--days", "2", "--rules", kRules,
      "--attack",   "burst:attempts=300", "--seed", "4"};
  const SimulateRun text = Simulate(world);
  CHECK(text.exit_code == kExitFine);
  for (const char* word : {"1 burst", "reached", "Customers", "Locked out, after 5 wrong passwords"}) {
    CHECK_THAT(text.out, Catch::Contains(word));
  }
  std::vector<std::string> json = world;
  json.push_back("--json");
  const SimulateRun first = Simulate(json);
  CHECK_THAT(first.out, Catch::StartsWith("{\"attempts\":"));
  CHECK_THAT(first.out, Catch::Contains("\"class\":\"burst\",\"attempts\":300"));
  CHECK(Simulate(json).out == first.out);
}

TEST_CASE("what is wrong with a world is said by option, and empties no file", "[simulate]") {
  const Scratch scratch;
  std::ofstream(scratch.File("log")) << "kept\n";
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"--attack", "mimik"}, "did you mean 'mimic'?"},
      {{"--attack", "mimic:rate=fast"}, "20/s"},
      {{"--shock", "rush:at=noon"}, "4d10h"},
      {{"--start", "yesterday"}, "2026-01-05"},
      {{"--certificates", "most"}, "90%"},
      {{"--without", "ja5"}, "did you mean 'ja4'?"},
      {{"--customers", "3"}, "--customers"},
      {{"--lock", "1"}, "--lock"},
      {{"--days", "0"}, "--days"},
      {{"--json"}, "--lockstep"},
      {{"--lockstep", "--rules", "/no/such/rules"}, "/no/such/rules"},
  };
  for (const Case& wrong : cases) {
    CAPTURE(wrong.arguments);
    std::vector<std::string> arguments = wrong.arguments;
    arguments.insert(arguments.end(), {"-o", scratch.File("log")});
    const SimulateRun run = Simulate(arguments);
    CHECK(run.exit_code == kExitUsage);
    CHECK_THAT(run.err, Catch::Contains(wrong.says));
    CHECK(LinesIn(scratch.File("log")) == std::vector<std::string>{"kept"});
  }
}

}  // namespace
}  // namespace stockade
