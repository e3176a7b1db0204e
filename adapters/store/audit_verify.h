// Whether an audit log is whole and unchanged: over the store itself, or over lines that were exported from it.
//
// Reads from a store a few megabytes at a time, however long the log is; ~2 µs a line. What a chain proves, and what it does
// not: audit_chain.h. `kept`: number and chain of a line as somebody wrote them down before, on another machine or on paper;
// with them a log whose end was cut off, or that was written anew, is found out.
#pragma once

#include <istream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/store/decision_store.h"

namespace stockade {

// The head of the log as it is proven. DataLoss: the number of the first line that is wrong, and what about it. The
// source's own errors.
absl::StatusOr<AuditHead> VerifyAudit(AuditSource* source, const AuditHead& kept = {});

// The same of lines, each ended by a newline; empty ones are passed over. `before`: the line before the first one, of an
// export that does not begin with line 1.
absl::StatusOr<AuditHead> VerifyAudit(std::istream* lines, const AuditHead& kept = {},
                                      const AuditHead& before = {});

}  // namespace stockade
