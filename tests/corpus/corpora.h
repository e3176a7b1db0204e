// Where the public corpora lie, which tests read in place.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <string_view>

namespace stockade {

inline const std::filesystem::path kCorpora = STOCKADE_CORPORA;

// True, and says so, where a corpus is not there: its tests skip.
inline bool Missing(std::string_view corpus) {
  if (std::filesystem::exists(kCorpora / corpus)) return false;
  WARN("skipped: " << (kCorpora / corpus).string() << " is not there");
  return true;
}

}  // namespace stockade
