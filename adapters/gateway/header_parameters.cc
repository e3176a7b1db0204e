#include "adapters/gateway/header_parameters.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool IsBlank(char c) noexcept {
  return c == ' ' || c == '\t';
}
void SkipBlanks(std::string_view* text) noexcept {
  while (!text->empty() && IsBlank(text->front())) text->remove_prefix(1);
}

// Takes one "name=value".
bool TakeParameter(std::string_view* text, std::string_view* name, std::string_view* value) {
  size_t end = 0;
  while (end < text->size() && IsTokenChar((*text)[end])) ++end;
  if (end == 0 || end == text->size() || (*text)[end] != '=') return false;
  *name = text->substr(0, end);
  text->remove_prefix(end + 1);
  if (text->starts_with('"')) {
    const size_t close = text->find('"', 1);
    if (close == std::string_view::npos) return false;
    *value = text->substr(1, close - 1);
    text->remove_prefix(close + 1);
    return std::none_of(value->begin(), value->end(), [](char c) {
      return c == '\\' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
  }
  end = 0;
  while (end < text->size() && IsTokenChar((*text)[end]) && (*text)[end] != '\'') ++end;
  *value = text->substr(0, end);
  text->remove_prefix(end);
  return end > 0;
}

}  // namespace

std::string_view ParameterisedValue::Find(std::string_view name) const noexcept {
  for (const auto& [found, text] : parameters) {
    if (absl::EqualsIgnoreCase(ToAbsl(found), ToAbsl(name))) return text;
  }
  return {};
}

std::optional<ParameterisedValue> ReadParameters(std::string_view text) {
  ParameterisedValue read;
  const size_t end = std::min(text.find(';'), text.size());
  read.value = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text.substr(0, end))));
  text.remove_prefix(end);
  while (!text.empty()) {
    if (text.front() != ';') return std::nullopt;
    text.remove_prefix(1);
    SkipBlanks(&text);
    if (text.empty()) break;  // "text/html;" is written often enough
    std::string_view name;
    std::string_view value;
    if (!TakeParameter(&text, &name, &value) || read.Find(name).data() != nullptr) return std::nullopt;
    read.parameters.emplace_back(name, value);
    SkipBlanks(&text);
  }
  return read;
}

}  // namespace stockade
