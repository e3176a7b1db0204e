// What a login shows of a certificate, however it came: one value for the gate, made by one adapter each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stockade {

// One certificate. Client certificates are 1 to 2 KiB, with a picture or many names perhaps 8; what is larger only costs
// whoever parses it.
inline constexpr size_t kCertificateBytesMax = size_t{16} << 10;
// Certificates sent besides the leaf. Real clients send one or two; each costs OpenSSL up to 0.2 ms to read, good or bad.
inline constexpr size_t kCertificateChainMax = 4;

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
  // kHeader: why the listed proxy did not accept it, in its own words; empty where it did, or did not say. Bytes from
  // outside: escape before printing.
  std::string refused_by_front;
};

}  // namespace stockade
