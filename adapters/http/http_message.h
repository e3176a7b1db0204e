// An HTTP/1.1 message as the gateway's parts hand it to one another: views into a buffer that somebody else holds, and
// nothing copied. What a head means for the connection (where the body ends, whether it stays open) is head_reader.h's.
//
// Views live as long as the buffer they were read from. Plain data; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "absl/strings/match.h"
#include "engine/text.h"

namespace stockade {

struct HeaderField {
  std::string_view name;   // as it came
  std::string_view value;  // without the white space around it
};

// The first field of this name (ASCII case does not count); a view whose data() is null if there is none.
inline std::string_view FindField(std::span<const HeaderField> fields, std::string_view name) noexcept {
  for (const HeaderField& field : fields)
    if (absl::EqualsIgnoreCase(ToAbsl(field.name), ToAbsl(name))) return field.value;
  return {};
}
inline size_t CountFields(std::span<const HeaderField> fields, std::string_view name) noexcept {
  size_t count = 0;
  for (const HeaderField& field : fields)
    count += absl::EqualsIgnoreCase(ToAbsl(field.name), ToAbsl(name)) ? 1 : 0;
  return count;
}

struct RequestView {
  std::string_view method;
  std::string_view target;  // as it came: path and query, or the absolute form
  std::span<const HeaderField> fields;

  // The path of the target, without query and fragment, as it came (percent signs and all). An absolute form without a
  // path asks for "/" (RFC 9112 §3.2.1); "*" is itself; what is no target has none.
  std::string_view path() const noexcept {
    std::string_view text = target;
    if (!text.empty() && text[0] != '/' && text != "*") {
      const size_t scheme = text.find("://");
      if (scheme == std::string_view::npos) return {};
      // The first slash may be one of the query's.
      const size_t end = std::min(text.find_first_of("/?#", scheme + 3), text.size());
      text.remove_prefix(end);
      if (!text.starts_with('/')) return "/";
    }
    return text.substr(0, text.find_first_of("?#"));
  }
  std::string_view query() const noexcept {
    const std::string_view text = target.substr(0, target.find('#'));
    const size_t mark = text.find('?');
    return mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  }
};

struct ResponseView {
  int status = 0;
  std::span<const HeaderField> fields;
};

}  // namespace stockade
