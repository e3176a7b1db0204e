// How a tree of settings is walked: a section is a table of keys, each with what reads its value. What is wrong is said
// with its place and, where one is near, the word that was meant; every reader goes on, so that all mistakes are said.
//
//   reader.ReadMap(node, "gateway.limits", {
//       {"header_bytes", [&](const YamlNode& value, const std::string& path) { … }},
//   });
//
// `path` is the way to a value as messages spell it: "gateway.endpoints[0].path". Load time only; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/event/address.h"
#include "engine/rule/finding.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

class SettingsReader {
 public:
  struct Key {
    std::string_view name;
    std::function<void(const YamlNode& value, const std::string& path)> read;
    // A section may stand without a value: everything below it is commented out.
    bool section = false;
  };
  template <typename Number>
  struct Range {
    Number least;
    Number most;
  };

  SettingsReader(std::string file, Findings* findings);

  void Error(const YamlNode& at, std::string_view path, std::string_view what,
             std::string_view suggestion = {});
  void Warn(const YamlNode& at, std::string_view path, std::string_view what);
  size_t errors() const noexcept { return findings_.errors(); }
  Findings& findings() noexcept { return findings_; }
  const std::string& file() const noexcept { return file_; }

  // A path of the settings, from the folder of their file.
  std::string Resolve(const std::string& path) const;
  // Keeps the place of a key that no ReadMap reads.
  void Keep(const std::string& path, const YamlNode& key) { places_.emplace(path, PlaceOf(key, file_)); }
  // Where each key that was read stands, by its path.
  const std::map<std::string, Place>& places() const noexcept { return places_; }

  void ReadMap(const YamlNode& node, const std::string& path, const std::vector<Key>& keys);
  // The items of a list, or the one value that stands for a list of one, each with its path, "key[0]".
  void ReadList(const YamlNode& node, const std::string& path,
                const std::function<void(const YamlNode&, const std::string&)>& read);

  // The text of a scalar, or null and an error.
  const std::string* ReadText(const YamlNode& node, const std::string& path);
  // The texts of a list, or of one scalar, which is a list of one.
  std::vector<std::pair<std::string, const YamlNode*>> ReadTexts(const YamlNode& node,
                                                                 const std::string& path);
  // One of a list of words; its index.
  std::optional<size_t> ReadWord(const YamlNode& node, const std::string& path,
                                 std::span<const std::string_view> words);
  std::optional<bool> ReadBool(const YamlNode& node, const std::string& path);
  std::optional<int64_t> ReadNumber(const YamlNode& node, const std::string& path, Range<int64_t> range);
  std::optional<uint64_t> ReadBytes(const YamlNode& node, const std::string& path, Range<uint64_t> range);
  std::optional<absl::Duration> ReadSpan(const YamlNode& node, const std::string& path,
                                         Range<absl::Duration> range);
  // Addresses and networks of a list.
  std::vector<std::pair<Prefix, const YamlNode*>> ReadNetworks(const YamlNode& node, const std::string& path);
  // Why `text` is no address or network: in most cases a network with bits behind its length.
  static std::string AddressProblem(std::string_view text);

 private:
  void RefuseKey(const YamlEntry& entry, const std::string& path, const std::vector<Key>& keys);

  const std::string file_;
  const std::filesystem::path folder_;
  Findings& findings_;
  std::map<std::string, Place> places_;
};

// A whole file of at most `bytes_max` bytes. Errors name it and what the system said.
absl::StatusOr<std::string> ReadWholeFile(const std::string& file, size_t bytes_max);

}  // namespace stockade
