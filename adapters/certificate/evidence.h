// What a login shows of a certificate, however it came: one value for the gate, made by one adapter each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stockade {

// One certificate. Client certificates are 1 to 2 KiB, with a picture or many names perhaps 8; what is larger only costs
// whoever parses it.
inline constexpr size_t kCertificateBytesMax = size_t{16} << 10;
// Certificates sent besides the leaf. Real clients send one or two; each costs OpenSSL up to 0.2 ms to read, good or bad.
inline constexpr size_t kCertificateChainMax = 4;
// With the one it is about.
inline constexpr size_t kCertificatesShownMax = 1 + kCertificateChainMax;

struct CertificateEvidence {
  enum class From : unsigned char {
    kNone,       // nothing was shown
    kTls,        // our own TLS end saw it: the client proved that it holds the key
    kHeader,     // a listed proxy forwarded it, and vouches for the proof
    kMalformed,  // something was shown that cannot be read: two at once, a broken header
    kSigned,  // the login itself is signed with its key (signed_login.h); whether that is new is said by nonce_memory.h
    kBare,  // it was only shown: nobody proved that he holds its key, and whoever has seen it can show it too
  };
  // What is wrong with evidence that is kMalformed, where more is known than that it cannot be read.
  enum class Fault : unsigned char {
    kNone,
    kUnreadable,     // no base64, no CMS, too large, a field twice
    kIncomplete,     // a signature without a timestamp or a nonce of the right form
    kStale,          // a signature from another time than now
    kAttached,       // a signature that brings its own text
    kNotOneSigner,   //
    kNoCertificate,  // of the signer, in the signature
    kWeakDigest,     // below SHA-256
    kBadSignature,   // not over this text, or not with this key
    kReplayed,       // a signature that was used before
    kTooManyNonces,  // nothing wrong, but it could not be remembered, so it could be used again
    kContradiction,  // two kinds of evidence with two certificates
  };
  From from = From::kNone;
  Fault fault = Fault::kNone;
  std::string leaf_der;                // empty where kNone or kMalformed
  std::vector<std::string> chain_der;  // what else was sent, in order
  // kSigned: the key that signed, as SubjectPublicKeyInfo. What a signature is known by when it comes again: the same
  // signature holds under every certificate of one key, and one certificate can be written in several ways.
  std::string key_der;
  // kHeader: why the listed proxy did not accept it, in its own words; empty where it did, or did not say. Bytes from
  // outside: escape before printing.
  std::string refused_by_front;
  // An OCSP response for the leaf that the login brought, so that nobody need be asked. Bytes from outside, believed for what
  // they hold (path_revocation.h); empty: none.
  std::string ocsp_der;
};

inline constexpr size_t kEvidenceFromCount = 6;
inline constexpr size_t kEvidenceFaultCount = 12;
// Words for metrics and logs.
inline std::string_view Name(CertificateEvidence::From from) noexcept {
  constexpr std::string_view kNames[kEvidenceFromCount] = {"none",      "tls",    "header",
                                                           "malformed", "signed", "bare"};
  return kNames[static_cast<size_t>(from)];
}
inline std::string_view Name(CertificateEvidence::Fault fault) noexcept {
  constexpr std::string_view kNames[kEvidenceFaultCount] = {
      "none",           "unreadable",  "incomplete",    "stale",    "attached",        "not_one_signer",
      "no_certificate", "weak_digest", "bad_signature", "replayed", "too_many_nonces", "contradiction"};
  return kNames[static_cast<size_t>(fault)];
}

// Evidence that is refused for this.
inline CertificateEvidence Faulty(CertificateEvidence::Fault fault) {
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kMalformed;
  evidence.fault = fault;
  return evidence;
}

}  // namespace stockade
