#include "engine/rule/sigma_rule.h"

#include "engine/text.h"

namespace stockade {

absl::Status ErrorAt(const Place& place, std::string_view key, std::string_view what) {
  std::string text = place.file;
  if (place.line > 0) Append(&text, text.empty() ? "line " : ":", place.line);
  if (place.line > 0 && place.column > 0) Append(&text, ":", place.column);
  if (!text.empty()) text += ": ";
  if (!key.empty()) Append(&text, key, ": ");
  Append(&text, what);
  return absl::InvalidArgumentError(text);
}

}  // namespace stockade
