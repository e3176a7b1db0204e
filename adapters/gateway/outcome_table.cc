#include "adapters/gateway/outcome_table.h"

#include <re2/re2.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "adapters/gateway/json_body.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Pattern = std::unique_ptr<re2::RE2>;

bool Holds(const Pattern& pattern, std::string_view text) noexcept {
  return re2::RE2::PartialMatch({text.data(), text.size()}, *pattern);
}

bool IsPacked(const ResponseView& answer) noexcept {
  const std::string_view encoding = FindField(answer.fields, "content-encoding");
  return !encoding.empty() && !absl::EqualsIgnoreCase(ToAbsl(encoding), "identity");
}

// "3" is 3.0, and "LOCKED" itself.
bool SameJsonText(std::string_view found, std::string_view wanted) noexcept {
  if (found == wanted) return true;
  double a = 0;
  double b = 0;
  return absl::SimpleAtod(ToAbsl(found), &a) && absl::SimpleAtod(ToAbsl(wanted), &b) && a == b;
}

absl::Status Compile(const std::string& text, size_t row, std::string_view key, Pattern* pattern) {
  if (text.empty()) return absl::OkStatus();
  *pattern = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
  if ((*pattern)->ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("outcomes[", row, "].", key, ": ", (*pattern)->error()));
}

}  // namespace

struct OutcomeTable::Row {
  OutcomeRule rule;
  Pattern header;
  Pattern location;
  Pattern body;

  bool HeadHolds(const ResponseView& answer) const noexcept {
    if (!StatusMatches(rule.status, answer.status)) return false;
    if (location != nullptr) {
      const std::string_view found = FindField(answer.fields, "location");
      if (found.data() == nullptr || !Holds(location, found)) return false;
    }
    if (rule.header.empty()) return true;
    for (const HeaderField& field : answer.fields) {
      if (!absl::EqualsIgnoreCase(ToAbsl(field.name), rule.header)) continue;
      if (header == nullptr || Holds(header, field.value)) return true;
    }
    return false;
  }
  bool LooksAtBody() const noexcept { return body != nullptr || !rule.json_path.empty(); }
};

OutcomeTable::OutcomeTable() = default;
OutcomeTable::OutcomeTable(OutcomeTable&&) noexcept = default;
OutcomeTable& OutcomeTable::operator=(OutcomeTable&&) noexcept = default;
OutcomeTable::~OutcomeTable() = default;

absl::StatusOr<OutcomeTable> OutcomeTable::Create(const std::vector<OutcomeRule>& rules) {
  OutcomeTable table;
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto refuse = [i](std::string_view key, std::string_view what) {
      return absl::InvalidArgumentError(Concat("outcomes[", i, "].", key, ": ", what));
    };
    Row row;
    row.rule = rules[i];
    if (!row.rule.status.empty() && !IsStatusPattern(row.rule.status))
      return refuse("status", "must be a status as 200, or a class as 4xx");
    if (!row.rule.header_matches.empty() && row.rule.header.empty())
      return refuse("header_matches", "has no header beside it");
    if (!row.rule.json_equals.empty() && row.rule.json_path.empty())
      return refuse("json_equals", "has no json beside it");
    for (const absl::Status& status : {Compile(row.rule.header_matches, i, "header_matches", &row.header),
                                       Compile(row.rule.location, i, "location", &row.location),
                                       Compile(row.rule.body_matches, i, "body", &row.body)}) {
      if (!status.ok()) return status;
    }
    table.rows_.push_back(std::move(row));
  }
  return table;
}

bool OutcomeTable::has_body_rows() const noexcept {
  for (const Row& row : rows_) {
    if (row.LooksAtBody()) return true;
  }
  return false;
}

bool OutcomeTable::NeedsBody(const ResponseView& answer) const noexcept {
  const bool packed = IsPacked(answer);
  for (const Row& row : rows_) {
    if (!row.HeadHolds(answer)) continue;
    if (!row.LooksAtBody()) return false;
    if (!packed) return true;
  }
  return false;
}

Outcome OutcomeTable::Read(const ResponseView& answer, std::string_view body, int* row_found) const {
  const bool packed = IsPacked(answer);
  FoundValue value;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    if (!row.HeadHolds(answer)) continue;
    if (row.LooksAtBody() && packed) continue;
    if (!row.rule.json_path.empty()) {
      if (ReadJsonValue(body, row.rule.json_path, &value) != LoginReadError::kNone || !value.found) continue;
      if (!row.rule.json_equals.empty() && !SameJsonText(value.text.view(), row.rule.json_equals)) continue;
    }
    if (row.body != nullptr && !Holds(row.body, body)) continue;
    if (row_found != nullptr) *row_found = static_cast<int>(i);
    return row.rule.outcome;
  }
  if (row_found != nullptr) *row_found = -1;
  return Outcome::kUnknown;
}

bool IsStatusPattern(std::string_view wanted) noexcept {
  if (wanted.size() != 3 || wanted[0] < '1' || wanted[0] > '5') return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return (digit(wanted[1]) && digit(wanted[2])) || wanted.substr(1) == "xx";
}

bool StatusMatches(std::string_view wanted, int status) noexcept {
  if (wanted.empty()) return true;
  if (wanted.size() == 3 && wanted.substr(1) == "xx") return status / 100 == wanted[0] - '0';
  int number = 0;
  return absl::SimpleAtoi(ToAbsl(wanted), &number) && number == status;
}

}  // namespace stockade
