// Every rule of three public corpora loads, or is refused with a reason that names its place: SigmaHQ's rules
// for logins, clouds and systems, Auth0's detections, and the examples of the specification. What was
// refused, and why, is counted and printed.
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "engine/rule/sigma_parse.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> RuleFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && (extension == ".yml" || extension == ".yaml"))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// What is wrong without the particulars of one rule: texts in quotes and numbers left out.
std::string Reason(const Finding& finding) {
  std::string reason;
  bool quoted = false;
  for (char c : finding.what) {
    if (c == '\'' || c == '"') quoted = !quoted;
    if (!quoted && (c < '0' || c > '9')) reason += c;
  }
  return reason;
}

struct Loaded {
  SigmaDocuments documents;
  Findings findings;
  size_t files = 0;
  size_t files_refused = 0;
};

Loaded Load(const std::string& corpus) {
  Loaded loaded;
  const fs::path folder = fs::path(STOCKADE_CORPORA) / corpus;
  std::map<std::string, int> errors;
  std::map<std::string, int> warnings;
  const auto start = std::chrono::steady_clock::now();
  for (const fs::path& path : RuleFiles(folder)) {
    Findings findings;
    ParseSigma(ReadText(path), path.lexically_relative(folder).string(), Placeholders(), &loaded.documents,
               &findings);
    ++loaded.files;
    if (findings.errors() > 0) ++loaded.files_refused;
    for (const Finding& finding : findings.all()) {
      const bool is_error = finding.severity == Finding::Severity::kError;
      ++(is_error ? errors : warnings)[Reason(finding)];
      INFO(finding.ToString());
      CHECK(finding.place.line > 0);
      CHECK(finding.place.column > 0);
      if (is_error) {
        loaded.findings.Error(finding.place, finding.key, finding.what);
        std::printf("%s\n", finding.ToString().c_str());
      }
    }
  }
  const auto took = std::chrono::steady_clock::now() - start;
  if (loaded.files == 0) {
    WARN("corpus " << corpus << " is not there: nothing was tested");
    return loaded;
  }
  std::printf("%s: %zu files, %zu refused; %zu rules, %zu correlations, %zu filters; %.0f ms\n",
              corpus.c_str(), loaded.files, loaded.files_refused, loaded.documents.rules.size(),
              loaded.documents.correlations.size(), loaded.documents.filters.size(),
              std::chrono::duration<double, std::milli>(took).count());
  for (const auto& [reason, count] : errors) std::printf("  %4d refused: %s\n", count, reason.c_str());
  for (const auto& [reason, count] : warnings) std::printf("  %4d warned:  %s\n", count, reason.c_str());
  return loaded;
}

TEST_CASE("every published SigmaHQ rule loads", "[rule][corpus]") {
  const Loaded loaded = Load("sigma-rules");
  CHECK(loaded.files_refused == 0);
  CHECK(loaded.documents.rules.size() == loaded.files);
}

TEST_CASE("every Auth0 detection loads", "[rule][corpus]") {
  const Loaded loaded = Load("auth0-sigma-detections");
  CHECK(loaded.files_refused == 0);
  CHECK(loaded.documents.rules.size() == loaded.files);
}

TEST_CASE("every example of the Sigma specification loads", "[rule][corpus]") {
  const Loaded loaded = Load("sigma-specification");
  CHECK(loaded.files_refused == 0);
  CHECK(loaded.documents.rules.size() + loaded.documents.correlations.size() +
            loaded.documents.filters.size() ==
        loaded.files);
}

}  // namespace
}  // namespace stockade
