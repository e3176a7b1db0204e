// Envoy's x-forwarded-client-cert: elements between commas, one a proxy, the nearest proxy's last; in each, pairs of key
// and value between semicolons.
//
//   By=spiffe://edge;Hash=468e…;Cert="-----BEGIN%20CERTIFICATE-----%0A…";Chain="…";Subject="CN=alice";URI=spiffe://a
//
// Cert is the leaf, Chain the leaf and what was sent with it, both percent-encoded PEM; keys are without regard to case; a
// value with "," ";" or "=" in it stands in quotes, with \" for a quote. Only the last element is read for certificates,
// but all of them are parsed: whoever wrote the first must not decide where the last begins. So a quote stands only around
// a whole value, and what breaks that is refused as a whole.
//
// URI and DNS are names that the maker of a certificate chose, and Envoy writes them without quotes: where it lets any
// certificate through, a name like `x,Cert="…"` would be a certificate of its maker's choice. Therefore an element may
// hold them only behind its Cert and Chain, where Envoy writes them, and only the last element may hold them at all.
// Envoy needs neither for us: set_current_client_cert_details: {cert: true, chain: true}, with forward_client_cert_details
// SANITIZE_SET (or APPEND_FORWARD).
//
// Envoy's newer form in JSON is not read. Linear; one allocation a certificate. Any thread. Fuzz: from_header_fuzz.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stockade {

// The certificates of the last element, the leaf first. False where there is none in it, where Cert is not the first of
// Chain, or where anything cannot be read; `*ders` is then unspecified.
bool ReadEnvoyCertificates(std::string_view value, std::vector<std::string>* ders);

}  // namespace stockade
