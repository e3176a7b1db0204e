// The text of known_stacks.csv, built in: a program needs no file to know browsers from tools.
#pragma once

#include <string_view>

namespace stockade {

extern const std::string_view kKnownStacksText;

}  // namespace stockade
