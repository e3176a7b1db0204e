// Runs one case of a test file through the reader and the engine, and says where what came differs from what
// was expected.
//
// Deterministic; no clock. Cost: that of the engine, and memory kTestMemoryBytes while it runs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/field.h"
#include "engine/rule/rule_set.h"
#include "tools/stockade/test_file.h"

namespace stockade {

// What the engine of a case may keep: far more than kTestEventsMax events can fill.
inline constexpr size_t kTestMemoryBytes = size_t{64} << 20;

// The differences of a case, for people: lines that begin with "- " (expected, did not come), "+ " (came, was
// not expected), "  " (what agrees, where it helps to find the place) or a heading. Empty: the case passed.
// Alerts of rules that are not `tested` (by name, else id, else title) are not looked at: those rules were
// only loaded because tested ones refer to them, and without the rest of their pack they alert where nobody
// would hear them. Errors: events that the reader cannot read, with their place; options the engine refuses.
absl::StatusOr<std::vector<std::string>> RunTestCase(const TestCase& test, const FieldTable& fields,
                                                     const RuleSet& rules,
                                                     const std::set<std::string>& tested);

}  // namespace stockade
