// What the tests on public certificate corpora share: PEM, the program's end where a corpus is missing, and the tally of
// who agrees.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/read_text.h"

namespace stockade {

// Ends the program as skipped where the corpus is not there (SKIP_RETURN_CODE).
inline std::filesystem::path RequireCorpus(const char* name) {
  const std::filesystem::path folder = std::filesystem::path(STOCKADE_CORPORA) / name;
  if (std::filesystem::exists(folder)) return folder;
  std::printf("skipped: %s is not there\n", folder.c_str());
  std::fflush(stdout);
  std::_Exit(77);
}

// Every block: its label and its bytes. Forgiving about what stands between blocks, as the corpora are.
inline std::vector<std::pair<std::string, std::string>> PemBlocks(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> blocks;
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  for (size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, at)) {
    at += kBegin.size();
    const size_t label_end = text.find(kDashes, at);
    const std::string label(text.substr(at, label_end - at));
    const size_t start = label_end + kDashes.size();
    const size_t end = text.find("-----END ", start);
    std::string base64;
    for (const char c : text.substr(start, end - start))
      if (c != '\n' && c != '\r' && c != ' ') base64.push_back(c);
    std::string bytes;
    // A block that is no base64 is a comment on another.
    if (!absl::Base64Unescape(base64, &bytes)) bytes.clear();
    blocks.emplace_back(label, std::move(bytes));
    at = end == std::string_view::npos ? text.size() : end;
  }
  return blocks;
}

// One line a group: how many cases agree, which do not, and how many do not apply and why.
class CaseTally {
 public:
  explicit CaseTally(std::string group) : group_(std::move(group)) {}

  void Note(const std::string& name, bool must_be_accepted, bool accepted, const std::string& said) {
    if (must_be_accepted == accepted) {
      ++agreed_;
    } else {
      (accepted ? wrongly_accepted_ : refused_).push_back(name + ": " + (said.empty() ? "accepted" : said));
    }
  }
  void DoesNotApply(const std::string& name, const std::string& reason) { others_[reason].push_back(name); }

  // How many were accepted and must be refused.
  size_t Print(const char* note = "") const {
    std::printf(
        "%s: %zu agree, %zu disagree (%zu accepted that must be refused, %zu refused that may be "
        "accepted)%s\n",
        group_.c_str(), agreed_, wrongly_accepted_.size() + refused_.size(), wrongly_accepted_.size(),
        refused_.size(), note);
    for (const std::string& line : wrongly_accepted_) std::printf("  ACCEPTED %s\n", line.c_str());
    for (const std::string& line : refused_) std::printf("  refused  %s\n", line.c_str());
    for (const auto& [reason, names] : others_) {
      std::printf("  %zu do not apply: %s\n", names.size(), reason.c_str());
      for (const std::string& name : names) std::printf("    %s\n", name.c_str());
    }
    return wrongly_accepted_.size();
  }
  size_t agreed() const { return agreed_; }
  size_t refused() const { return refused_.size(); }

 private:
  std::string group_;
  size_t agreed_ = 0;
  std::vector<std::string> wrongly_accepted_;
  std::vector<std::string> refused_;
  std::map<std::string, std::vector<std::string>> others_;
};

}  // namespace stockade
