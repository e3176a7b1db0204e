// stockade test: runs the tests that stand beside rules.
#include <filesystem>
#include <fstream>

#include "CLI/CLI.hpp"
#include "engine/rule/yaml_tree.h"
#include "engine/text.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/program.h"
#include "tools/stockade/rule_closure.h"
#include "tools/stockade/rule_pack.h"
#include "tools/stockade/test_file.h"
#include "tools/stockade/test_report.h"
#include "tools/stockade/test_run.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".test.yml";
// Tests are written by hand.
constexpr size_t kTestBytesMax = size_t{4} << 20;

bool IsTestFile(const fs::path& path) {
  return path.filename().string().ends_with(kEnding);
}

// The test files that the arguments name; a folder stands for all in it and below, in order of name.
absl::StatusOr<std::vector<std::string>> ListTestFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      std::vector<std::string> found;
      for (fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error),
           end;
           !error && it != end; it.increment(error)) {
        if (it->is_regular_file(error) && IsTestFile(it->path())) found.push_back(it->path().string());
      }
      if (found.empty()) return absl::NotFoundError(Concat(path, ": holds no test (*", kEnding, ")"));
      std::sort(found.begin(), found.end());
      files.insert(files.end(), found.begin(), found.end());
      continue;
    }
    if (!fs::exists(path, error)) return absl::NotFoundError(Concat(path, ": no such file or folder"));
    fs::path file = path;
    if (!IsTestFile(file)) {
      // A rule file stands for the test beside it.
      const fs::path beside = fs::path(file).replace_extension(kEnding);
      if (!fs::exists(beside, error)) {
        return absl::NotFoundError(Concat(path, ": is no test, and ", beside.string(), " is not there"));
      }
      file = beside;
    }
    files.push_back(file.string());
  }
  return files;
}

// The rules of a test file, with what they refer to.
std::vector<std::string> RuleFilesOf(const TestFile& test) {
  const fs::path folder = fs::path(test.file).parent_path();
  std::vector<std::string> files;
  for (const std::string& rule : test.rules) files.push_back((folder / rule).string());
  if (files.empty()) {
    std::string beside = test.file.substr(0, test.file.size() - kEnding.size());
    beside += ".yml";
    files.push_back(beside);
  }
  return files;
}

// Rules depend on the placeholders, and those on the case: few cases name any, so what was compiled last
// mostly serves.
class RulesOfCase {
 public:
  explicit RulesOfCase(std::vector<std::string> files) : files_(std::move(files)) {}

  absl::StatusOr<const LoadedRules*> For(const TestSettings& settings) {
    if (!loaded_ || placeholders_ != settings.placeholders) {
      Config config = DefaultConfig();
      for (const auto& [name, values] : settings.placeholders) config.placeholders[name] = values;
      config.rules = CloseOverReferences(files_, config.placeholders);
      absl::StatusOr<LoadedRules> loaded = LoadRules(config);
      if (!loaded.ok()) return loaded.status();
      loaded_ = *std::move(loaded);
      placeholders_ = settings.placeholders;
      tested_ = HandlesOf(files_, config.placeholders);
    }
    return &*loaded_;
  }

  // Of what For gave last.
  const std::set<std::string>& tested() const { return tested_; }

 private:
  std::vector<std::string> files_;
  std::set<std::string> tested_;
  Placeholders placeholders_;
  std::optional<LoadedRules> loaded_;
};

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

TestResult CouldNotRun(const Place& place, const std::string& name, const absl::Status& status) {
  return TestResult{TestResult::Outcome::kError, place, name, Lines(FromAbsl(status.message()))};
}

void RunTestFile(const std::string& file, std::vector<TestResult>* results) {
  const Place top{file, 1, 1};
  const absl::StatusOr<std::string> text = ReadWholeFile(file, kTestBytesMax);
  if (!text.ok()) {
    results->push_back(CouldNotRun(top, "", text.status()));
    return;
  }
  Findings findings;
  const TestFile test = ReadTestFile(*text, file, &findings);
  if (findings.errors() > 0) {
    results->push_back(CouldNotRun(top, "", findings.ToStatus()));
    return;
  }
  RulesOfCase rules(RuleFilesOf(test));
  for (const TestCase& one : test.cases) {
    const absl::StatusOr<const LoadedRules*> loaded = rules.For(one.settings);
    if (!loaded.ok()) {
      results->push_back(CouldNotRun(one.place, one.name, loaded.status()));
      continue;
    }
    absl::StatusOr<std::vector<std::string>> lines =
        RunTestCase(one, *(*loaded)->fields, *(*loaded)->rules, rules.tested());
    if (!lines.ok()) {
      results->push_back(CouldNotRun(one.place, one.name, lines.status()));
      continue;
    }
    const auto outcome = lines->empty() ? TestResult::Outcome::kPassed : TestResult::Outcome::kFailed;
    results->push_back(TestResult{outcome, one.place, one.name, *std::move(lines)});
  }
}

}  // namespace

int RunTest(std::span<const std::string> arguments, Console& console) {
  CLI::App app(
      "Runs the tests that stand beside rules (*.test.yml): given events, expected alerts, decisions and\n"
      "verdicts. rules/README.md describes the files.",
      "stockade test");
  std::vector<std::string> paths;
  std::string junit_file;
  bool json = false;
  app.add_option("PATH", paths,
                 "test files, rule files (for the test beside them), or folders; without: ./rules, or "
                 "the shipped rules where there is none");
  app.add_option("--junit", junit_file, "also write the results as JUnit XML to this file");
  app.add_flag("--json", json, "one JSON object instead of text");
  app.footer(
      "\nExamples:\n"
      "  stockade test                                all tests of ./rules\n"
      "  stockade test rules/many_accounts.yml        the test beside this rule\n"
      "  stockade test --junit results.xml rules\n"
      "\nExit codes: 0 every test passed · 1 a test failed · 2 wrong arguments or a file that cannot be "
      "read\n");
  if (const auto code = ParseArguments(&app, arguments, console)) return *code;

  if (paths.empty()) {
    std::error_code error;
    if (fs::is_directory("rules", error)) {
      paths.push_back("rules");
    } else {
      const absl::StatusOr<std::string> shipped = FindShippedRules();
      if (!shipped.ok()) return Fail(console, FromAbsl(shipped.status().message()));
      paths.push_back(*shipped);
    }
  }
  const absl::StatusOr<std::vector<std::string>> files = ListTestFiles(paths);
  if (!files.ok()) return Fail(console, FromAbsl(files.status().message()));
  std::vector<TestResult> results;
  for (const std::string& file : *files) RunTestFile(file, &results);

  if (!junit_file.empty()) {
    std::ofstream out(junit_file, std::ios::binary | std::ios::trunc);
    out << TestResultsJunit(results);
    out.close();
    if (!out.good()) return Fail(console, Concat(junit_file, ": cannot be written"));
  }
  if (json) {
    console.out << TestResultsJson(results, files->size());
  } else {
    PrintTestResults(results, files->size(), console);
  }
  for (const TestResult& result : results) {
    if (result.outcome != TestResult::Outcome::kPassed) return kExitFindings;
  }
  return kExitFine;
}

}  // namespace stockade
