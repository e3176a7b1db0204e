#include "adapters/firewall/crowdsec_wire.h"

#include <cinttypes>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "adapters/go_duration.h"
#include "engine/text.h"

namespace stockade {

std::string_view CrowdsecType(const OrderKey& key) noexcept {
  switch (key.action) {
    case Action::kChallenge:
      return "captcha";
    case Action::kThrottle:
      return "throttle";
    case Action::kLock:
      return key.all_lanes ? "lock-all" : "lock";
    case Action::kBlock:
      break;
  }
  return "ban";
}

std::string_view CrowdsecScope(Scope scope) noexcept {
  switch (scope) {
    case Scope::kRange:
      return "Range";
    case Scope::kAsn:
      return "AS";
    case Scope::kAccount:
      return "username";
    case Scope::kIp:
    case Scope::kFingerprint:  // never carried
      break;
  }
  return "Ip";
}

uint8_t CrowdsecScopes(std::string_view words) noexcept {
  unsigned bits = 0;
  while (true) {
    const size_t comma = words.find(',');
    const std::string_view word = words.substr(0, comma);
    for (const Scope scope : {Scope::kIp, Scope::kRange, Scope::kAsn})
      if (absl::EqualsIgnoreCase(ToAbsl(word), ToAbsl(CrowdsecScope(scope))))
        bits |= Capabilities::Bit(scope);
    if (word == CrowdsecScope(Scope::kAccount)) bits |= Capabilities::Bit(Scope::kAccount);
    if (comma == std::string_view::npos) return static_cast<uint8_t>(bits);
    words.remove_prefix(comma + 1);
  }
}

void AppendCrowdsecRow(const CrowdsecRow& row, std::string* out) {
  // RFC 9562 version 8: a form for uuids made of something else than time or chance, here of what tells one telling of a
  // decision from any other.
  const uint64_t id = static_cast<uint64_t>(row.id);
  char uuid[40];
  std::snprintf(uuid, sizeof uuid, "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64,
                row.decision_id >> 32, row.decision_id >> 16 & 0xffff, row.decision_id >> 4 & 0xfff,
                (row.decision_id & 0xf) << 8 | (id >> 48 & 0xff), id & 0xffffffffffff);
  Append(out, "{\"id\":", row.id, ",\"uuid\":\"", uuid, "\",\"origin\":\"", kCrowdsecOrigin, "\",\"type\":\"",
         row.type, "\",\"scope\":\"", row.scope, "\",\"value\":");
  AppendJsonString(row.value, out);
  out->append(",\"duration\":\"");
  AppendGoDuration(row.seconds, out);
  out->append("\",\"scenario\":");
  AppendJsonString(row.scenario, out);
  out->append(",\"simulated\":false}");
}

}  // namespace stockade
