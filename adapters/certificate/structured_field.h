// Structured fields that carry bytes: an item that is a byte sequence, and a list of them (RFC 8941 §3.3.5, §3.1), as
// Client-Cert and Client-Cert-Chain are (RFC 9440). The whole grammar is read, parameters of any type included, because
// a parser that skips what it does not know would call valid what every other reader refuses; parameters are then
// dropped, since neither field defines one.
//
// Strict where the RFC leaves a choice: base64 has its padding and zero pad bits, and nothing between (§4.2.7 "Parsers …
// SHOULD NOT fail" is for those who cannot ask the sender; here one certificate has one spelling).
//
// Cost: linear; one allocation a sequence. Any thread. Oracle: the HTTP working group's own cases,
// tests/adapters/certificate/structured_field_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stockade {

enum class StructuredFieldError : uint8_t {
  kNone,
  kSyntax,     // not a structured field of this kind
  kOtherType,  // one, as far as it was read, but not of byte sequences
  kTooMany,    // more members than were asked for
};
std::string_view Name(StructuredFieldError error) noexcept;

// One field line. `*bytes` is set where kNone comes back.
StructuredFieldError ReadByteSequence(std::string_view line, std::string* bytes);
// All lines of one field, in order; they are one list. No line, or an empty one
// alone: an empty list.
StructuredFieldError ReadByteSequenceList(std::span<const std::string_view> lines, size_t members_max,
                                          std::vector<std::string>* members);

// Base64 of RFC 4648 §4, with padding, without anything else. False where it is not; `*bytes` is then unspecified.
bool DecodeBase64(std::string_view text, std::string* bytes);

}  // namespace stockade
