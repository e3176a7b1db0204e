#include "tools/stockade/rule_closure.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "engine/rule/sigma_parse.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/rule_pack.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// What one file defines and what it refers to, by any handle a reference may use.
struct FileNames {
  std::set<std::string> defined;
  std::set<std::string> referred;
};

FileNames NamesOf(const std::string& file, const Placeholders& placeholders) {
  FileNames names;
  const auto text = ReadWholeFile(file, kYamlBytesMax);
  if (!text.ok()) return names;
  SigmaDocuments documents;
  Findings findings;
  ParseSigma(*text, file, placeholders, &documents, &findings);
  const auto define = [&](const RuleHeader& header) {
    if (!header.name.empty()) names.defined.insert(header.name);
    if (!header.id.empty()) names.defined.insert(header.id);
  };
  for (const SigmaRule& rule : documents.rules) define(rule.header);
  for (const CorrelationRule& rule : documents.correlations) {
    define(rule.header);
    for (const CorrelationRule::Reference& reference : rule.rules) names.referred.insert(reference.rule);
  }
  for (const SigmaFilter& filter : documents.filters) {
    for (const CorrelationRule::Reference& reference : filter.rules) names.referred.insert(reference.rule);
  }
  return names;
}

}  // namespace

std::set<std::string> HandlesOf(const std::vector<std::string>& files, const Placeholders& placeholders) {
  std::set<std::string> handles;
  for (const std::string& file : files) {
    const auto text = ReadWholeFile(file, kYamlBytesMax);
    if (!text.ok()) continue;
    SigmaDocuments documents;
    Findings findings;
    ParseSigma(*text, file, placeholders, &documents, &findings);
    for (const SigmaRule& rule : documents.rules) handles.insert(rule.header.handle());
    for (const CorrelationRule& rule : documents.correlations) handles.insert(rule.header.handle());
  }
  return handles;
}

std::vector<std::string> CloseOverReferences(const std::vector<std::string>& files,
                                             const Placeholders& placeholders) {
  std::vector<std::string> closed = files;
  std::set<std::string> defined;
  std::set<std::string> wanted;
  std::set<std::string> folders;
  for (const std::string& file : files) {
    const FileNames names = NamesOf(file, placeholders);
    defined.insert(names.defined.begin(), names.defined.end());
    wanted.insert(names.referred.begin(), names.referred.end());
    folders.insert(fs::path(file).parent_path().string());
  }
  const auto missing = [&] {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& name) { return !defined.contains(name); });
  };
  if (!missing()) return closed;

  std::map<std::string, FileNames> neighbours;
  for (const std::string& folder : folders) {
    const auto listed = ListRuleFiles({folder.empty() ? "." : folder});
    if (!listed.ok()) continue;
    for (const std::string& file : *listed) {
      std::error_code error;
      const bool named = std::any_of(files.begin(), files.end(), [&](const std::string& other) {
        return fs::equivalent(file, other, error);
      });
      if (!named) neighbours.emplace(file, NamesOf(file, placeholders));
    }
  }
  // Each round adds at least one file or ends.
  for (bool added = true; added && missing();) {
    added = false;
    for (auto it = neighbours.begin(); it != neighbours.end();) {
      const bool needed = std::any_of(
          it->second.defined.begin(), it->second.defined.end(),
          [&](const std::string& name) { return wanted.contains(name) && !defined.contains(name); });
      if (!needed) {
        ++it;
        continue;
      }
      closed.push_back(it->first);
      defined.insert(it->second.defined.begin(), it->second.defined.end());
      wanted.insert(it->second.referred.begin(), it->second.referred.end());
      it = neighbours.erase(it);
      added = true;
    }
  }
  return closed;
}

}  // namespace stockade
