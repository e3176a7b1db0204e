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
                           {"email", NID_pkcs9_emailAddress},
                           {"upn", NID_ms_upn}};

// The text as UTF-8; false where it cannot be one.
bool TextOf(const ASN1_STRING* value, std::string* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return false;
  text->assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return true;
}

// The same of a value of any type: only of texts.
bool TextOf(const ASN1_TYPE* value, std::string* text) {
  switch (ASN1_TYPE_get(value)) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UNIVERSALSTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_VISIBLESTRING:
      return TextOf(value->value.asn1_string, text);
    default:
      return false;
  }
}

bool IsPlain(std::string_view text) noexcept {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

// In dots; null where it is anything else. OpenSSL lets spaces and a dot at the end pass.
ASN1_OBJECT* ReadOid(const std::string& text) {
  ASN1_OBJECT* object = OBJ_txt2obj(text.c_str(), /*no_name=*/1);
  char dots[128];
  if (object != nullptr && OBJ_obj2txt(dots, sizeof dots, object, /*no_name=*/1) > 0 && text == dots)
    return object;
  ASN1_OBJECT_free(object);
  return nullptr;
}

// What is found of one kind of text, and whether all of it can be read.
struct Found {
  std::vector<std::string> values;
  bool readable = true;

  template <typename Value>
  void Add(const Value* value) {
    readable = TextOf(value, &values.emplace_back()) && readable;
  }
};

void AddSubjectParts(X509* certificate, const ASN1_OBJECT* object, Found* found) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_OBJ(subject, object, i)) >= 0;)
    found->Add(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
}

// `object`: of other names that are wanted; null: e-mail addresses are.
void AddAlternativeNames(X509* certificate, const ASN1_OBJECT* object, Found* found) {
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (object == nullptr && name->type == GEN_EMAIL) found->Add(name->d.rfc822Name);
    if (object != nullptr && name->type == GEN_OTHERNAME && OBJ_cmp(name->d.otherName->type_id, object) == 0)
      found->Add(name->d.otherName->value);
  }
  GENERAL_NAMES_free(names);
}

void AddExtensions(X509* certificate, const ASN1_OBJECT* object, Found* found) {
  for (int i = -1; (i = X509_get_ext_by_OBJ(certificate, object, i)) >= 0;) {
    const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(X509_get_ext(certificate, i));
    const unsigned char* at = ASN1_STRING_get0_data(data);
    const unsigned char* const end = at + ASN1_STRING_length(data);
    ASN1_TYPE* value = d2i_ASN1_TYPE(nullptr, &at, end - at);
    if (value == nullptr || at != end) {
      found->readable = false;
      found->values.emplace_back();
    } else {
      found->Add(value);
    }
    ASN1_TYPE_free(value);
  }
}

}  // namespace

std::string FoldedAccount(std::string_view account) {
  std::string folded(FromAbsl(absl::StripAsciiWhitespace(ToAbsl(account))));
  absl::AsciiStrToLower(&folded);
  return folded;
}

void AccountBinding::FreeObject::operator()(asn1_object_st* object) const noexcept {
  ASN1_OBJECT_free(object);
}
AccountBinding::AccountBinding(AccountBinding&&) noexcept = default;
AccountBinding::~AccountBinding() = default;

absl::StatusOr<AccountBinding> AccountBinding::Create(std::string_view from, const std::string& pattern,
                                                      const std::string& as) {
  const ClearErrorsAtEnd clear;
  AccountBinding binding;
  binding.from_ = from;
  for (const Part& part : kParts) {
    if (part.name != from) continue;
    binding.object_.reset(OBJ_nid2obj(part.nid));
    binding.in_emails_ = part.nid == NID_pkcs9_emailAddress;
    binding.in_other_names_ = part.nid == NID_ms_upn;
    binding.in_subject_ = !binding.in_other_names_;
  }
  if (binding.object_ == nullptr && from != "none") {
    binding.object_.reset(ReadOid(binding.from_));
    binding.in_subject_ = binding.in_other_names_ = binding.in_extensions_ = true;
    if (binding.object_ == nullptr) {
      return absl::InvalidArgumentError(Concat(
          "gateway.certificates.account: \"", PrintableText(from),
          "\" is nothing that a certificate names; write serial_number, cn, uid, email, upn, an object "
          "identifier as 1.2.840.113556.1.4.656, or none"));
    }
  }
  if (pattern.empty()) {
    if (as.empty()) return binding;
    return absl::InvalidArgumentError(
        "gateway.certificates.account_template: takes groups of account_pattern, and there is none");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  binding.pattern_ = std::make_unique<re2::RE2>(pattern, options);
  binding.as_ = as.empty() ? "\\1" : as;
  if (!binding.pattern_->ok()) {
    return absl::InvalidArgumentError(
        Concat("gateway.certificates.account_pattern: ", binding.pattern_->error()));
  }
  if (binding.pattern_->NumberOfCapturingGroups() < 1) {
    return absl::InvalidArgumentError(
        "gateway.certificates.account_pattern: has no group; put parentheses around the account, as in "
        "^CN-([0-9]+)$");
  }
  std::string error;
  if (!binding.pattern_->CheckRewriteString(binding.as_, &error))
    return absl::InvalidArgumentError(Concat("gateway.certificates.account_template: ", error));
  return binding;
}

std::optional<std::string> AccountBinding::TextOf(x509_st* certificate, std::string* why) const {
  Found found;
  if (in_subject_) AddSubjectParts(certificate, object_.get(), &found);
  if (in_emails_) AddAlternativeNames(certificate, nullptr, &found);
  if (in_other_names_) AddAlternativeNames(certificate, object_.get(), &found);
  if (in_extensions_) AddExtensions(certificate, object_.get(), &found);
  std::vector<std::string>& values = found.values;
  if (!in_subject_ || in_emails_ || in_extensions_) {
    std::set<std::string> distinct;
    for (const std::string& value : values) distinct.insert(FoldedAccount(value));
    if (distinct.size() == 1) values.resize(1);
  }
  if (values.empty()) {
    *why = Concat("it names no ", from_);
  } else if (values.size() > 1) {
    *why = Concat("it has ", values.size(), " different or repeated values of ", from_);
  } else if (!found.readable || !IsPlain(values[0]) || values[0].size() > kAccountBytesMax) {
    *why = Concat("its ", from_, " is not plain text");
  } else {
    return std::move(values[0]);
  }
  return std::nullopt;
}

std::optional<std::string> AccountBinding::AccountOf(x509_st* certificate, std::string* why) const {
  if (object_ == nullptr) {
    *why = "the table of accounts does not name it";
    return std::nullopt;
  }
  std::optional<std::string> text = TextOf(certificate, why);
  if (!text) return std::nullopt;
  std::string account = *text;
  if (pattern_ != nullptr && !re2::RE2::Extract(*text, *pattern_, as_, &account)) {
    *why = Concat("its ", from_, " \"", PrintableText(*text), "\" does not match account_pattern");
    return std::nullopt;
  }
  account = FoldedAccount(account);
  if (account.empty()) {
    *why = Concat("its ", from_, " holds no account");
    return std::nullopt;
  }
  return account;
}

}  // namespace stockade
