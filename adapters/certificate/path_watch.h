// What OpenSSL asks and says while it verifies one path: it asks for CRLs, and at each thing it dislikes it asks whether to
// go on. Here is what we answer, and what we remember of it.
//
// One object a verification; X509_STORE_CTX points to it while it lasts. OpenSSL verifies the signer of an indirect CRL in a
// context within the first one, which shares it: what fails there is a CRL that cannot be believed.
#pragma once

#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/openssl_owned.h"

namespace stockade {

class PathWatch {
 public:
  struct Unknown {
    int depth;  // of the certificate whose revocation is unknown
    int error;  // X509_V_ERR_*
  };

  struct Strictness {
    bool whole_profile;
    bool bare_anchors;
  };

  PathWatch(const CrlSet* crls, std::time_t now_s, Strictness strictness)
      : crls_(crls), now_s_(now_s), strictness_(strictness) {}
  PathWatch(const PathWatch&) = delete;
  PathWatch& operator=(const PathWatch&) = delete;

  // Makes every verification with this store ask the watch of its context.
  static void PutInto(X509_STORE* store);
  void Attach(X509_STORE_CTX* context);

  // The lowest certificate that is revoked; -1 where none is. One that a CRL lists which cannot be believed is unknown.
  int revoked_depth() const noexcept { return revoked_depth_; }
  const std::vector<Unknown>& unknown() const noexcept { return unknown_; }
  // Until when the CRLs that were asked say the same.
  int64_t until_s() const noexcept { return until_s_; }

 private:
  static int OnError(int ok, X509_STORE_CTX* context);
  static STACK_OF(X509_CRL) * OnLookup(const X509_STORE_CTX* context, const X509_NAME* issuer);
  bool GoesOn(X509_STORE_CTX* context, int error, bool nested);
  void NoteRevoked(int depth);

  const CrlSet* const crls_;
  const std::time_t now_s_;
  const Strictness strictness_;
  int revoked_depth_ = -1;
  std::vector<Unknown> unknown_;
  int64_t until_s_ = std::numeric_limits<int64_t>::max();
};

}  // namespace stockade
