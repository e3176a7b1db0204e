#include "tools/stockade/rule_pack.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/rule/compile.h"
#include "engine/rule/sigma_parse.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// A folder of rules deeper or larger than this is a wrong folder ("/").
constexpr int kFolderDepthMax = 8;
constexpr size_t kRuleFilesMax = 20'000;

bool IsRuleFile(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.starts_with('.')) return false;
  if (name.ends_with(".test.yml") || name.ends_with(".test.yaml")) return false;
  return name.ends_with(".yml") || name.ends_with(".yaml");
}

absl::Status WalkFolder(const fs::path& folder, int depth, std::vector<std::string>* files) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(*it);
  if (error) return absl::NotFoundError(Concat(folder.string(), ": cannot be read: ", error.message()));
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error)) {
      if (name.starts_with('.') || name == "formats") continue;
      if (depth == kFolderDepthMax) {
        return absl::InvalidArgumentError(
            Concat(entry.path().string(), ": folders nest deeper than ", kFolderDepthMax));
      }
      RETURN_IF_ERROR(WalkFolder(entry.path(), depth + 1, files));
    } else if (IsRuleFile(entry.path())) {
      files->push_back(entry.path().string());
      if (files->size() > kRuleFilesMax) {
        return absl::InvalidArgumentError(
            Concat(folder.string(), ": more than ", kRuleFilesMax, " rule files"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FindShippedRules() {
  if (const char* named = std::getenv("STOCKADE_RULES"); named != nullptr && *named != '\0')
    return std::string(named);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error)
    return absl::NotFoundError(
        "the shipped rules: /proc is not there; name them by --rules or $STOCKADE_RULES");
  const fs::path folder = program.parent_path().parent_path() / "share" / "stockade" / "rules";
  if (fs::is_directory(folder, error)) return folder.string();
  return absl::NotFoundError(
      Concat("the shipped rules are not in ", folder.string(), "; name them by --rules or $STOCKADE_RULES"));
}

absl::StatusOr<std::vector<std::string>> ListRuleFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::string there = path;
    if (path == kShippedRules) {
      ASSIGN_OR_RETURN(there, FindShippedRules());
    }
    std::error_code error;
    if (!fs::is_directory(there, error)) {
      if (!fs::exists(there, error))
        return absl::NotFoundError(Concat(there, ": no such file or folder of rules"));
      files.push_back(there);
      continue;
    }
    const size_t before = files.size();
    RETURN_IF_ERROR(WalkFolder(there, 1, &files));
    if (files.size() == before) return absl::NotFoundError(Concat(there, ": holds no rule (*.yml, *.yaml)"));
  }
  // A file that was named twice, or lies in a folder that was named too, is one file.
  std::vector<std::string> unique;
  for (std::string& file : files) {
    if (std::find(unique.begin(), unique.end(), file) == unique.end()) unique.push_back(std::move(file));
  }
  return unique;
}

absl::StatusOr<LoadedRules> LoadRules(const Config& config) {
  LoadedRules loaded;
  ASSIGN_OR_RETURN(loaded.files, ListRuleFiles(config.rules));
  SigmaDocuments documents;
  Findings findings;
  for (const std::string& file : loaded.files) {
    ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kYamlBytesMax));
    ParseSigma(text, file, config.placeholders, &documents, &findings);
  }
  ApplyRuleThresholds(config.thresholds, &documents, &findings);
  CheckRulesOnTrial(config.rules_on_trial, documents, &findings);
  // Compiled also after errors: what is wrong between the sound ones belongs into the same list.
  loaded.fields = std::make_unique<FieldTable>();
  loaded.rules = Compile(std::move(documents), loaded.fields.get(), &findings);
  RETURN_IF_ERROR(findings.ToStatus());
  return loaded;
}

}  // namespace stockade
