// The text by which an account is counted and recorded, from the bytes that were typed.
//
// What is typed may be no UTF-8, but a recorded attempt is JSON and must read back as the same account: a byte that is
// no well-formed UTF-8 is spelt \xHH. White space around it is taken off: applications that trim would otherwise have
// one account under many names, and one that does not knows no name with a space in front. `fold` turns ASCII capitals
// into small letters, for applications that ignore their case.
//
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace stockade {

// Of an account; longer ones are cut here, so that a record has a bound. RFC 5321 allows an address 254 bytes.
inline constexpr size_t kAccountBytesMax = 512;
// Of a user agent, a device id: those of browsers end below 300 bytes, session tokens below 1000.
inline constexpr size_t kHeaderTextBytesMax = 1024;

std::string AccountText(std::string_view typed, bool fold);

// Any text of a request, cut to `bytes_max` bytes of input and made UTF-8 in the same way.
std::string Utf8Text(std::string_view bytes, size_t bytes_max);

}  // namespace stockade
