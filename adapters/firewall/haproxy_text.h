// The text of HAProxy's runtime API (its management.txt, §9.3): words of commands, lines of payloads, answers.
//
// A command ends at a line's end or an unescaped ';', its words at white space; a backslash takes the meaning from what
// follows it; "<<" as the last word announces a payload, which ends at an empty line and in which nothing is escaped: the
// first word of a line is the key, the rest the value. So a name that a stranger chose may end a command, begin another, or
// end a payload, unless it is escaped or refused here. An answer is lines up to an empty one; no command gives an empty
// line, so that many answers are told apart. Checked against HAProxy 2.6 (tests/adapters/firewall/haproxy_test.cc).
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stockade {

// A key of a map, bytes. The engine names accounts by at most 256 bytes; HAProxy takes no command beyond tune.bufsize.
inline constexpr size_t kHaproxyKeyBytesMax = 512;

// Whether HAProxy can be told this key at all: not empty, not too long, no control characters (they end commands, and no
// escape brings them through).
bool IsHaproxyKey(std::string_view key) noexcept;
// Whether the key may stand first in a line of a payload: no white space in it.
bool IsPayloadKey(std::string_view key) noexcept;
// Appends `word` as one word of a command. `word` is IsHaproxyKey.
void AppendHaproxyWord(std::string_view word, std::string* out);
// Whether a name of the settings (a map, a table) may stand in a command as it is: no white space, none of ;\<#@ and no
// control characters.
bool IsPlainWord(std::string_view word) noexcept;

// `text` as a map's value: letters, digits, '.', '_' and '-' stay, any other byte becomes '_'; at most 64 bytes.
std::string HaproxyValue(std::string_view text);

// The answers in `text`, of `count` commands in their order, each without its last line end. Error: there are fewer or more,
// which means that something else answers there, or that it was cut short.
absl::StatusOr<std::vector<std::string_view>> SplitAnswers(std::string_view text, size_t count);

// One line of `show map`: "0x55a2dac38e30 203.0.113.9 block:0123456789abcdef". Keys may hold spaces; values that we wrote
// never do.
struct MapEntry {
  std::string_view key;
  std::string_view value;
};
std::optional<MapEntry> ParseMapEntry(std::string_view line) noexcept;

// The line of `show map` (without arguments) for a map: "0 (/etc/x.map) pattern loaded … curr_ver=0 next_ver=0 entry_cnt=2".
struct MapState {
  uint64_t version = 0;
  uint64_t entries = 0;

  friend bool operator==(const MapState&, const MapState&) = default;
};
std::optional<MapState> FindMapState(std::string_view answer, std::string_view map) noexcept;

// The version that `prepare map` made: "New version created: 1".
std::optional<uint64_t> ParseNewVersion(std::string_view answer) noexcept;

// One line of `show table`: "0x7f90e8039f58: key=2001:db8::1 use=0 exp=600000 gpc0=1"; `counter` is gpc0 here.
struct TableEntry {
  std::string_view key;
  uint64_t count = 0;
};
std::optional<TableEntry> ParseTableEntry(std::string_view line, std::string_view counter) noexcept;
// Whether the table takes IPv6: "# table: st, type: ipv6, size:102400, used:1". Nothing: it holds no addresses.
std::optional<bool> ParseTableIsV6(std::string_view first_line) noexcept;

}  // namespace stockade
