// Alerts as CrowdSec's agents and cscli hand them in (POST /v1/alerts): checked as the real server checks them, and the
// decisions they carry.
//
// Source: crowdsecurity/crowdsec pkg/models/localapi_swagger.yaml (AddAlertsRequest). Member names are matched in any case,
// as Go's decoder does: the real server's own test bodies say "Events". An alert without decisions is accepted and brings none:
// the real server would make some by its profiles; ours are made by Stockade's own rules. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decision/decision.h"

namespace stockade {

// One decision that somebody else made and wants carried out here.
struct ImportedDecision {
  Action action = Action::kBlock;
  Scope scope = Scope::kIp;
  std::string value;     // canonical text of the prefix, or the AS number, or the account
  Prefix prefix;         // of kIp and kRange
  int64_t for_ms = 0;    // > 0, from now on
  std::string origin;    // "crowdsec", "cscli": as said
  std::string scenario;  // "crowdsecurity/ssh-bf": as said
  std::string machine;   // whose key it came with
};

struct ImportedAlerts {
  size_t alerts = 0;
  std::vector<ImportedDecision> decisions;
  // Passed over: simulated, over already, or of a type or scope that Stockade does not have.
  size_t skipped = 0;
};

// At most this many decisions in one request: a list of a size that anybody reviews.
inline constexpr size_t kImportedDecisionsMax = 100'000;

// Errors: InvalidArgument for what is no JSON array of objects; OutOfRange, listing what is missing in the real server's words,
// for alerts that the swagger does not allow. Then none of the request's alerts counts.
absl::StatusOr<ImportedAlerts> ParseCrowdsecAlerts(std::string_view json, std::string_view machine);

}  // namespace stockade
