// What a login shows of a certificate, however it came: one value for the gate, made by one adapter each.
#pragma once

#include <string>
#include <vector>

namespace stockade {

struct CertificateEvidence {
  enum class From : unsigned char {
    kNone,       // nothing was shown
    kTls,        // our own TLS end saw it: the client proved that it holds the key
    kHeader,     // a listed proxy forwarded it, and vouches for the proof
    kMalformed,  // something was shown that cannot be read: two at once, a broken header
  };
  From from = From::kNone;
  std::string leaf_der;                // empty unless kTls or kHeader
  std::vector<std::string> chain_der;  // what else was sent, in order
};

}  // namespace stockade
