// HAProxy's HTTP log (`option httplog`; HAProxy 2.6 Configuration Manual §8.2.3), with or without a syslog head in front:
//
//   [head ]10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0
//   [{captured} [{captured}] ]"POST /login HTTP/1.1"
//
// What of it is an attempt and what came of it: as of access logs (access_log.h), but that nobody logs in by HTTP Basic
// here, for the log has no user. Dates have no zone: they are in SourceOptions::time_zone. A status of -1, where the server
// never answered, is outcome unknown. Captured headers have no names and are not read. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "adapters/source/access_log.h"
#include "adapters/source/registry.h"
#include "adapters/source/timestamp.h"

namespace stockade {

// False: a line of another shape. `date` is without brackets, `host` without its port; the vhost is that of an absolute
// target only.
bool ParseHaproxyLogLine(std::string_view text, AccessLogLine* line) noexcept;
// "06/Feb/2009:12:14:14.655".
std::optional<int64_t> ParseHaproxyDate(std::string_view text, const LocalZone& zone) noexcept;

Recognition RecognizeHaproxyLog(std::span<const std::string_view> lines, const SourceOptions& options);

}  // namespace stockade
