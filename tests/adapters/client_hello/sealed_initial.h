// Seals Initial packets as a QUIC client does, by OpenSSL and apart from the code that opens them: only the keys are shared,
// and those are proven against the RFCs.
#pragma once

#include <openssl/evp.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/client_hello/quic_keys.h"
#include "tests/adapters/client_hello/hello_bytes.h"

namespace stockade {

inline std::string Varint(uint64_t number) {
  if (number < 1 << 6) return Big(number, 1);
  if (number < 1 << 14) return Big(number | 0x4000, 2);
  if (number < 1 << 30) return Big(number | 0x80000000, 4);
  return Big(number | 0xc000000000000000, 8);
}

inline std::string CryptoFrame(uint64_t offset, std::string_view bytes) {
  return "\x06" + Varint(offset) + Varint(bytes.size()).append(bytes);
}

// `keyed_by`: the connection id of the client's first packet, where it is another.
inline std::string SealedInitial(uint32_t version, const std::string& connection_id, const std::string& token,
                                 uint32_t number, std::string payload, std::string keyed_by = "") {
  constexpr size_t kTag = 16;
  constexpr int kNumberBytes = 4;
  QuicInitialKeys keys;
  if (!keys.Derive(FindQuicVersion(version), keyed_by.empty() ? connection_id : keyed_by)) std::abort();
  std::string packet(1, static_cast<char>(version == 1 ? 0xc3 : 0xd3));
  packet += Big(version, 4) + Vector(connection_id, 1) + Vector("", 1) + Varint(token.size()) + token;
  packet += Varint(kNumberBytes + payload.size() + kTag);
  const size_t number_at = packet.size();
  packet += Big(number, kNumberBytes);
  auto nonce = keys.iv();
  for (int i = 0; i < kNumberBytes; ++i)
    nonce[8 + static_cast<size_t>(i)] ^= static_cast<uint8_t>(number >> (24 - 8 * i));

  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  int size = 0;
  std::string sealed(payload.size(), '\0');
  std::string tag(kTag, '\0');
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, keys.key().data(), nonce.data());
  EVP_EncryptUpdate(context, nullptr, &size, bytes(packet), static_cast<int>(packet.size()));
  EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(sealed.data()), &size, bytes(payload),
                    static_cast<int>(payload.size()));
  unsigned char none[kTag];
  EVP_EncryptFinal_ex(context, none, &size);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, tag.data());
  packet += sealed + tag;
  unsigned char mask[16];
  EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, keys.header_key().data(), nullptr);
  EVP_EncryptUpdate(context, mask, &size, bytes(packet) + number_at + 4, 16);
  EVP_CIPHER_CTX_free(context);
  packet[0] = static_cast<char>(packet[0] ^ (mask[0] & 0x0f));
  for (size_t i = 0; i < kNumberBytes; ++i)
    packet[number_at + i] = static_cast<char>(packet[number_at + i] ^ mask[1 + i]);
  return packet;
}

}  // namespace stockade
