#include "adapters/certificate/ocsp_response.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>

#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

using OwnedResponse = std::unique_ptr<OCSP_RESPONSE, FreeBy<OCSP_RESPONSE_free>>;
using OwnedBasic = std::unique_ptr<OCSP_BASICRESP, FreeBy<OCSP_BASICRESP_free>>;
using OwnedCertId = std::unique_ptr<OCSP_CERTID, FreeBy<OCSP_CERTID_free>>;
using BorrowedCertificates =
    std::unique_ptr<STACK_OF(X509), FreeBy<[](STACK_OF(X509) * all) { sk_X509_free(all); }>>;

// Extensions that may be critical: they change nothing of what is decided here.
constexpr int kKnownExtensions[] = {NID_id_pkix_OCSP_Nonce, NID_id_pkix_OCSP_CrlID,
                                    NID_id_pkix_OCSP_archiveCutoff, NID_id_pkix_OCSP_serviceLocator,
                                    NID_ct_cert_scts};

bool IsKnown(const X509_EXTENSION* extension) {
  const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(const_cast<X509_EXTENSION*>(extension)));
  return X509_EXTENSION_get_critical(extension) == 0 ||
         std::find(std::begin(kKnownExtensions), std::end(kKnownExtensions), nid) !=
             std::end(kKnownExtensions);
}

bool IsForCertificate(OCSP_SINGLERESP* answer, const X509* certificate, const X509* issuer) {
  const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(answer);
  ASN1_OBJECT* digest = nullptr;
  OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
  const EVP_MD* by = digest == nullptr ? nullptr : EVP_get_digestbyobj(digest);
  if (by == nullptr) return false;
  const OwnedCertId ours(OCSP_cert_to_id(by, certificate, issuer));
  return ours != nullptr && OCSP_id_cmp(const_cast<OCSP_CERTID*>(id), ours.get()) == 0;
}

// Whether the response says that this certificate's holder signed it.
bool IsResponder(const OCSP_BASICRESP* basic, const X509* signer) {
  const ASN1_OCTET_STRING* key_hash = nullptr;
  const X509_NAME* name = nullptr;
  if (OCSP_resp_get0_id(basic, &key_hash, &name) != 1) return false;
  if (name != nullptr) return X509_NAME_cmp(name, X509_get_subject_name(signer)) == 0;
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // §4.2.1: SHA-1 of the key, whatever the signature is made with.
  if (X509_pubkey_digest(signer, EVP_sha1(), hash, &size) != 1) return false;
  const unsigned char* said = ASN1_STRING_get0_data(key_hash);
  return ASN1_STRING_length(key_hash) == static_cast<int>(size) && std::equal(hash, hash + size, said);
}

bool IsSignedBy(OCSP_BASICRESP* basic, X509* signer) {
  const BorrowedCertificates only(sk_X509_new_null());
  if (only == nullptr || sk_X509_push(only.get(), signer) <= 0) return false;
  return OCSP_basic_verify(basic, only.get(), nullptr, OCSP_NOVERIFY | OCSP_NOINTERN) == 1;
}

bool MaySpeakFor(X509* delegate, X509* issuer, std::time_t now_s, const PathFloors& floors) {
  if (X509_NAME_cmp(X509_get_issuer_name(delegate), X509_get_subject_name(issuer)) != 0) return false;
  // Reads the extensions.
  if (X509_check_purpose(delegate, -1, 0) != 1) return false;
  const uint32_t flags = X509_get_extension_flags(delegate);
  if ((flags & EXFLAG_CRITICAL) != 0 || (flags & EXFLAG_XKUSAGE) == 0) return false;
  if ((X509_get_extended_key_usage(delegate) & XKU_OCSP_SIGN) == 0) return false;
  // Every bit is set where there is no key usage.
  if ((X509_get_key_usage(delegate) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) return false;
  const auto from = SecondsOf(X509_get0_notBefore(delegate));
  const auto until = SecondsOf(X509_get0_notAfter(delegate));
  if (!from || !until || now_s < *from || now_s > *until) return false;
  if (CheckFloors(delegate, floors, false)) return false;
  return X509_verify(delegate, X509_get0_pubkey(issuer)) == 1;
}

bool HasRightSigner(OCSP_BASICRESP* basic, X509* issuer, std::time_t now_s, const PathFloors& floors) {
  if (!IsStrongSignature(OCSP_resp_get0_tbs_sigalg(basic), floors)) return false;
  if (IsResponder(basic, issuer) && IsSignedBy(basic, issuer)) return true;
  const STACK_OF(X509)* sent = OCSP_resp_get0_certs(basic);
  // Two at most are looked at: each costs two signatures.
  int looked_at = 0;
  for (int i = 0; i < sk_X509_num(sent) && looked_at < 2; ++i) {
    X509* delegate = sk_X509_value(sent, i);
    if (!IsResponder(basic, delegate)) continue;
    ++looked_at;
    if (MaySpeakFor(delegate, issuer, now_s, floors) && IsSignedBy(basic, delegate)) return true;
  }
  return false;
}

OcspAnswer Unknown(std::string why) {
  return {OcspStatus::kUnknown, std::move(why), 0, 0};
}

OcspAnswer ReadAnswer(OCSP_SINGLERESP* answer, int64_t now_s, const OcspOptions& options) {
  for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(answer); ++i)
    if (!IsKnown(OCSP_SINGLERESP_get_ext(answer, i)))
      return Unknown("the answer has a critical extension that is not known");
  ASN1_GENERALIZEDTIME* revoked = nullptr;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int status = OCSP_single_get0_status(answer, nullptr, &revoked, &this_update, &next_update);
  const auto from_s = SecondsOf(this_update);
  if (!from_s) return Unknown("thisUpdate cannot be read");
  if (*from_s > now_s + absl::ToInt64Seconds(options.ahead)) return Unknown("the answer is from the future");
  int64_t until_s = std::numeric_limits<int64_t>::max();
  if (options.age_max != absl::InfiniteDuration()) until_s = *from_s + absl::ToInt64Seconds(options.age_max);
  if (next_update != nullptr) {
    const auto next_s = SecondsOf(next_update);
    if (!next_s) return Unknown("nextUpdate cannot be read");
    until_s = std::min(until_s, *next_s - 1);
  } else if (options.age_max == absl::InfiniteDuration()) {
    return Unknown("the answer says no nextUpdate, and no greatest age is set");
  }
  if (now_s > until_s) return Unknown("the answer is stale");
  switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
      return {OcspStatus::kGood, "", *from_s, until_s};
    case V_OCSP_CERTSTATUS_REVOKED:
      return {OcspStatus::kRevoked, Concat("revoked at ", TimeText(revoked)), *from_s, until_s};
    default:
      return Unknown("the responder does not know the certificate");
  }
}

}  // namespace

OcspAnswer ReadOcspResponse(std::string_view der, const X509* certificate, X509* issuer, absl::Time now,
                            const OcspOptions& options) {
  const ClearErrorsAtEnd clear;
  if (der.empty() || der.size() > kOcspResponseBytesMax) return Unknown("the response is empty or too large");
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const OwnedResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr || at != end) return Unknown("the response cannot be read");
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return Unknown(Concat("the responder says ", std::string_view(OCSP_response_status_str(status))));
  const OwnedBasic basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return Unknown("the response cannot be read");
  const int64_t now_s = absl::ToUnixSeconds(now);

  for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic.get()); ++i)
    if (!IsKnown(OCSP_BASICRESP_get_ext(basic.get(), i)))
      return Unknown("the response has a critical extension that is not known");
  const auto produced_s = SecondsOf(OCSP_resp_get0_produced_at(basic.get()));
  const auto valid_from_s = SecondsOf(X509_get0_notBefore(certificate));
  const auto valid_until_s = SecondsOf(X509_get0_notAfter(certificate));
  if (!produced_s || !valid_from_s || !valid_until_s) return Unknown("a time cannot be read");
  if (*produced_s < *valid_from_s || *produced_s > *valid_until_s ||
      *produced_s > now_s + absl::ToInt64Seconds(options.ahead))
    return Unknown("the response was produced at a time at which the certificate was not valid");

  // Before signatures: most responses for somebody else's certificate end here.
  OcspAnswer worst;
  bool found = false;
  if (OCSP_resp_count(basic.get()) > kOcspAnswersMax) return Unknown("the response has too many answers");
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
    if (!IsForCertificate(single, certificate, issuer)) continue;
    OcspAnswer answer = ReadAnswer(single, now_s, options);
    if (!found || answer.status > worst.status) worst = std::move(answer);
    found = true;
  }
  if (!found) return Unknown("the response is about other certificates");
  if (!HasRightSigner(basic.get(), issuer, absl::ToTimeT(now), options.floors))
    return Unknown("the response is not signed by the issuer or by whom it appointed");
  return worst;
}

}  // namespace stockade
