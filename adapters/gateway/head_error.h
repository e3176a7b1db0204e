// What may be wrong with the head of an HTTP message, how it is called in figures and logs, and what is answered for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stockade {

// What is wrong with a head. HttpStatus() is the answer for it.
enum class HeadError : uint8_t {
  kNone,
  kBadLine,             // no request line or status line: HTTP/0.9, other protocols, wrong spaces, noise
  kBadMethod,           // not a token, or longer than kMethodBytesMax
  kBadTarget,           // bytes no target may have, or a form that does not belong to the method
  kBadVersion,          // HTTP/ with something that is no version
  kUnknownVersion,      // a version that is not 1.0 or 1.1
  kConnect,             // CONNECT: this is nobody's forward proxy
  kBareLf,              // a line that ends in LF without CR
  kBareCr,              // CR without LF
  kObsFold,             // a field line that begins with white space
  kControlByte,         // NUL or another control byte
  kSpaceBeforeColon,    // "Name : value"
  kBadName,             // not a token, empty, or no colon at all
  kNoHost,              // HTTP/1.1 without Host
  kTwoHosts,            // more than one Host
  kBadHost,             // Host that is empty or no authority
  kHostConflict,        // absolute form that names another host than Host does
  kLengthAndEncoding,   // Content-Length together with Transfer-Encoding
  kTwoLengths,          // more than one Content-Length
  kBadLength,           // sign, list, hex, or above 2^63 - 1
  kBadEncoding,         // Transfer-Encoding that is not exactly one "chunked"
  kEncodingInOldHttp,   // Transfer-Encoding in HTTP/1.0
  kUnknownExpectation,  // Expect that is not 100-continue
  kTooLong,             // more than header_bytes
  kTargetTooLong,       // more than target_bytes
  kTooManyFields,       // more than header_count
  kBadStatus,           // an answer's status that is not three digits from 100 to 599
};
inline constexpr size_t kHeadErrorCount = 27;
std::string_view Name(HeadError error) noexcept;
// The status to answer a refused request with: 400, 414, 417, 431, 501 or 505.
int HttpStatus(HeadError error) noexcept;

}  // namespace stockade
