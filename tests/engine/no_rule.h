// A rule that nothing matches, for tests of an engine that is to go by its gate or its detectors alone.
#pragma once

#include <string_view>

namespace stockade {

inline constexpr std::string_view kNoRule =
    "title: None\nname: none\nlogsource: {category: authentication}\ndetection:\n"
    "  selection: {user.name: nobody_at_all}\n  condition: selection\n";

}  // namespace stockade
