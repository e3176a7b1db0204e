#include "engine/rule/placeholder.h"

#include <utility>

#include "engine/rule/sigma_string.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What the placeholder of this name stands for, `offset` being where in the value it is; null if nobody knows.
const std::vector<std::string>* FindPlaceholder(std::string_view name, const Placeholders* placeholders,
                                                const YamlNode& value, size_t offset, const KeyPlace& place) {
  std::vector<std::string_view> known;
  if (placeholders != nullptr) {
    const auto found = placeholders->find(ToAbsl(name));
    if (found != placeholders->end()) return &found->second;
    for (const auto& [other, values] : *placeholders) known.push_back(other);
  }
  const std::string_view near = Nearest(name, known);
  place.findings->Error(
      PlaceOf(value, place.file, offset), place.path,
      Concat("placeholder %", name, "% is not defined; add it to `placeholders` of the configuration",
             DidYouMean(near)),
      near);
  return nullptr;
}

}  // namespace

std::optional<std::vector<std::string>> ExpandPlaceholders(const YamlNode& value, bool is_pattern,
                                                           const Placeholders* placeholders,
                                                           const KeyPlace& place) {
  const std::string_view written = value.text;
  const auto refuse = [&](std::string_view what) {
    place.findings->Error(PlaceOf(value, place.file), place.path, what);
    return std::nullopt;
  };
  std::vector<std::string> variants(1);
  bool any = false;
  for (size_t i = 0; i < written.size();) {
    if (written[i] == '\\' && i + 1 < written.size() && written[i + 1] == '%') {
      for (std::string& variant : variants) variant += '%';
      i += 2;
      continue;
    }
    const size_t end = written[i] == '%' ? written.find('%', i + 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      for (std::string& variant : variants) variant += written[i];
      ++i;
      continue;
    }
    any = true;
    const std::vector<std::string>* const replacements =
        FindPlaceholder(written.substr(i + 1, end - i - 1), placeholders, value, i, place);
    if (replacements == nullptr) return std::nullopt;
    if (variants.size() * replacements->size() > kVariantsMax)
      return refuse(Concat("its placeholders make more than ", kVariantsMax, " values"));
    std::vector<std::string> longer;
    for (const std::string& variant : variants) {
      for (const std::string& replacement : *replacements)
        longer.push_back(variant + (is_pattern ? EscapePattern(replacement) : replacement));
    }
    variants = std::move(longer);
    i = end + 1;
  }
  if (!any) return refuse("|expand, but no %placeholder% in the value");
  return variants;
}

}  // namespace stockade
