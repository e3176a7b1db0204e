// What `stockade test` says of its cases: to a person, to a script (JSON), to a build server (JUnit XML).
#pragma once

#include <string>
#include <vector>

#include "engine/rule/finding.h"
#include "tools/stockade/console.h"

namespace stockade {

// What became of one case, or of a file that could not be run at all (then `name` is empty).
struct TestResult {
  enum class Outcome : uint8_t { kPassed, kFailed, kError };  // kError: it could not be run
  Outcome outcome = Outcome::kPassed;
  Place place;
  std::string name;
  std::vector<std::string> lines;  // differences, or why it could not be run
};

// Every case in a line, differences below it, and the totals.
void PrintTestResults(const std::vector<TestResult>& results, size_t files, Console& console);

// One JSON object: files, cases, failed, errors, results.
std::string TestResultsJson(const std::vector<TestResult>& results, size_t files);

// One <testsuite> a file, in the dialect of Ant's JUnit task that Jenkins and GitLab read. Bytes that XML 1.0
// does not allow become U+FFFD. No times: the same results give the same bytes.
std::string TestResultsJunit(const std::vector<TestResult>& results);

}  // namespace stockade
