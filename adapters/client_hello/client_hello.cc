#include "adapters/client_hello/client_hello.h"

#include <array>

#include "adapters/client_hello/wire_cursor.h"

namespace stockade {
namespace {

constexpr uint8_t kClientHelloType = 1;
constexpr size_t kRandomBytes = 32;
constexpr size_t kSessionIdBytesMax = 32;

// A body that is one vector of 16-bit numbers and nothing else.
bool ReadNumbers(std::string_view body, size_t length_width, WireNumbers* numbers) noexcept {
  WireCursor cursor(body);
  std::string_view list;
  if (!cursor.TakeVector(length_width, &list) || !cursor.empty() || list.size() % 2 != 0) return false;
  *numbers = WireNumbers(list);
  return true;
}

// RFC 6066 §3: names by type, of which only host_name (0) was ever defined.
bool ReadServerName(std::string_view body, ClientHello* hello) noexcept {
  // A server answers with an empty one; some clients send that.
  if (body.empty()) return true;
  WireCursor cursor(body);
  std::string_view list;
  if (!cursor.TakeVector(2, &list) || !cursor.empty()) return false;
  for (WireCursor names(list); !names.empty();) {
    uint64_t type = 0;
    std::string_view name;
    if (!names.TakeNumber(1, &type) || !names.TakeVector(2, &name)) return false;
    if (type == 0 && hello->server_name.data() == nullptr) hello->server_name = name;
  }
  return true;
}

bool ReadAlpn(std::string_view body, ClientHello* hello) noexcept {
  WireCursor cursor(body);
  std::string_view list;
  if (!cursor.TakeVector(2, &list) || !cursor.empty()) return false;
  for (WireCursor names(list); !names.empty();) {
    std::string_view name;
    if (!names.TakeVector(1, &name)) return false;
  }
  hello->alpn = list;
  return true;
}

bool ReadPointFormats(std::string_view body, ClientHello* hello) noexcept {
  WireCursor cursor(body);
  std::string_view formats;
  if (!cursor.TakeVector(1, &formats) || !cursor.empty()) return false;
  hello->point_formats = formats;
  return true;
}

// False: what stands in it cannot be read.
bool ReadExtension(uint16_t type, std::string_view body, ClientHello* hello) noexcept {
  switch (type) {
    case kServerNameExtension:
      hello->has_server_name = true;
      return ReadServerName(body, hello);
    case kSupportedGroupsExtension:
      return ReadNumbers(body, 2, &hello->supported_groups);
    case kPointFormatsExtension:
      return ReadPointFormats(body, hello);
    case kSignatureAlgorithmsExtension:
      return ReadNumbers(body, 2, &hello->signature_algorithms);
    case kAlpnExtension:
      return ReadAlpn(body, hello);
    case kSupportedVersionsExtension:
      return ReadNumbers(body, 1, &hello->supported_versions);
    default:
      return true;
  }
}

HelloError ReadExtensions(std::string_view extensions, ClientHello* hello) noexcept {
  // By type, of those below 64: all that are read are.
  uint64_t seen = 0;
  for (WireCursor cursor(extensions); !cursor.empty();) {
    uint64_t type = 0;
    std::string_view body;
    if (!cursor.TakeNumber(2, &type) || !cursor.TakeVector(2, &body)) return HelloError::kTruncated;
    const uint64_t bit = type < 64 ? uint64_t{1} << type : 0;
    if ((seen & bit) != 0 || !ReadExtension(static_cast<uint16_t>(type), body, hello))
      hello->has_broken_extension = true;
    seen |= bit;
  }
  return HelloError::kNone;
}

}  // namespace

std::string_view Name(HelloError error) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"none", "not_client_hello", "truncated",
                                                             "trailing", "bad_length"};
  return kNames[static_cast<size_t>(error)];
}

HelloError ParseClientHello(std::string_view message, HelloTransport transport, ClientHello* hello) noexcept {
  *hello = ClientHello();
  WireCursor frame(message);
  uint64_t number = 0;
  std::string_view body;
  if (!frame.TakeNumber(1, &number)) return HelloError::kTruncated;
  if (number != kClientHelloType) return HelloError::kNotClientHello;
  if (!frame.TakeVector(3, &body)) return HelloError::kTruncated;
  if (!frame.empty()) return HelloError::kTrailing;

  WireCursor cursor(body);
  std::string_view random, cookie, suites;
  if (!cursor.TakeNumber(2, &number) || !cursor.Take(kRandomBytes, &random) ||
      !cursor.TakeVector(1, &hello->session_id))
    return HelloError::kTruncated;
  hello->legacy_version = static_cast<uint16_t>(number);
  if (hello->session_id.size() > kSessionIdBytesMax) return HelloError::kBadLength;
  if (transport == HelloTransport::kDtls && !cursor.TakeVector(1, &cookie)) return HelloError::kTruncated;
  if (!cursor.TakeVector(2, &suites) || !cursor.TakeVector(1, &hello->compression_methods))
    return HelloError::kTruncated;
  if (suites.size() % 2 != 0 || suites.empty() || hello->compression_methods.empty())
    return HelloError::kBadLength;
  hello->cipher_suites = WireNumbers(suites);
  if (cursor.empty()) return HelloError::kNone;

  hello->has_extensions = true;
  if (!cursor.TakeVector(2, &hello->extensions)) return HelloError::kTruncated;
  if (!cursor.empty()) return HelloError::kTrailing;
  return ReadExtensions(hello->extensions, hello);
}

std::string_view FirstAlpn(const ClientHello& hello) noexcept {
  for (WireCursor names(hello.alpn); !names.empty();) {
    std::string_view name;
    if (!names.TakeVector(1, &name)) break;
    if (name.size() != 2 || !IsGrease(WireNumbers(name)[0])) return name;
  }
  return {};
}

}  // namespace stockade
