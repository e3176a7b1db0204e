// X.509 as RFC 5280 has it and nothing looser: certificates and CRLs are read by OpenSSL, and what its parser forgives is
// refused here, because another reader may see something else in it.
//
// Beyond OpenSSL's own parser this asks, of certificates (§4.1, §4.2) and CRLs (§5.1, §5.2):
//   the bytes are DER (der_form.h) and nothing is behind them; no default is written out, but for a cA that is FALSE, which
//   too many write
//   version 3 where there are extensions (CRL: 2); version never above
//   the algorithm inside the signed part is the one outside it (§4.1.1.2, §5.1.1.2)
//   times are YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ (§4.1.2.5)
//   each extension that OpenSSL knows is DER, whole, stands once, and is no empty list where one entry must be
//   name constraints stand in authorities only (§4.2.1.10)
//   names: PrintableString, IA5String and UTF8String hold what they may; an issuer has a name; an iPAddress is 4 or 16
//   bytes; a dNSName is a host name, with "*." perhaps in front; an empty subject has its names in a critical subjectAltName (§4.2.1.6)
//   a CRL lists nobody by leaving the list out, not by an empty list (§5.1.2.6)
//   an issuingDistributionPoint says something, and at most one kind of certificate (§5.2.5)
// Serial numbers, keys and digests are another matter: path_floors.h.
//
// Any thread at once. A certificate costs what OpenSSL's parser costs, most of it for the key, and some microseconds more; a
// CRL some microseconds an entry. OpenSSL's error queue is left with complaints of this reading; the caller clears it.
#pragma once

#include <string>
#include <string_view>

#include "adapters/certificate/openssl_owned.h"

namespace stockade {

using OwnedCrl = std::unique_ptr<X509_CRL, FreeBy<X509_CRL_free>>;

// Null where `der` is no certificate, and then `*why` says why (printable, begins in lower case: "has …").
OwnedX509 ReadCertificate(std::string_view der, std::string* why);
// The same of a CRL.
OwnedCrl ReadCrl(std::string_view der, std::string* why);

}  // namespace stockade
