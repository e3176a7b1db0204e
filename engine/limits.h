// Every ceiling that rooms share or a user may set: its value, its unit, and why it is what it is. A bound
// that one type alone needs stands beside that type.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stockade {

// Counts and distinct counts up to here are exact: every threshold a login rule was ever published with lies
// below (CrowdSec 5-10, fail2ban 5, Elastic 25, AWS 20), and 64 times of 4 bytes are four cache lines.
inline constexpr int kExactLimit = 64;

// Above kExactLimit an estimate's standard error is at most this share of the true value, and decisions say
// so.
inline constexpr double kEstimateErrorMax = 0.02;

// The longest span of a window, milliseconds. Times inside a window are 32-bit milliseconds modulo 2^32 (49.7
// days); 30 days leaves the headroom that telling "old" from "wrapped" needs.
inline constexpr int64_t kSpanMsMax = int64_t{30} * 24 * 3600 * 1000;
static_assert(kSpanMsMax < (int64_t{1} << 31) * 2 - int64_t{10} * 24 * 3600 * 1000);

// How late an event may come and still count where it belongs, by default. Log shippers flush every few
// seconds and retry for a few minutes; five minutes is also what Kerberos allows a clock to be wrong (RFC
// 4120 §1.6).
inline constexpr int64_t kLatenessMsDefault = int64_t{5} * 60 * 1000;
// What a user may set it to. A day: beyond it, it is another log to be merged, not lateness.
inline constexpr int64_t kLatenessMsMax = int64_t{24} * 3600 * 1000;

// A step of event time forward by more than this, or than the lateness, is believed only when the next event
// agrees. An hour: shorter than a quiet night, longer than any scheduler's hiccup.
inline constexpr int64_t kJumpMsMax = int64_t{3600} * 1000;

// Everything the engine keeps: the default ceiling, and the smallest that is shared out into useful parts
// (4 MiB of lanes, 2 of decisions, 10 of windows).
inline constexpr size_t kMemoryBytesDefault = size_t{1} << 30;
inline constexpr size_t kMemoryBytesMin = size_t{16} << 20;

// One line of a log, one record of NDJSON. nginx and HAProxy cut headers at 8-64 KiB; a login event of more
// than 1 MiB is an attack on the reader.
inline constexpr size_t kLineBytesMax = size_t{1} << 20;

// One field that is used as a key or matched by a pattern. Longer values are hashed and matched whole, but
// never printed whole.
inline constexpr size_t kPrintedFieldBytesMax = 256;

}  // namespace stockade
