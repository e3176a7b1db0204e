#include "adapters/certificate/path_watch.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <vector>

namespace stockade {
namespace {

// The watch and whether the context is one within another.
PathWatch* WatchOf(const X509_STORE_CTX* context, bool* nested) {
  *nested = false;
  while (const X509_STORE_CTX* parent = X509_STORE_CTX_get0_parent_ctx(context)) {
    context = parent;
    *nested = true;
  }
  return static_cast<PathWatch*>(X509_STORE_CTX_get_ex_data(context, 0));
}

bool IsAboutCrl(int error) noexcept {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
      return true;
    default:
      return false;
  }
}

// What binds an issuer and changes nothing for us: the header of certificate_path.h.
bool IsMereForm(int error) noexcept {
  switch (error) {
    case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
    case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
    case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
    case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
      return true;
    default:
      return false;
  }
}

// Whether the certificate says of each of its distribution points that another issues the CRLs there (RFC 5280 §6.3.3 (b)
// (1)). Its own issuer's complete CRL is then not asked, although the end of §6.3.3 would have it: who gave that duty away
// may list nobody.
bool NamesOthersForCrls(const X509* certificate) {
  const std::unique_ptr<CRL_DIST_POINTS, FreeBy<CRL_DIST_POINTS_free>> points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
  const int count = sk_DIST_POINT_num(points.get());
  for (int i = 0; i < count; ++i)
    if (sk_DIST_POINT_value(points.get(), i)->CRLissuer == nullptr) return false;
  return count > 0;
}

// What an anchor is let off that is a name and a key.
bool IsAboutAnchor(int error) noexcept {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return true;
    default:
      return IsMereForm(error);
  }
}

// The last of a path, and not the leaf.
bool IsAtAnchor(X509_STORE_CTX* context) {
  const int depth = X509_STORE_CTX_get_error_depth(context);
  return depth > 0 && depth == sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
}

// OpenSSL calls a certificate expired at its notAfter; it is valid through it.
bool IsInLastSecond(const X509* certificate, std::time_t now_s) {
  return certificate != nullptr && ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate), now_s) == 0;
}

}  // namespace

void PathWatch::PutInto(X509_STORE* store) {
  X509_STORE_set_verify_cb(store, &PathWatch::OnError);
  X509_STORE_set_lookup_crls(store, &PathWatch::OnLookup);
}

void PathWatch::Attach(X509_STORE_CTX* context) {
  X509_STORE_CTX_set_ex_data(context, 0, this);
}

int PathWatch::OnError(int ok, X509_STORE_CTX* context) {
  if (ok != 0) return ok;
  bool nested = false;
  PathWatch* watch = WatchOf(context, &nested);
  if (watch == nullptr || !watch->GoesOn(context, X509_STORE_CTX_get_error(context), nested)) return 0;
  // Otherwise it would be the answer although the path is good.
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

bool PathWatch::GoesOn(X509_STORE_CTX* context, int error, bool nested) {
  if (error == X509_V_ERR_CERT_HAS_EXPIRED &&
      IsInLastSecond(X509_STORE_CTX_get_current_cert(context), now_s_))
    return true;
  if (IsMereForm(error) && !strictness_.whole_profile) return true;
  if (strictness_.bare_anchors && IsAboutAnchor(error) && IsAtAnchor(context)) return true;
  if (nested || (!IsAboutCrl(error) && error != X509_V_ERR_CERT_REVOKED)) return false;
  const int depth = X509_STORE_CTX_get_error_depth(context);
  // The anchor is trusted because the settings say so, not because of a CRL.
  if (IsAtAnchor(context)) return true;
  if (error == X509_V_ERR_CERT_REVOKED) {
    NoteRevoked(depth);
  } else {
    unknown_.push_back({depth, error});
  }
  return true;
}

void PathWatch::NoteRevoked(int depth) {
  // A CRL that is stale was right once, and a revoked certificate stays revoked; one that is wrong says nothing.
  const bool believed = std::all_of(unknown_.begin(), unknown_.end(), [depth](const Unknown& unknown) {
    return unknown.depth != depth || unknown.error == X509_V_ERR_CRL_HAS_EXPIRED;
  });
  if (believed && revoked_depth_ < 0) revoked_depth_ = depth;
}

namespace {

// Whether one of these that has the list's name signed it.
bool IsSignedByOneOf(const STACK_OF(X509) * certificates, X509_CRL* list) {
  for (int i = 0; i < sk_X509_num(certificates); ++i) {
    const X509* const one = sk_X509_value(certificates, i);
    if (X509_NAME_cmp(X509_get_subject_name(one), X509_CRL_get_issuer(list)) == 0 &&
        X509_CRL_verify(list, X509_get0_pubkey(one)) == 1)
      return true;
  }
  return false;
}

// An authority between two keys has two certificates, and the list may be signed by the one that is in no path.
bool IsSignedHere(const X509_STORE_CTX* context, X509_CRL* list) {
  return IsSignedByOneOf(X509_STORE_CTX_get0_chain(context), list) ||
         IsSignedByOneOf(X509_STORE_CTX_get0_untrusted(context), list);
}

// Of several lists under one name OpenSSL takes the newest, and where that one's signature is wrong it looks at no other: a
// list of a namesake, or anybody's, would hide the right one. Those that nobody signed of the path, or of what was sent or is
// known, go, if others are left.
void DropForeign(const X509_STORE_CTX* context, STACK_OF(X509_CRL) * lists) {
  if (sk_X509_CRL_num(lists) < 2) return;
  std::vector<X509_CRL*> foreign;
  for (int i = 0; i < sk_X509_CRL_num(lists); ++i) {
    X509_CRL* const crl = sk_X509_CRL_value(lists, i);
    if (!IsSignedHere(context, crl)) foreign.push_back(crl);
  }
  if (foreign.size() == static_cast<size_t>(sk_X509_CRL_num(lists))) return;
  for (X509_CRL* const crl : foreign) {
    for (int i = sk_X509_CRL_num(lists); i-- > 0;) {
      if (sk_X509_CRL_value(lists, i) == crl) X509_CRL_free(sk_X509_CRL_delete(lists, i));
    }
  }
}

}  // namespace

STACK_OF(X509_CRL) * PathWatch::OnLookup(const X509_STORE_CTX* context, const X509_NAME* issuer) {
  bool nested = false;
  PathWatch* watch = WatchOf(context, &nested);
  STACK_OF(X509_CRL)* found = sk_X509_CRL_new_null();
  if (found == nullptr || watch == nullptr || watch->crls_ == nullptr) return found;
  const X509* of = X509_STORE_CTX_get_current_cert(context);
  const bool says_kind = of == nullptr || X509_get_version(of) == X509_VERSION_3;
  const bool elsewhere = of != nullptr && NamesOthersForCrls(of);
  std::vector<X509_CRL*> indirect;
  watch->crls_->For(issuer, watch->now_s_, &watch->until_s_, [&](X509_CRL* crl, CrlScope scope) {
    if ((scope.of_one_kind && !says_kind) || (elsewhere && !scope.indirect)) return;
    if (!scope.indirect && sk_X509_CRL_push(found, crl) > 0) X509_CRL_up_ref(crl);
    if (scope.indirect) indirect.push_back(crl);
  });
  if (!nested) DropForeign(context, found);
  // Others sign these, and OpenSSL finds out who.
  for (X509_CRL* const crl : indirect)
    if (sk_X509_CRL_push(found, crl) > 0) X509_CRL_up_ref(crl);
  return found;
}

}  // namespace stockade
