#include "tools/stockade/settings_reader.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "engine/decision/decision.h"
#include "engine/text.h"
#include "tools/stockade/units.h"

namespace stockade {
namespace {

// "64KiB": the largest unit that divides.
std::string SizeText(uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return Concat(bytes, kUnits[unit]);
}

}  // namespace

SettingsReader::SettingsReader(std::string file, Findings* findings)
    : file_(std::move(file)), folder_(std::filesystem::path(file_).parent_path()), findings_(*findings) {}

void SettingsReader::Error(const YamlNode& at, std::string_view path, std::string_view what,
                           std::string_view suggestion) {
  findings_.Error(PlaceOf(at, file_), path, what, suggestion);
}

void SettingsReader::Warn(const YamlNode& at, std::string_view path, std::string_view what) {
  findings_.Warn(PlaceOf(at, file_), path, what);
}

std::string SettingsReader::Resolve(const std::string& path) const {
  const std::filesystem::path given(path);
  return given.is_absolute() || folder_.empty() ? path : (folder_ / given).string();
}

void SettingsReader::ReadMap(const YamlNode& node, const std::string& path, const std::vector<Key>& keys) {
  if (node.is_null()) return;
  if (!node.is_map()) {
    Error(node, path, "must be a map of keys and values");
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    const std::string below = path.empty() ? entry.key.text : Concat(path, ".", entry.key.text);
    const Key* found = nullptr;
    for (const Key& key : keys) {
      if (key.name == entry.key.text) found = &key;
    }
    if (found == nullptr) {
      RefuseKey(entry, path, keys);
    } else if (entry.value.is_null() && !found->section) {
      Error(entry.key, below, "has no value; give it one or delete the line");
    } else {
      places_.emplace(below, PlaceOf(entry.key, file_));
      found->read(entry.value, below);
    }
  }
}

void SettingsReader::ReadList(const YamlNode& node, const std::string& path,
                              const std::function<void(const YamlNode&, const std::string&)>& read) {
  const std::span<const YamlNode> items =
      node.is_list() ? std::span<const YamlNode>(node.items) : std::span<const YamlNode>(&node, 1);
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string below = Concat(path, "[", i, "]");
    places_.emplace(below, PlaceOf(items[i], file_));
    read(items[i], below);
  }
}

void SettingsReader::RefuseKey(const YamlEntry& entry, const std::string& path,
                               const std::vector<Key>& keys) {
  std::vector<std::string_view> names;
  std::string list;
  for (const Key& key : keys) {
    names.push_back(key.name);
    Append(&list, list.empty() ? "" : ", ", key.name);
  }
  const std::string_view nearest = Nearest(entry.key.text, names);
  const std::string where = path.empty() ? entry.key.text : Concat(path, ".", entry.key.text);
  Error(entry.key, where,
        nearest.empty() ? Concat("unknown key; known here: ", list)
                        : Concat("unknown key", DidYouMean(nearest)),
        nearest);
}

const std::string* SettingsReader::ReadText(const YamlNode& node, const std::string& path) {
  if (node.is_text() && !node.text.empty()) return &node.text;
  Error(node, path, "must be a text");
  return nullptr;
}

std::vector<std::pair<std::string, const YamlNode*>> SettingsReader::ReadTexts(const YamlNode& node,
                                                                               const std::string& path) {
  std::vector<std::pair<std::string, const YamlNode*>> texts;
  if (!node.is_list()) {
    if (const std::string* text = ReadText(node, path)) texts.emplace_back(*text, &node);
    return texts;
  }
  for (const YamlNode& item : node.items) {
    if (const std::string* text = ReadText(item, path)) texts.emplace_back(*text, &item);
  }
  return texts;
}

std::optional<size_t> SettingsReader::ReadWord(const YamlNode& node, const std::string& path,
                                               std::span<const std::string_view> words) {
  const std::string* text = ReadText(node, path);
  if (text == nullptr) return std::nullopt;
  std::string list;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == *text) return i;
    Append(&list, i == 0 ? "" : ", ", words[i]);
  }
  const std::string_view nearest = Nearest(*text, words);
  Error(node, path, Concat(Quoted(*text), " is none of: ", list, DidYouMean(nearest)), nearest);
  return std::nullopt;
}

std::optional<bool> SettingsReader::ReadBool(const YamlNode& node, const std::string& path) {
  static constexpr std::array<std::string_view, 2> kWords = {"false", "true"};
  const std::optional<size_t> word = ReadWord(node, path, kWords);
  return word ? std::optional<bool>(*word == 1) : std::nullopt;
}

std::optional<int64_t> SettingsReader::ReadNumber(const YamlNode& node, const std::string& path,
                                                  Range<int64_t> range) {
  const std::string* text = ReadText(node, path);
  int64_t number = 0;
  if (text == nullptr) return std::nullopt;
  if (absl::SimpleAtoi(*text, &number) && number >= range.least && number <= range.most) return number;
  Error(node, path, Concat(Quoted(*text), " is no whole number from ", range.least, " to ", range.most));
  return std::nullopt;
}

std::optional<uint64_t> SettingsReader::ReadBytes(const YamlNode& node, const std::string& path,
                                                  Range<uint64_t> range) {
  const std::string* text = ReadText(node, path);
  if (text == nullptr) return std::nullopt;
  const std::optional<uint64_t> bytes = ParseBytes(*text);
  if (!bytes) {
    Error(node, path, Concat(Quoted(*text), " is no amount of bytes; write 64KiB or 1MiB"));
  } else if (*bytes < range.least || *bytes > range.most) {
    Error(node, path,
          Concat(Quoted(*text), " is too ", *bytes < range.least ? "little" : "much", "; from ",
                 SizeText(range.least), " to ", SizeText(range.most)));
  } else {
    return bytes;
  }
  return std::nullopt;
}

std::optional<absl::Duration> SettingsReader::ReadSpan(const YamlNode& node, const std::string& path,
                                                       Range<absl::Duration> range) {
  const std::string* text = ReadText(node, path);
  if (text == nullptr) return std::nullopt;
  const std::optional<int64_t> span_ms = ParseSpanMs(*text);
  if (!span_ms) {
    Error(node, path, Concat(Quoted(*text), " is no span of time; write 5m, 90s or 1h"));
    return std::nullopt;
  }
  const absl::Duration span = absl::Milliseconds(*span_ms);
  if (span >= range.least && span <= range.most) return span;
  Error(node, path,
        Concat(Quoted(*text), " is too ", span < range.least ? "short" : "long", "; from ",
               FormatSpanMs(absl::ToInt64Milliseconds(range.least)), " to ",
               FormatSpanMs(absl::ToInt64Milliseconds(range.most))));
  return std::nullopt;
}

std::vector<std::pair<Prefix, const YamlNode*>> SettingsReader::ReadNetworks(const YamlNode& node,
                                                                             const std::string& path) {
  std::vector<std::pair<Prefix, const YamlNode*>> networks;
  for (const auto& [text, item] : ReadTexts(node, path)) {
    if (const std::optional<Prefix> network = Prefix::Parse(text)) {
      networks.emplace_back(*network, item);
    } else {
      Error(*item, path, AddressProblem(text));
    }
  }
  return networks;
}

std::string SettingsReader::AddressProblem(std::string_view text) {
  const size_t slash = text.find('/');
  int length = 0;
  if (slash != std::string_view::npos && absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &length)) {
    const std::optional<Address> address = Address::Parse(text.substr(0, slash));
    if (address && length >= 0 && length <= address->bits()) {
      return Concat(Quoted(text), " has bits behind its length; did you mean '",
                    Prefix::Around(*address, length).ToString(), "', or the one address '",
                    address->ToString(), "'?");
    }
  }
  return Concat(Quoted(text), " is neither an address nor a network; write 192.0.2.1 or 192.0.2.0/24");
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& file, size_t bytes_max) {
  const auto failed = [&file](int error) {
    return absl::NotFoundError(Concat(file, ": cannot be read: ", std::strerror(error)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (stream == nullptr) return failed(errno);
  std::string text;
  std::array<char, 65536> piece;
  while (const size_t got = std::fread(piece.data(), 1, piece.size(), stream.get())) {
    text.append(piece.data(), got);
    if (text.size() > bytes_max) {
      return absl::InvalidArgumentError(Concat(file, ": is larger than ", bytes_max, " bytes"));
    }
  }
  if (std::ferror(stream.get()) != 0) return failed(errno);  // also a folder: EISDIR
  return text;
}

}  // namespace stockade
