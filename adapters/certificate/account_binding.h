// Whose account a certificate speaks for: one part of its subject, and of that what a pattern takes out.
//
// A part that stands twice, is empty, or holds a byte that no name is written with (NUL, control characters) speaks for
// nobody: two readers could see two accounts in it. `email` is looked for in the subject and among the alternative names
// (RFC 8550 §3 moved it there), and must come to one address.
//
// Accounts are compared after trimming spaces and folding ASCII case. Nothing beyond ASCII is folded: what Unicode takes
// for the same letter, the application behind may take for two accounts.
//
// Immutable; any thread at once. About a microsecond.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct x509_st;
namespace re2 {
class RE2;
}

namespace stockade {

// Trimmed and folded: what two spellings of one account have in common.
std::string FoldedAccount(std::string_view account);

class AccountBinding {
 public:
  // `from`: serial_number, cn, uid or email. `pattern`: empty, or a RE2 (unanchored) whose first group is the account.
  // Errors name the key of the settings.
  static absl::StatusOr<AccountBinding> Create(std::string_view from, const std::string& pattern);
  AccountBinding(AccountBinding&&) noexcept;
  ~AccountBinding();

  // The account, folded; or nothing, and `*why` says why (printable).
  std::optional<std::string> AccountOf(x509_st* certificate, std::string* why) const;

 private:
  AccountBinding(int nid, std::string_view from, std::unique_ptr<re2::RE2> pattern);

  int nid_;
  std::string from_;
  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace stockade
