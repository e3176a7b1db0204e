// Certificate policies (RFC 5280 §4.2.1.4) as inputs of a path: those that are asked for, and those of the anchor, which
// become inputs of the paths below it (RFC 5937 §3.2), since OpenSSL's own begin below the anchor.
//
// Pure; any thread. Oracle: tests/corpus/boringssl_pki_test.cc, with the NIST PKITS sections 4.8 to 4.12.
#pragma once

#include <openssl/x509_vfy.h>

#include <string>
#include <vector>

namespace stockade {

// Asks for these, OIDs in dots; none: any policy. Null, or the first that is no object identifier.
const std::string* SetPolicies(const std::vector<std::string>& policies, X509_VERIFY_PARAM* param);

// Whether the anchor's certificate speaks of policies at all.
bool SaysPolicies(const X509* anchor);

// What is asked for, narrowed to what `anchor` issues under. Numbers of certificates to skip are taken for 0. False: out of
// memory.
bool NarrowPolicies(const X509& anchor, const std::vector<std::string>& asked, X509_VERIFY_PARAM* param);

}  // namespace stockade
