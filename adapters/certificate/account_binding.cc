#include "adapters/certificate/account_binding.h"

#include <openssl/x509v3.h>
#include <re2/re2.h>

#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// ub-common-name and its kin are 64 characters (RFC 5280 appendix A.1); an e-mail address 254. Beyond this nothing is an
// account.
constexpr size_t kAccountBytesMax = 1024;

struct Part {
  std::string_view name;
  int nid;
};
constexpr Part kParts[] = {{"serial_number", NID_serialNumber},
                           {"cn", NID_commonName},
                           {"uid", NID_userId},
                           {"email", NID_pkcs9_emailAddress}};

// The text as UTF-8; false where it cannot be one.
bool TextOf(const ASN1_STRING* value, std::string* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return false;
  text->assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return true;
}

bool IsPlain(std::string_view text) noexcept {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

// False where one of them is no text.
bool AddAlternativeEmails(X509* certificate, std::vector<std::string>* values) {
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  bool good = true;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_EMAIL) continue;
    good = TextOf(name->d.rfc822Name, &values->emplace_back()) && good;
  }
  GENERAL_NAMES_free(names);
  return good;
}

}  // namespace

std::string FoldedAccount(std::string_view account) {
  std::string folded(FromAbsl(absl::StripAsciiWhitespace(ToAbsl(account))));
  absl::AsciiStrToLower(&folded);
  return folded;
}

AccountBinding::AccountBinding(int nid, std::string_view from, std::unique_ptr<re2::RE2> pattern)
    : nid_(nid), from_(from), pattern_(std::move(pattern)) {}
AccountBinding::AccountBinding(AccountBinding&&) noexcept = default;
AccountBinding::~AccountBinding() = default;

absl::StatusOr<AccountBinding> AccountBinding::Create(std::string_view from, const std::string& pattern) {
  int nid = NID_undef;
  for (const Part& part : kParts)
    if (part.name == from) nid = part.nid;
  if (nid == NID_undef) {
    return absl::InvalidArgumentError(
        Concat("gateway.certificates.account: \"", PrintableText(from),
               "\" is no part of a subject; write serial_number, cn, uid or email"));
  }
  std::unique_ptr<re2::RE2> compiled;
  if (!pattern.empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    compiled = std::make_unique<re2::RE2>(pattern, options);
    if (!compiled->ok()) {
      return absl::InvalidArgumentError(Concat("gateway.certificates.account_pattern: ", compiled->error()));
    }
    if (compiled->NumberOfCapturingGroups() < 1) {
      return absl::InvalidArgumentError(
          "gateway.certificates.account_pattern: has no group; put parentheses around the account, as in "
          "^CN-([0-9]+)$");
    }
  }
  return AccountBinding(nid, from, std::move(compiled));
}

std::optional<std::string> AccountBinding::AccountOf(x509_st* certificate, std::string* why) const {
  std::vector<std::string> values;
  bool readable = true;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, nid_, i)) >= 0;) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    readable = TextOf(X509_NAME_ENTRY_get_data(entry), &values.emplace_back()) && readable;
  }
  if (nid_ == NID_pkcs9_emailAddress) {
    readable = AddAlternativeEmails(certificate, &values) && readable;
    std::set<std::string> distinct;
    for (const std::string& value : values) distinct.insert(FoldedAccount(value));
    values.assign(distinct.begin(), distinct.end());
  }
  if (values.empty()) {
    *why = Concat("its subject has no ", from_);
    return std::nullopt;
  }
  if (values.size() > 1) {
    *why = Concat("its subject has ", values.size(), " different or repeated values of ", from_);
    return std::nullopt;
  }
  const std::string& value = values[0];
  if (!readable || !IsPlain(value) || value.size() > kAccountBytesMax) {
    *why = Concat("its ", from_, " is not plain text");
    return std::nullopt;
  }
  std::string account = value;
  if (pattern_ != nullptr) {
    re2::StringPiece group;
    if (!re2::RE2::PartialMatch(value, *pattern_, &group)) {
      *why = Concat("its ", from_, " \"", PrintableText(value), "\" does not match account_pattern");
      return std::nullopt;
    }
    account.assign(group.data() == nullptr ? "" : std::string(group.data(), group.size()));
  }
  account = FoldedAccount(account);
  if (account.empty()) {
    *why = Concat("its ", from_, " holds no account");
    return std::nullopt;
  }
  return account;
}

}  // namespace stockade
