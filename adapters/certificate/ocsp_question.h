// What is asked of a responder (RFC 6960 §4.1 and appendix A): of which certificate, where, and in which bytes.
//
// A question is a value of its own, so that it can wait and go from thread to thread. It is only ever made of a certificate
// whose path was verified (path_revocation.h): the issuer vouches for what the certificate says, its responder's URL too.
//
// URLs: plain http, as certificates have it (RFC 5280 §4.2.2.1); the response is signed, and asking for it by TLS would ask
// for the revocation of that server's certificate first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/time/time.h"
#include "adapters/certificate/ocsp_memory.h"

namespace stockade {

struct OcspQuestion {
  OcspMemory::Key key{};
  std::string url;  // one that ParseResponderUrl takes
  std::string certificate_der;
  std::string issuer_der;
  std::string about;  // printable: the certificate's subject
};

// Whom to ask about certificates of whom, and what is known already.
struct OcspSources {
  std::shared_ptr<OcspMemory> memory;
  std::unordered_map<std::string, std::string> responders{};  // URLs by issuer, spelled as NameText does
  bool from_certificate = false;                              // of other issuers: as the certificate says
  absl::Duration age_max = absl::InfiniteDuration();          // of a response that a login brings
};

// Longer than any in use; some proxies and responders stop here.
inline constexpr size_t kResponderUrlBytesMax = 2048;

struct ResponderUrl {
  std::string host;  // a name, or an address without its brackets
  uint16_t port = 80;
  std::string authority;  // as Host has it
  std::string target;     // path and query; at least "/"
};
// http://host[:port][/path][?query] in printable ASCII, without user, without fragment. Nothing for anything else. Pure.
// Fuzz: certificate_fuzz.
std::optional<ResponderUrl> ParseResponderUrl(std::string_view url);

// The first URL of a responder in the certificate's authority information access; empty where there is none that can be
// asked.
std::string ResponderUrlOf(x509_st* certificate);

// The request in DER; empty where OpenSSL cannot make one. The certificate is named under SHA-1, which every responder knows,
// whatever else it knows (RFC 5019 §2.1.1): it is a name here, not a proof.
std::string MakeOcspRequest(const x509_st* certificate, const x509_st* issuer, bool with_nonce);
// Whether the response has the nonce of that request.
bool BringsNonceOf(std::string_view request_der, std::string_view response_der);

}  // namespace stockade
