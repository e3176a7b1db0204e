#include "adapters/http/query.h"

#include <algorithm>

#include "engine/event/digits.h"

namespace stockade {
namespace {

std::optional<std::string> Decode(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      text.push_back(raw[i] == '+' ? ' ' : raw[i]);
      continue;
    }
    if (raw.size() - i < 3) return std::nullopt;
    const int high = HexDigit(raw[i + 1]);
    const int low = HexDigit(raw[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    text.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return text;
}

}  // namespace

std::optional<Query> ParseQuery(std::string_view query) {
  Query parsed;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    std::optional<std::string> name = Decode(part.substr(0, equals));
    std::optional<std::string> value =
        Decode(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    parsed.emplace_back(*std::move(name), *std::move(value));
  }
  return parsed;
}

const std::string* FindInQuery(const Query& query, std::string_view name) noexcept {
  const auto found =
      std::find_if(query.begin(), query.end(), [&](const auto& part) { return part.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

}  // namespace stockade
