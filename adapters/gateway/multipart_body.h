// multipart/form-data (RFC 7578): the value of one field.
//
// So strict that no application would read another value: what parsers are known to differ on is kBadBody. That is:
// anything in front of the first delimiter or behind the last one but an end of line; "--boundary" anywhere but in a
// delimiter; line ends other than CR LF, folded lines or control characters in the head of a part; a part without
// exactly one Content-Disposition: form-data with exactly one name; names with backslashes, single quotes, or in the
// form name* or filename*; a transfer encoding that encodes; a boundary that is missing, stands twice or holds unusual
// characters.
// A field that stands twice with different values, as a file too, or in a spelling that some application takes for the
// same (percent_text.h), is kTwoValues; a charset that is not UTF-8 kUnknownType.
//
// Linear in the body; what it copies is wiped. Pure, any thread. Fuzz: multipart_fuzz.
#pragma once

#include <string>
#include <string_view>

#include "adapters/gateway/found_value.h"

namespace stockade {

// The boundary that a content type names, without quotes; empty if it names none that is safe to read by.
std::string MultipartBoundary(std::string_view content_type);

LoginReadError ReadMultipartField(std::string_view body, std::string_view boundary, std::string_view name,
                                  FoundValue* value);

}  // namespace stockade
