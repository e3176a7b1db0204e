// What a TLS client is known by: JA3 and JA4 of its ClientHello, and what it asks for (server name, first ALPN).
//
// JA3 takes things in the order of the message, so that a browser that shuffles its extensions (Chrome since 110) has a new
// one each time. JA4 sorts them: `t13d1516h2_8daaf6152771_d8a2da3f94cd` is transport, version, server name (d: a domain, i: none),
// how many ciphers and extensions, first and last character of the first ALPN; then hashes of the ciphers, and of the
// extensions (without server name and ALPN) with the signature algorithms in their order. GREASE counts for nothing.
//
// An ALPN whose first or last byte is no letter or digit of ASCII is shown by first and last digit of its hexadecimal form. A
// version that has no name is 00; more than 99 of anything are 99.
//
// Errors: where OpenSSL will not hash (MD5 in FIPS mode), that text is empty. Any thread. Cost: 3 µs for a browser's hello.
// Sources: JA3, https://github.com/salesforce/ja3 (Althouse, Atkinson, Atkins, 2017); JA4, the client's alone, BSD 3-Clause:
// https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md. JA4S, JA4H and their kin have another licence
// and are not here.
#pragma once

#include <string>
#include <string_view>

#include "adapters/client_hello/client_hello.h"

namespace stockade {

inline constexpr size_t kJa3Bytes = 32;
inline constexpr size_t kJa4Bytes = 36;

// "771,4865-4866,0-43,29-23,0", whose MD5 is the JA3.
std::string Ja3Text(const ClientHello& hello);
std::string Ja3(const ClientHello& hello);

std::string Ja4(const ClientHello& hello, HelloTransport transport);
// The JA4 with what was hashed in place of the hashes ("JA4_r"); lists, where there are none, are empty.
std::string Ja4Raw(const ClientHello& hello, HelloTransport transport);

// Whether a text could be one: for values that others send. Lower case, as both are always written.
bool IsJa3(std::string_view text) noexcept;
bool IsJa4(std::string_view text) noexcept;

struct ClientFingerprint {
  std::string ja3, ja4;
  // Printable ASCII in lower case, at most 255 bytes; empty where there is none, or none that a host could be called.
  std::string server_name;
  std::string alpn;  // the first, as "h2"; empty where it is none or not printable
};
ClientFingerprint FingerprintOf(const ClientHello& hello, HelloTransport transport);
// Of a message, as ParseClientHello reads it; all empty where it is none.
ClientFingerprint FingerprintOf(std::string_view message, HelloTransport transport);

}  // namespace stockade
