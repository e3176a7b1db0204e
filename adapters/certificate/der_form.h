// Whether bytes are in the distinguished form (DER, ITU-T X.690 §8, §10 and §11), whatever they mean: one element and nothing
// behind it, lengths as short as they can be, and of the simple types no second spelling of one value.
//
// Checked: tags below 31 (nobody uses others in X.509); definite, shortest lengths; strings in one piece; BOOLEAN 00 or FF;
// INTEGER and ENUMERATED without needless octets; BIT STRING with its unused bits zero; NULL empty; OBJECT IDENTIFIER whole and
// without needless octets. Not checked, since it needs a schema: values that are defaults, and what is inside of an OCTET
// STRING. Nor the order of a SET: names with two parts in one step are out of order in practice.
//
// Why not encode anew what was parsed, and compare: in OpenSSL 3 parsing a certificate costs as much as one of its signatures.
//
// Linear, some 5 ns a byte; no memory; at most kDerDepthMax levels. Any thread.
#pragma once

#include <string_view>

namespace stockade {

// A certificate with policies, mappings and distribution points has about 12.
inline constexpr int kDerDepthMax = 32;

bool IsDer(std::string_view bytes) noexcept;

}  // namespace stockade
