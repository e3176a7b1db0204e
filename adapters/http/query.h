// The query of a request: names and values, percent signs decoded.
//
// Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade {

using Query = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=x%20y&c" → {a: "1"}, {b: "x y"}, {c: ""}, in their order; '+' is a space, as browsers and Go's net/url write it.
// Nothing for a percent sign that stands for no byte: a filter that was misread would name too much.
std::optional<Query> ParseQuery(std::string_view query);

// The first value of this name; null where there is none.
const std::string* FindInQuery(const Query& query, std::string_view name) noexcept;

}  // namespace stockade
