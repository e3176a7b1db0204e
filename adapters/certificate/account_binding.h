// Whose account a certificate speaks for: one text in it, and of that what a pattern takes out.
//
//   serial_number, cn, uid   the part of the subject
//   email                    of the subject and of the alternative names (RFC 8550 §3 moved it there)
//   upn                      the user principal name among the alternative names, as Windows has it
//   1.2.840.113556.1.4.656   an object identifier: a part of the subject, another name among the alternative names, or an
//                            extension that is a text; wherever it stands
//   none                     nobody's: only a table says whose it is (account_table.h)
//
// A serial_number, cn or uid that stands twice, and any text that is empty or holds a byte that no name is written with
// (NUL, control characters), speaks for nobody: two readers could see two accounts in it. What may stand in several places
// must come to one text.
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

struct asn1_object_st;
struct x509_st;
namespace re2 {
class RE2;
}

namespace stockade {

// Trimmed and folded: what two spellings of one account have in common.
std::string FoldedAccount(std::string_view account);

class AccountBinding {
 public:
  // `pattern`: empty, or a RE2 (unanchored). `as`: the account in terms of its groups, as in "\\2-\\1"; empty: "\\1".
  // Errors name the key of the settings.
  static absl::StatusOr<AccountBinding> Create(std::string_view from, const std::string& pattern,
                                               const std::string& as = "");
  AccountBinding(AccountBinding&&) noexcept;
  ~AccountBinding();

  // The account, folded; or nothing, and `*why` says why (printable).
  std::optional<std::string> AccountOf(x509_st* certificate, std::string* why) const;

 private:
  struct FreeObject {
    void operator()(asn1_object_st* object) const noexcept;
  };
  AccountBinding() = default;
  std::optional<std::string> TextOf(x509_st* certificate, std::string* why) const;

  std::string from_;
  std::unique_ptr<asn1_object_st, FreeObject> object_;  // null: none
  bool in_subject_ = false, in_emails_ = false, in_other_names_ = false, in_extensions_ = false;
  std::unique_ptr<re2::RE2> pattern_;
  std::string as_;
};

}  // namespace stockade
