// Address and Prefix against inet_pton, the platform's own reader, and against their own text forms.
#include <arpa/inet.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/event/address.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto address = stockade::Address::Parse(text);
  // Where the two agree on what an address is: no zone ids (ours alone), no zero bytes (inet_pton would stop
  // there).
  if (text.find('%') == std::string::npos && text.find('\0') == std::string::npos) {
    in_addr v4{};
    in6_addr v6{};
    const bool is_v4 = inet_pton(AF_INET, text.c_str(), &v4) == 1;
    const bool is_v6 = inet_pton(AF_INET6, text.c_str(), &v6) == 1;
    Require(address.has_value() == (is_v4 || is_v6));
    if (is_v4) Require(*address == stockade::Address::V4(ntohl(v4.s_addr)));
    if (is_v6) Require(*address == stockade::Address::V6(std::span<const uint8_t, 16>(v6.s6_addr, 16)));
  }
  if (address) Require(stockade::Address::Parse(address->ToString()) == address);
  if (const auto prefix = stockade::Prefix::Parse(text)) {
    Require(stockade::Prefix::Parse(prefix->ToString()) == prefix);
    Require(prefix->Contains(prefix->address));
    Require(prefix->length <= prefix->address.bits());
  }
  return 0;
}
