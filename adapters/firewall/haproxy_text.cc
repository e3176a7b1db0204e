#include "adapters/firewall/haproxy_text.h"

#include <algorithm>
#include <charconv>

#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kValueBytesMax = 64;

bool IsControl(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool IsWordByte(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The number behind `name` in `text`, up to a space or the end.
std::optional<uint64_t> NumberAfter(std::string_view text, std::string_view name) noexcept {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || (end != text.data() + text.size() && *end != ' ' && *end != '\n'))
    return std::nullopt;
  return number;
}

std::string_view TakeLine(std::string_view* text) noexcept {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

bool IsHaproxyKey(std::string_view key) noexcept {
  return !key.empty() && key.size() <= kHaproxyKeyBytesMax && std::none_of(key.begin(), key.end(), IsControl);
}

bool IsPayloadKey(std::string_view key) noexcept {
  return key.find(' ') == std::string_view::npos;
}

void AppendHaproxyWord(std::string_view word, std::string* out) {
  for (const char c : word) {
    // Everything but letters and digits; bytes of UTF-8 mean nothing to HAProxy.
    const bool escape = !IsWordByte(c) && static_cast<unsigned char>(c) < 0x80 && c != '.' && c != ':' &&
                        c != '/' && c != '-' && c != '_';
    if (escape) out->push_back('\\');
    out->push_back(c);
  }
}

bool IsPlainWord(std::string_view word) noexcept {
  return !word.empty() && std::none_of(word.begin(), word.end(), [](char c) {
    return IsControl(c) || std::string_view(" ;\\<#@'\"").find(c) != std::string_view::npos;
  });
}

std::string HaproxyValue(std::string_view text) {
  std::string value(text.substr(0, kValueBytesMax));
  for (char& c : value)
    if (!IsWordByte(c) && c != '.' && c != '_' && c != '-') c = '_';
  return value;
}

absl::StatusOr<std::vector<std::string_view>> SplitAnswers(std::string_view text, size_t count) {
  std::vector<std::string_view> answers;
  std::string_view rest = text;
  while (!rest.empty()) {
    // What is said ends with a line end, and an empty line follows.
    size_t end = rest.starts_with('\n') ? 0 : rest.find("\n\n");
    if (end == std::string_view::npos) break;
    answers.push_back(rest.substr(0, end));
    rest.remove_prefix(end == 0 ? 1 : end + 2);
  }
  if (answers.size() != count || !rest.empty()) {
    return absl::UnavailableError(Concat("HAProxy gave ", answers.size(), " answers to ", count,
                                         " commands, the last of them '",
                                         PrintableText(answers.empty() ? text : answers.back()), "'"));
  }
  return answers;
}

std::optional<MapEntry> ParseMapEntry(std::string_view line) noexcept {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (!line.starts_with("0x") || first == last || first == std::string_view::npos) return std::nullopt;
  return MapEntry{line.substr(first + 1, last - first - 1), line.substr(last + 1)};
}

std::optional<MapState> FindMapState(std::string_view answer, std::string_view map) noexcept {
  while (!answer.empty()) {
    std::string_view line = TakeLine(&answer);
    const size_t open = line.find(" (");
    if (line.starts_with('#') || open == std::string_view::npos) continue;
    line.remove_prefix(open + 2);
    if (!line.starts_with(map) || !line.substr(map.size()).starts_with(") ")) continue;
    const auto version = NumberAfter(line, " curr_ver=");
    const auto entries = NumberAfter(line, " entry_cnt=");
    if (!version || !entries) return std::nullopt;
    return MapState{*version, *entries};
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseNewVersion(std::string_view answer) noexcept {
  if (!answer.starts_with("New version created: ")) return std::nullopt;
  return NumberAfter(answer, "New version created: ");
}

std::optional<TableEntry> ParseTableEntry(std::string_view line, std::string_view counter) noexcept {
  const size_t key = line.find(": key=");
  if (!line.starts_with("0x") || key == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(key + 6);
  const size_t end = rest.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  for (size_t at = rest.find(counter, end); at != std::string_view::npos; at = rest.find(counter, at + 1)) {
    if (rest[at - 1] != ' ' || !rest.substr(at + counter.size()).starts_with('=')) continue;
    const auto count = NumberAfter(rest.substr(at + counter.size()), "=");
    if (!count) return std::nullopt;
    return TableEntry{rest.substr(0, end), *count};
  }
  return std::nullopt;
}

std::optional<bool> ParseTableIsV6(std::string_view first_line) noexcept {
  if (!first_line.starts_with("# table: ")) return std::nullopt;
  if (first_line.find(", type: ipv6,") != std::string_view::npos) return true;
  if (first_line.find(", type: ip,") != std::string_view::npos) return false;
  return std::nullopt;
}

}  // namespace stockade
