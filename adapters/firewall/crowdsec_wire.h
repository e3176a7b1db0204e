// How decisions read on CrowdSec's wire: words for actions and scopes, Go durations, and one decision as JSON.
//
// Source: crowdsecurity/crowdsec pkg/models/localapi_swagger.yaml (definitions/Decision). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/firewall/firewall.h"

namespace stockade {

// Whose decisions these are: `origin`, and before the slash of `scenario`.
inline constexpr std::string_view kCrowdsecOrigin = "stockade";

// `type`. Bouncers act on the types they were set to (ban, where nothing was set). A lock is a type of our own, because it
// closes an account's unfamiliar lane, or with `lock-all` every lane, and no ban of anybody's traffic: what knows accounts
// asks for scopes=username and reads it, and nothing else takes it for a ban. Both kinds of challenge are `captcha`, the
// only test that bouncers can show.
std::string_view CrowdsecType(const OrderKey& key) noexcept;
// `scope`: Ip, Range, AS, username.
std::string_view CrowdsecScope(Scope scope) noexcept;
// The scopes of a comma-separated filter as bits of Capabilities::Bit. Ip, Range and AS in any case, as CrowdSec has it;
// words that name no scope of ours stand for no decision.
uint8_t CrowdsecScopes(std::string_view words) noexcept;

// One decision. The six members that Go's bouncers follow without a look (origin, type, scope, value, duration, scenario) are
// always there.
struct CrowdsecRow {
  int64_t id = 0;
  uint64_t decision_id = 0;  // both make the uuid
  std::string_view type;
  std::string_view scope;
  std::string_view value;
  std::string_view scenario;  // our rule's name
  int64_t seconds = 0;        // left; negative for one that has ended
};
void AppendCrowdsecRow(const CrowdsecRow& row, std::string* out);

}  // namespace stockade
