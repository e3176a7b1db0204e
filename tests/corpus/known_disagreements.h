// Where we and another reader of the same captures or logs differ, and why: each case with its reason in a file beside this one,
// which was looked at by a person. A case without a reason fails the test, and so does a reason without its case.
#pragma once

#include <catch2/catch.hpp>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "yaml-cpp/yaml.h"

namespace stockade {

class KnownDisagreements {
 public:
  // `corpus`: a key of the file, beside `reasons`.
  explicit KnownDisagreements(const std::string& corpus, const std::string& name = "http_disagreements.yaml")
      : corpus_(corpus), name_(name) {
    const YAML::Node root = YAML::LoadFile(STOCKADE_SOURCE_DIR "/tests/corpus/" + name);
    for (const auto& reason : root["reasons"])
      texts_[reason.first.as<std::string>()] = reason.second.as<std::string>();
    for (const auto& file : root[corpus])
      for (const auto& reason : file.second)
        for (const auto& what : reason.second)
          open_[{file.first.as<std::string>(), what.as<std::string>()}].push_back(
              reason.first.as<std::string>());
  }

  // That they differ about `what` of a file; `seen`: what we know of it, for who looks for the reason.
  void Note(const std::string& file, const std::string& what, const std::string& seen) {
    const auto found = open_.find({file, what});
    if (found == open_.end()) {
      FAIL_CHECK(corpus_ << ": " << file << ": \"" << what << "\" has no reason in " << name_
                         << "; here:" << seen);
      return;
    }
    const std::string reason = found->second.back();
    found->second.pop_back();
    if (found->second.empty()) open_.erase(found);
    ++explained_;
    INFO("the reason " << reason);
    REQUIRE(texts_.contains(reason));
    std::cout << "  " << file << ": " << what << ": " << texts_[reason] << "\n";
  }
  // After the last.
  void CheckAllUsed() const {
    for (const auto& [known, reasons] : open_)
      FAIL_CHECK(corpus_ << ": " << known.first << ": \"" << known.second << "\" agrees, and "
                         << reasons.size() << " reasons say that it does not");
  }
  int explained() const noexcept { return explained_; }

 private:
  const std::string corpus_, name_;
  std::map<std::string, std::string> texts_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> open_;
  int explained_ = 0;
};

}  // namespace stockade
