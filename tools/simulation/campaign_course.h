// How one campaign fared against whoever stands in front of the password check: metrics M1 to M3, attempt by attempt.
//
// Nine bytes an attempt, for settling. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace stockade {

struct CampaignFigures {
  uint64_t attempts = 0;  // without cover
  uint64_t reached = 0;   // the password check: M1
  uint64_t reached_first_minute = 0;
  uint64_t reached_first_ten_minutes = 0;
  uint64_t challenges_solved = 0;
  uint64_t valid_tried = 0;   // right pairs: M2
  uint64_t taken_over = 0;    // and let in
  uint64_t first_stop = 0;    // the attempt's number, from 1 on; 0: none was stopped: M3
  int64_t first_stop_ms = 0;  // after the first attempt
  bool settled = false;
  uint64_t settled_after = 0;  // attempts before it has settled
  int64_t settled_after_ms = 0;
};

// What is to be known of one attempt of a campaign.
struct CampaignStep {
  int64_t time_ms = 0;
  bool right = false;       // the pair is
  bool challenged = false;  // the verdict was a challenge
  bool reached = false;     // the password check
  bool got_in = false;      // what came of it there
};

class CampaignCourse {
 public:
  void Add(const CampaignStep& step, CampaignFigures* figures);
  // Call once, last.
  void Settle(CampaignFigures* figures) const;

 private:
  int64_t begin_ms_ = 0;
  std::vector<bool> stopped_;      // of each attempt in order
  std::vector<int64_t> after_ms_;  // of each, since the first
};

}  // namespace stockade
