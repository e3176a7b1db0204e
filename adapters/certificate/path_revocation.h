// What is known of the revocation of a path's certificates, by one rule: what the lists do not say, the responder is asked.
//
// For each certificate below the anchor of which the lists (crl_set.h, path_watch.h) say nothing, or of all of them where
// there are no lists but responders: what responders have said is looked up (ocsp_memory.h), for the leaf also in the
// response that the login brought. Good is known until the answer's time; revoked is revoked; anything else is unknown, and
// the question that would tell more is handed back. Nobody is asked here: that is ocsp_client.h's, and the owner's to do.
//
// A response that is brought and does not hold is no answer, and no fault. One that holds is remembered as if it had been
// asked for: it is as old as its own time and `age_max` allow.
//
// Any thread. A look-up hashes, some 3 µs a certificate; a brought response costs its signatures.
#pragma once

#include <openssl/x509.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/path_floors.h"
#include "adapters/certificate/path_watch.h"

namespace stockade {

// Where revocation is looked up. Borrowed for a verification.
struct RevocationSources {
  // Lists alone are sources too, and so is nothing.
  RevocationSources(const CrlSet* crls_in = nullptr) : crls(crls_in) {}
  bool any() const noexcept { return crls != nullptr || ocsp != nullptr; }

  const CrlSet* crls = nullptr;
  const OcspSources* ocsp = nullptr;
  std::string_view brought{};  // an OCSP response for the leaf, DER; empty: none
};

struct PathRevocation {
  struct Certificate {
    int depth;
    std::string why;  // printable
  };
  std::vector<Certificate> revoked;
  std::vector<Certificate> unknown;
  std::vector<OcspQuestion> ask;  // about those that are unknown or may be good again
  // The last second at which what is known is what it is now.
  int64_t until_s = std::numeric_limits<int64_t>::max();
};

// `path`: leaf first, anchor last, verified but for its dates. `lists`: what they said of it.
PathRevocation LookUpRevocation(const STACK_OF(X509) * path, const PathWatch& lists,
                                const RevocationSources& sources, const PathFloors& floors, int64_t now_s);

}  // namespace stockade
