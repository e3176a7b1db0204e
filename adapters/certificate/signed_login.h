// A login that is signed with the key of the customer's certificate, as browsers' extensions and the apps of order systems
// do it where TLS ends elsewhere: a CMS signature (RFC 5652; PKCS #7 before) over a text of account, timestamp and nonce
// (signed_text.h), sent with the login as base64.
//
// In this order, and the first that fails is the fault of the evidence:
//   timestamp and nonce of the right form                                       kIncomplete
//   |now - timestamp| at most `within`                                          kStale
//   base64 (DecodeSentBase64) of a SignedData in DER or BER, nothing behind it,
//   of at most kSignatureBytesMax, with data as its content type                kUnreadable
//   detached: the text is ours, not one that came with the signature            kAttached
//   one signer                                                                  kNotOneSigner
//   his certificate inside, and at most kCertificateChainMax besides            kNoCertificate, kUnreadable
//   a digest of 256 bits or more of SHA-2 or SHA-3                              kWeakDigest
//   RSA (PKCS #1 or PSS) of at most 8192 bits, or EC (not EdDSA, which OpenSSL
//   3.0 does not have in CMS); the signature holds, with signed attributes or
//   without (§5.4)                                                              kBadSignature
// Else it is kSigned, with the signer's certificate as its leaf and the others, in their order, as its chain, and with the
// OCSP response that it brought, where that is base64; one that cannot be read is none, and no fault. Whether they
// are worth anything is the verifier's to say, and whether the nonce is new the nonce memory's, in this order: only who is
// valid may fill it.
//
// What the signature says of its own time (signingTime) and whatever is not signed is not looked at. The text has to be
// signed as it is, byte for byte: `openssl cms -sign -binary`, not as S/MIME text with its line ends changed.
//
// The signature is checked each time; nothing is remembered of it. Pure: the time is handed in. Any thread. Cost: 0.2
// to 0.3 ms for RSA 2048 and P-256, of which `openssl speed` takes 0.03 and 0.09 for the verifying alone; below 1 ms for
// the largest keys. Fuzz: signed_login_fuzz.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/ocsp_response.h"

namespace stockade {

// Of the CMS structure: a leaf and two authorities with a signature are 5 KiB.
inline constexpr size_t kSignatureBytesMax = size_t{32} << 10;
// Of its base64, with line ends.
inline constexpr size_t kSignatureTextBytesMax = kSignatureBytesMax * 3 / 2;
// A nonce of fewer characters repeats; more than a hash in hexadecimal digits is no nonce. Printable ASCII, no space.
inline constexpr size_t kNonceBytesMin = 8;
inline constexpr size_t kNonceBytesMax = 128;
// "2026-11-26T12:00:00.123456789+09:00" is 35.
inline constexpr size_t kTimestampBytesMax = 40;
// Of an OCSP response in base64, with line ends.
inline constexpr size_t kOcspResponseTextBytesMax = kOcspResponseBytesMax * 3 / 2;

// As found in a login. Owns its text.
struct SignedLogin {
  std::string signature;  // base64
  std::string text;       // what it has to be over
  std::string timestamp;
  std::string nonce;
  std::string
      ocsp;  // base64 of an OCSP response for the signer's certificate; not signed over, for it is signed itself
  // What was wrong already when it was looked for: a field twice, one too long, a text that could be several.
  CertificateEvidence::Fault fault = CertificateEvidence::Fault::kNone;
};

// `*fresh_until`, where it is kSigned: when the signature goes stale.
CertificateEvidence ReadSignedLogin(const SignedLogin& shown, absl::Duration within, absl::Time now,
                                    absl::Time* fresh_until);

// RFC 3339 with its offset, or 10 digits of seconds since 1970, or 13 of milliseconds. Nothing for any other text.
std::optional<absl::Time> ParseSignedTime(std::string_view text);

// Of a certificate that was sent as it is: PEM, one block, or base64 of its DER. kBare, or kMalformed.
inline constexpr size_t kBareCertificateTextBytesMax = kCertificateBytesMax * 3 / 2;
CertificateEvidence ReadBareCertificate(std::string_view text);

}  // namespace stockade
