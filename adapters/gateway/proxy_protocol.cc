#include "adapters/gateway/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace stockade {
namespace {

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixedBytes = 16;  // signature, version and command, family, length

constexpr uint8_t kTlvCrc32c = 0x03;
constexpr uint8_t kTlvSsl = 0x20;
constexpr size_t kTlvHeadBytes = 3;
constexpr size_t kSslHeadBytes = 5;  // client flags, and the result of verification
constexpr uint8_t kClientSsl = 0x01;
constexpr uint8_t kClientCertConnection = 0x02;
constexpr uint8_t kClientCertSession = 0x04;

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

uint32_t CrcStep(uint32_t crc, std::string_view bytes) noexcept {
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return crc;
}

ProxyHeaderRead More(size_t bytes) noexcept {
  ProxyHeaderRead read;
  read.bytes = bytes;
  return read;
}

ProxyHeaderRead Broken(ProxyHeaderError error) noexcept {
  ProxyHeaderRead read;
  read.state = ProxyHeaderState::kBroken;
  read.error = error;
  return read;
}

ProxyHeaderRead Done(size_t bytes, const ProxyHeader& header) noexcept {
  ProxyHeaderRead read;
  read.state = ProxyHeaderState::kDone;
  read.bytes = bytes;
  read.header = header;
  return read;
}

uint8_t ByteAt(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint8_t>(bytes[i]);
}
uint16_t Word16(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint16_t>(ByteAt(bytes, i) << 8 | ByteAt(bytes, i + 1));
}
uint32_t Word32(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint32_t>(Word16(bytes, i)) << 16 | Word16(bytes, i + 2);
}

// ---- version 1

// Cuts the text up to the next space off `rest`; nothing where there is no space.
std::optional<std::string_view> CutWord(std::string_view* rest) noexcept {
  const size_t space = rest->find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = rest->substr(0, space);
  rest->remove_prefix(space + 1);
  return word;
}

std::optional<Address> ReadLineAddress(std::string_view text, bool v6) noexcept {
  // A zone id is legal for Address and names an interface of the sender's host: no address of a client. An IPv4 address
  // in its IPv6 spelling is TCP6, and folds as everywhere.
  if (text.find('%') != std::string_view::npos || (text.find(':') != std::string_view::npos) != v6) {
    return std::nullopt;
  }
  return Address::Parse(text);
}

std::optional<uint16_t> ReadLinePort(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  if (number > 65535) return std::nullopt;
  return static_cast<uint16_t>(number);
}

ProxyHeaderRead ReadLine(std::string_view bytes) noexcept {
  const std::string_view window = bytes.substr(0, kProxyLineBytesMax);
  const size_t end = window.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kProxyLineBytesMax) return Broken(ProxyHeaderError::kLineTooLong);
    return More(bytes.size() + 1);
  }
  if (window[end] == '\n') return Broken(ProxyHeaderError::kBadLine);
  if (end + 1 == window.size()) {
    if (window.size() == kProxyLineBytesMax) return Broken(ProxyHeaderError::kLineTooLong);
    return More(end + 2);
  }
  if (window[end + 1] != '\n') return Broken(ProxyHeaderError::kBadLine);

  const size_t consumed = end + 2;
  std::string_view rest = window.substr(kLineStart.size(), end - kLineStart.size());
  // "the receiver must ignore anything presented before the CRLF is found" after UNKNOWN.
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return Done(consumed, {});
  const bool v6 = rest.starts_with("TCP6 ");
  if (!v6 && !rest.starts_with("TCP4 ")) return Broken(ProxyHeaderError::kBadLine);
  rest.remove_prefix(5);
  const auto source = CutWord(&rest);
  const auto destination = CutWord(&rest);
  const auto source_port = CutWord(&rest);
  if (!source || !destination || !source_port) return Broken(ProxyHeaderError::kBadLine);
  const auto peer = ReadLineAddress(*source, v6);
  if (!peer || !ReadLineAddress(*destination, v6)) return Broken(ProxyHeaderError::kBadAddress);
  const auto port = ReadLinePort(*source_port);
  if (!port || !ReadLinePort(rest)) return Broken(ProxyHeaderError::kBadPort);
  ProxyHeader header;
  header.peer = *peer;
  header.peer_port = *port;
  return Done(consumed, header);
}

// ---- version 2

// Walks over TLVs that must fill `bytes` exactly; `visit(type, value)` returns false to stop.
template <typename Visit>
bool VisitTlvs(std::string_view bytes, int* left, Visit&& visit) noexcept {
  while (!bytes.empty()) {
    if (bytes.size() < kTlvHeadBytes || --*left < 0) return false;
    const uint8_t type = ByteAt(bytes, 0);
    const size_t length = Word16(bytes, 1);
    bytes.remove_prefix(kTlvHeadBytes);
    if (length > bytes.size() || !visit(type, bytes.substr(0, length))) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

// What PP2_TYPE_SSL says. Its own TLVs (version, CN, cipher, …) are only walked over.
bool ReadSsl(std::string_view value, int* tlvs_left, ProxyHeader* header) noexcept {
  if (value.size() < kSslHeadBytes) return false;
  const uint8_t client = ByteAt(value, 0);
  header->tls = (client & kClientSsl) != 0;
  header->client_certificate = (client & (kClientCertConnection | kClientCertSession)) != 0;
  // Zero: "the client presented a certificate and it was successfully verified" (§2.2.5).
  header->client_certificate_verified = header->client_certificate && Word32(value, 1) == 0;
  return VisitTlvs(value.substr(kSslHeadBytes), tlvs_left, [](uint8_t, std::string_view) { return true; });
}

ProxyHeaderError ReadTlvs(std::string_view whole, size_t start, ProxyHeader* header) noexcept {
  int tlvs_left = kProxyTlvsMax;
  size_t checksum_at = 0;
  bool two_checksums = false;
  bool two_ssl = false;
  bool saw_ssl = false;
  const bool fit = VisitTlvs(whole.substr(start), &tlvs_left, [&](uint8_t type, std::string_view value) {
    if (type == kTlvCrc32c) {
      if (value.size() != 4) return false;
      two_checksums = two_checksums || checksum_at != 0;
      checksum_at = static_cast<size_t>(value.data() - whole.data());
    } else if (type == kTlvSsl) {
      two_ssl = two_ssl || saw_ssl;
      saw_ssl = true;
      return ReadSsl(value, &tlvs_left, header);
    }
    return true;
  });
  if (!fit || two_ssl) return ProxyHeaderError::kBadTlv;
  if (two_checksums) return ProxyHeaderError::kBadChecksum;
  if (checksum_at != 0) {
    // Over the whole header, the checksum's own four bytes taken as zero.
    uint32_t crc = CrcStep(~0u, whole.substr(0, checksum_at));
    crc = CrcStep(crc, std::string_view("\0\0\0\0", 4));
    crc = ~CrcStep(crc, whole.substr(checksum_at + 4));
    if (crc != Word32(whole, checksum_at)) return ProxyHeaderError::kBadChecksum;
  }
  return ProxyHeaderError::kNone;
}

ProxyHeaderRead ReadBinary(std::string_view bytes) noexcept {
  if (bytes.size() > 12 && ByteAt(bytes, 12) >> 4 != 2) return Broken(ProxyHeaderError::kBadVersion);
  if (bytes.size() > 12 && (ByteAt(bytes, 12) & 0x0f) > 1) return Broken(ProxyHeaderError::kBadCommand);
  if (bytes.size() < kFixedBytes) return More(kFixedBytes);
  const bool local = (ByteAt(bytes, 12) & 0x0f) == 0;
  const uint8_t family = ByteAt(bytes, 13);
  const size_t size = kFixedBytes + Word16(bytes, 14);
  if (size > kProxyHeaderBytesMax) return Broken(ProxyHeaderError::kBadLength);

  // LOCAL: "discard the protocol block including the family which is ignored". UNSPEC: "ignore address information";
  // it says nothing about how long that is, so nothing after it can be found.
  size_t address_bytes = 0;
  const bool skipped = local || family == 0x00;
  if (!skipped) {
    switch (family) {
      case 0x11:  // TCP and UDP: a balancer that ends HTTP/3 may name the transport of its client
      case 0x12:
        address_bytes = 12;
        break;
      case 0x21:
      case 0x22:
        address_bytes = 36;
        break;
      case 0x31:
      case 0x32:
        address_bytes = 216;
        break;
      default:
        return Broken(ProxyHeaderError::kBadFamily);
    }
  }
  if (size < kFixedBytes + address_bytes) return Broken(ProxyHeaderError::kBadLength);
  if (bytes.size() < size) return More(size);
  if (skipped) return Done(size, {});

  const std::string_view whole = bytes.substr(0, size);
  ProxyHeader header;
  if (family >> 4 == 1) {
    header.peer = Address::V4(Word32(whole, kFixedBytes));
    header.peer_port = Word16(whole, kFixedBytes + 8);
  } else if (family >> 4 == 2) {
    const auto* start = reinterpret_cast<const uint8_t*>(whole.data()) + kFixedBytes;
    header.peer = Address::V6(std::span<const uint8_t, 16>(start, 16));
    header.peer_port = Word16(whole, kFixedBytes + 32);
  }
  const ProxyHeaderError error = ReadTlvs(whole, kFixedBytes + address_bytes, &header);
  return error == ProxyHeaderError::kNone ? Done(size, header) : Broken(error);
}

}  // namespace

std::string_view Name(ProxyHeaderError error) noexcept {
  constexpr std::array<std::string_view, 12> kNames = {
      "none",        "no_header",   "line_too_long", "bad_line",   "bad_address", "bad_port",
      "bad_version", "bad_command", "bad_family",    "bad_length", "bad_tlv",     "bad_checksum"};
  return kNames[static_cast<size_t>(error)];
}

uint32_t Crc32c(std::string_view bytes) noexcept {
  return ~CrcStep(~0u, bytes);
}

ProxyHeaderRead ReadProxyHeader(std::string_view bytes) noexcept {
  const auto begins = [bytes](std::string_view start) {
    const size_t shared = std::min(bytes.size(), start.size());
    return bytes.substr(0, shared) == start.substr(0, shared);
  };
  // The two signatures differ in their first byte, so that one byte already tells which it can be.
  if (begins(kLineStart) && !bytes.empty()) {
    // The shortest line is "PROXY UNKNOWN\r\n".
    return bytes.size() < kLineStart.size() ? More(15) : ReadLine(bytes);
  }
  if (begins(kSignature)) {
    if (bytes.empty()) return More(15);
    return bytes.size() < kSignature.size() ? More(kFixedBytes) : ReadBinary(bytes);
  }
  return Broken(ProxyHeaderError::kNoHeader);
}

}  // namespace stockade
