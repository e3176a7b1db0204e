// The table of detection_bench as bars that people can look at: a row a class of attack, a column a policy, each bar the
// share of the attack that reached the password check; below it what it cost the customers. One SVG, no external files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stockade {

// Of one policy against one class, over all seeds.
struct FigureCell {
  uint64_t attempts = 0;  // median
  uint64_t reached = 0;   // median
  uint64_t reached_worst = 0;
  uint64_t first_stop_worst = 0;  // 0: in some world never
  uint64_t settled_worst = 0;
  bool settles = false;       // in every world
  uint64_t taken_over = 0;    // worst
  uint64_t locked_worst = 0;  // customers locked out by strangers
  uint64_t customers = 0;     // attempts of customers with an earlier login, all worlds
  uint64_t denied = 0;
  uint64_t challenged = 0;
  uint64_t first_denied = 0;  // of first logins
};
struct FigureRow {
  std::string name;               // of the class
  std::vector<FigureCell> cells;  // one a policy
};

std::string DrawFigure(const std::vector<std::string>& policies, const std::vector<FigureRow>& rows,
                       std::string_view caption);

}  // namespace stockade
