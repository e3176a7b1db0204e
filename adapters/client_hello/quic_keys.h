// Opens QUIC Initial packets. Their keys come of the connection id that the client chose and of a salt that everybody knows
// (RFC 9001 §5.2): they keep nothing secret, so anyone on the way reads the ClientHello inside.
//
// Versions 1 (RFC 9001), 2 (RFC 9369) and the drafts 23 to 34, which were deployed and differ in salt alone. HKDF and AES are
// OpenSSL's. Cost: deriving 12 µs, opening 2 µs and what AES-GCM takes. Errors: Derive and Open are false; nothing of
// a packet that is not authentic gets out. Not thread-safe. Oracle: RFC 9001 appendix A, RFC 9369 appendix A.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace stockade {

struct QuicVersion {
  bool is_known = false;
  bool is_two = false;  // RFC 9369: other labels, and other numbers for the types of long headers
  std::string_view salt;
};
QuicVersion FindQuicVersion(uint32_t version) noexcept;

class QuicInitialKeys {
 public:
  // Of what a client sends. `connection_id`: the destination's, of the client's first packet.
  bool Derive(const QuicVersion& version, std::string_view connection_id);
  // `packet`: one Initial, from its first byte to its end; `number_at`: where its packet number begins.
  bool Open(std::string_view packet, size_t number_at, std::string* payload);

  const std::array<uint8_t, 16>& key() const noexcept { return key_; }
  const std::array<uint8_t, 12>& iv() const noexcept { return iv_; }
  const std::array<uint8_t, 16>& header_key() const noexcept { return header_key_; }

 private:
  std::array<uint8_t, 16> key_{}, header_key_{};
  std::array<uint8_t, 12> iv_{};
};

}  // namespace stockade
