// What is known of the bouncers that ask: who they are, up to where each was told, and what they say they did.
//
// One key may serve several machines, so a bouncer is a key's name and the address it asks from. State of this run alone: after
// a restart each is told everything once more. At most kBouncersMax; whoever asked longest ago gives way. Any thread.
//
// Usage figures (POST /v1/usage-metrics): of `dropped`, `processed` and whatever else a bouncer counts the sum since we
// started; `active_decisions` as told last. At most kFiguresMax a bouncer, further ones are counted in one.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/firewall/crowdsec_view.h"

namespace stockade {

// One figure for whoever shows metrics.
struct CrowdsecSample {
  std::string name;  // "crowdsec_bouncer_reported_total"; ends in _total where it only rises
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

// An item of a usage report.
struct CrowdsecFigure {
  std::string name;
  std::string unit;
  std::string origin, remediation, ip_type;  // of its labels; empty where there is none
  double value = 0;
  auto operator<=>(const CrowdsecFigure&) const = default;
};

// The figures of a report's bouncers; a log processor's are passed over. Errors: InvalidArgument for what is not JSON,
// OutOfRange, with the words of the real server, for JSON that is no report.
absl::StatusOr<std::vector<CrowdsecFigure>> ParseUsageReport(std::string_view json);

class CrowdsecBouncers {
 public:
  static constexpr size_t kBouncersMax = 4096;
  static constexpr size_t kFiguresMax = 64;
  static constexpr size_t kAgentBytesMax = 64;  // of its type, and of its version

  struct Id {
    std::string name;  // of its key
    std::string address;
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  // It asked, and said this of itself: "crowdsec-firewall-bouncer/v0.0.25".
  void Note(const Id& id, std::string_view user_agent, int64_t now_ms);
  // A default one for who was told nothing.
  CrowdsecCursor CursorOf(const Id& id) const;
  // It was handed all up to this cursor. An older one than it has changes nothing.
  void Handed(const Id& id, CrowdsecCursor cursor, int64_t now_ms);
  void AddFigures(const Id& id, const std::vector<CrowdsecFigure>& figures);
  void AppendSamples(std::vector<CrowdsecSample>* samples) const;

 private:
  struct Bouncer {
    std::string type;
    std::string version;
    CrowdsecCursor cursor;
    int64_t asked_ms = 0;
    int64_t pulled_ms = 0;                     // 0: never
    std::map<CrowdsecFigure, double> figures;  // by all but the value, which is 0 in the key
  };

  mutable std::mutex mutex_;
  std::map<Id, Bouncer> bouncers_;
};

}  // namespace stockade
