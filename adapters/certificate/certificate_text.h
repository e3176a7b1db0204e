// What logs say of certificates and CRLs: names, times and OpenSSL's own complaints, printable whatever is in them.
//
// Any thread at once. Some microseconds each: they are asked for once for a certificate, not once for a login.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

struct asn1_string_st;
struct X509_name_st;
struct x509_st;

namespace stockade {

// RFC 2253, the most specific part first: "CN=alice,O=Bank". Empty for the empty name.
std::string NameText(const X509_name_st* name);
std::string SubjectOf(const x509_st* certificate);

// Seconds since 1970; nothing for a time that cannot be read.
std::optional<int64_t> SecondsOf(const asn1_string_st* time);
std::string TimeText(const asn1_string_st* time);

// The newest of OpenSSL's complaints in this thread.
std::string LastOpensslError();

}  // namespace stockade
