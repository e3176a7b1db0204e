#include "adapters/store/audit_verify.h"

#include <string>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Lines of one ReadAudit.
constexpr size_t kLinesAtOnce = 5000;

class Verification {
 public:
  Verification(const AuditHead& before, const AuditHead& kept)
      : reader_(before.n, before.chain), kept_(kept) {}

  absl::Status Take(std::string_view line) {
    RETURN_IF_ERROR(reader_.Take(line));
    if (reader_.number() == kept_.n && reader_.chain() != kept_.chain) {
      return absl::DataLossError(Concat("line ", kept_.n, " has chain ", reader_.chain(), ", not ",
                                        kept_.chain, " as it had: the log up to it was written anew"));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<AuditHead> Finish() const {
    if (reader_.number() < kept_.n) {
      return absl::DataLossError(Concat("the log ends with line ", reader_.number(), "; it had ", kept_.n,
                                        ": its end was cut off, or an older copy was put in its place"));
    }
    return head();
  }
  AuditHead head() const { return {reader_.number(), reader_.chain()}; }

 private:
  AuditChainReader reader_;
  const AuditHead& kept_;
};

}  // namespace

absl::StatusOr<AuditHead> VerifyAudit(AuditSource* source, const AuditHead& kept) {
  Verification verification({}, kept);
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                     source->ReadAudit(verification.head().n, kLinesAtOnce));
    if (lines.empty()) return verification.Finish();
    for (const std::string& line : lines) RETURN_IF_ERROR(verification.Take(line));
  }
}

absl::StatusOr<AuditHead> VerifyAudit(std::istream* lines, const AuditHead& kept, const AuditHead& before) {
  Verification verification(before, kept);
  for (std::string line; std::getline(*lines, line);)
    if (!line.empty()) RETURN_IF_ERROR(verification.Take(line));
  if (lines->bad()) return absl::UnavailableError("the lines cannot be read");
  return verification.Finish();
}

}  // namespace stockade
