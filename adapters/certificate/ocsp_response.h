// What one OCSP response (RFC 6960) says of one certificate at one time. A pure function: nobody is asked, nothing is kept.
//
// Good or revoked is said only where all of this holds (§3.2, §4.2.2); anything else is unknown, with the reason:
//   the response is successful, of the basic kind, and nothing stands behind it
//   an answer in it is for this certificate: serial number, and the issuer's name and key under the answer's own digest
//   it is signed by the issuer's key, or by a delegate: whose certificate is in the response, issued by the issuer itself,
//   valid now, for id-kp-OCSPSigning, and may sign; and the responder's name or key in the response is the signer's
//   digests and keys are above the floors (path_floors.h)
//   thisUpdate <= now < nextUpdate; where nextUpdate is not said there must be an `age_max`, and it holds in any case
//   producedAt is in the time in which the certificate is valid, and not after now
//   both may be `ahead` of now, since a responder that answers at once writes the time of its own clock
//   no critical extension is unknown here
// Of several answers for the certificate the worst counts: revoked, then unknown.
//
// A delegate's own revocation is not asked (id-pkix-ocsp-nocheck or not): it is believed while its certificate is valid.
// Nonces are not compared here: whoever sent one does, by OCSP_check_nonce.
//
// Any thread at once; one or two signatures, 0.1 to 0.3 ms. Hostile input costs no more.
// Oracle: tests/corpus/boringssl_ocsp_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/certificate/path_floors.h"

namespace stockade {

// Real ones have 0.5 to 5 KiB, with the delegate's certificate.
inline constexpr size_t kOcspResponseBytesMax = size_t{64} << 10;
// Answers that are looked through in one response.
inline constexpr int kOcspAnswersMax = 64;

// Two machines that keep their time are less apart than this; RFC 5019 §4 asks for some allowance.
inline constexpr absl::Duration kResponderAheadMax = absl::Minutes(1);

struct OcspOptions {
  absl::Duration age_max = absl::InfiniteDuration();  // from thisUpdate on
  absl::Duration ahead = absl::ZeroDuration();        // by which a responder's clock may be
  PathFloors floors;
};

enum class OcspStatus : unsigned char { kGood, kUnknown, kRevoked };

struct OcspAnswer {
  OcspStatus status = OcspStatus::kUnknown;
  std::string why;  // printable; empty where it is good
  // Seconds since 1970: thisUpdate, and the last at which the answer may be used; 0 where it is unknown.
  int64_t from_s = 0;
  int64_t until_s = 0;
};

OcspAnswer ReadOcspResponse(std::string_view der, const x509_st* certificate, x509_st* issuer, absl::Time now,
                            const OcspOptions& options);

}  // namespace stockade
