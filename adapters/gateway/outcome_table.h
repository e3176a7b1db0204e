// What the application's answer says came of a login: the rows of an endpoint's table, in order; the first whose
// conditions all hold names the outcome, and none is unknown.
//
// Immutable after Create; any thread at once. Cost: rows × conditions; a json row parses the body each time, a body pattern
// costs what RE2 costs over answer_bytes. Hostile input: an answer is the application's, but may quote the client; RE2
// is linear, and JSON that is broken, or was cut at answer_bytes, or is packed (Content-Encoding), fits no row.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/gateway/settings.h"
#include "adapters/http/http_message.h"
#include "engine/event/outcome.h"

namespace re2 {
class RE2;
}

namespace stockade {

class OutcomeTable {
 public:
  // Errors, naming row and key: a status that is neither "200" nor "4xx"; a pattern RE2 refuses; header_matches without
  // header or json_equals without json.
  static absl::StatusOr<OutcomeTable> Create(const std::vector<OutcomeRule>& rules);
  OutcomeTable(OutcomeTable&&) noexcept;
  OutcomeTable& operator=(OutcomeTable&&) noexcept;
  ~OutcomeTable();

  // Whether any row looks at bodies; and whether, of this answer, a body must be seen to know.
  bool has_body_rows() const noexcept;
  bool NeedsBody(const ResponseView& answer) const noexcept;
  Outcome Read(const ResponseView& answer, std::string_view body, int* row) const;

 private:
  struct Row;
  OutcomeTable();

  std::vector<Row> rows_;
};

// Whether a row's `status`, "200" or "4xx" or empty, is that of an answer; and whether it is well written.
bool StatusMatches(std::string_view wanted, int status) noexcept;
bool IsStatusPattern(std::string_view wanted) noexcept;

}  // namespace stockade
