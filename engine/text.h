// The seam between std::string_view, which this code speaks, and Abseil's own string_view, which Debian's
// build of Abseil insists on (ABSL_OPTION_USE_STD_STRING_VIEW is 0 there). On a build of Abseil where both
// are one type these cost nothing.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace stockade {

inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}
inline std::string_view FromAbsl(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

namespace text_internal {
template <typename T>
decltype(auto) Piece(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ToAbsl(value);
  } else {
    return (value);
  }
}
}  // namespace text_internal

// absl::StrCat that also takes std::string_view.
template <typename... Pieces>
std::string Concat(const Pieces&... pieces) {
  return absl::StrCat(text_internal::Piece(pieces)...);
}

// absl::StrAppend that also takes std::string_view.
template <typename... Pieces>
void Append(std::string* out, const Pieces&... pieces) {
  absl::StrAppend(out, text_internal::Piece(pieces)...);
}

}  // namespace stockade
