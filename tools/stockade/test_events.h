// The events of a test case as lines of NDJSON, repeats written out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"
#include "tools/stockade/test_file.h"

namespace stockade {

// Fields that every event has unless it has its own of that name. Their nodes outlive it.
using GivenFields = std::vector<const YamlEntry*>;
// Adds the entries of a map to them.
void ReadGiven(const YamlNode& map, std::string_view path, SettingsReader* reader, GivenFields* given);

// How far an event may lie from the start of its case, or from the one before: a memory of weeks is tested, not of decades.
inline constexpr SettingsReader::Range<absl::Duration> kTestSpans = {absl::ZeroDuration(),
                                                                     absl::Hours(24 * 3660)};

// The lines of a list of events, as they are written: the caller puts them in order.
std::vector<TestLine> ReadTestEvents(const YamlNode& events, const GivenFields& given, int64_t start_ms,
                                     SettingsReader* reader);

}  // namespace stockade
