// Values that stand in the fields of a request: HTTP Basic, cookies, and the order of the fields themselves.
//
// Pure, any thread. Fuzz: header_value_fuzz.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/gateway/found_value.h"
#include "adapters/http/http_message.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

// HTTP Basic (RFC 7617): user and password of Authorization. Not found: there is none, or it is of another scheme.
// kBadBody: base64 that is none or holds no colon. kTwoValues: two fields that differ.
struct BasicCredentials {
  FoundValue user;
  FoundValue password;
};
LoginReadError ReadBasic(std::span<const HeaderField> fields, BasicCredentials* credentials);

// A cookie by name, quotes around it taken off. Of two with one name the first is taken, as browsers send the one of
// the nearer path first and applications read it so; that they differ is said by kTwoValues beside the value.
LoginReadError ReadCookie(std::span<const HeaderField> fields, std::string_view name, FoundValue* value);

// A header field by name. kTwoValues: two that differ.
LoginReadError ReadHeader(std::span<const HeaderField> fields, std::string_view name, FoundValue* value);

// login.header_order: the hash, in hexadecimal, of the lower-cased names of the fields in their order, without those
// that proxies on the way add, take or move: forwarding, tracing, certificates, framing, connection and Host.
std::string HeaderOrder(std::span<const HeaderField> fields, const HashKey& key);

}  // namespace stockade
