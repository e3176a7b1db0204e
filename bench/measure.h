// How benches take time where a machine is shared with others: on one core, by the processor time of this
// process (user and system), floors and ours in turn, and of each the best.
//
// Processor time leaves out what other processes run meanwhile; what they push out of the caches stays in.
// That slows both sides, and every repetition runs both sides one after the other, so the ratio holds where
// the figures themselves do not. Not thread-safe; benches have one thread.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace stockade {

// Keeps the process on the core it is on. False where the system does not let it.
bool StayOnOneCore();
// Seconds of processor time this process has used, user and system.
double ProcessorSeconds();
// The same of a program that is run to its end, with its output thrown away; nothing where it cannot be run, or fails.
std::optional<double> ProcessorSecondsOf(const std::vector<std::string>& arguments);
// "load 0.52 0.60 0.70": the load averages of 1, 5 and 15 minutes, to judge a figure by.
std::string LoadText();
// The most memory that was ever resident, in bytes: VmHWM.
double ResidentBytesMax();

// The seconds one thing took, repetition by repetition.
class Timing {
 public:
  template <typename Run>
  void Take(Run&& run) {
    const double begin = ProcessorSeconds();
    run();
    Add(ProcessorSeconds() - begin);
  }
  void Add(double seconds) { seconds_.push_back(seconds); }

  double best() const { return *std::min_element(seconds_.begin(), seconds_.end()); }
  double median() const {
    std::vector<double> sorted = seconds_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

 private:
  std::vector<double> seconds_;
};

}  // namespace stockade
