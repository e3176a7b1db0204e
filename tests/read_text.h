// A whole file as a text; of one that cannot be read nothing.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace stockade {

inline std::string ReadText(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

}  // namespace stockade
