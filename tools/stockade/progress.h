// One line on a terminal that says how far a long run is; nothing at all where standard error is no terminal.
#pragma once

#include <chrono>

#include "adapters/source/source.h"
#include "tools/stockade/console.h"

namespace stockade {

class Progress {
 public:
  // Both outlive it.
  Progress(Console* console, const SourceCounters* counters) : console_(*console), counters_(*counters) {}

  // Draws the line anew, ten times a second at most. Cheap to call once a batch.
  void Show();
  // Takes the line away, before anything else is printed.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  Console& console_;
  const SourceCounters& counters_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_ + std::chrono::milliseconds(500);  // what is over sooner needs none
  bool shown_ = false;
};

}  // namespace stockade
