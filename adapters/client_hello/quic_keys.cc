#include "adapters/client_hello/quic_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>
#include <span>

namespace stockade {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSaltOne =
    "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"sv;
constexpr std::string_view kSaltTwo =
    "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"sv;
constexpr std::string_view kSaltDraft29 =
    "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"sv;
constexpr std::string_view kSaltDraft23 =
    "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02"sv;

constexpr size_t kSecretBytes = 32;
constexpr size_t kSampleBytes = 16;
constexpr size_t kTagBytes = 16;
constexpr size_t kNumberBytesMax = 4;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

// One step of HKDF (RFC 5869). `info` null: extract, else expand.
bool Hkdf(std::string_view key, const std::string* salt, const std::string* info, std::span<uint8_t> out) {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      algorithm == nullptr ? nullptr : EVP_KDF_CTX_new(algorithm), EVP_KDF_CTX_free);
  if (context == nullptr) return false;
  int mode = info == nullptr ? EVP_KDF_HKDF_MODE_EXTRACT_ONLY : EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  char digest[] = "SHA256";
  // OpenSSL's parameters are not const, and none of these is written to.
  const auto bytes = [](const char* name, std::string_view text) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(text.data()), text.size());
  };
  const std::string& with = info == nullptr ? *salt : *info;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0), bytes(OSSL_KDF_PARAM_KEY, key),
      bytes(info == nullptr ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_INFO, with), OSSL_PARAM_construct_end()};
  return EVP_KDF_derive(context.get(), out.data(), out.size(), parameters) == 1;
}

// HKDF-Expand-Label of RFC 8446 §7.1, without context.
bool ExpandLabel(std::span<const uint8_t> secret, std::string_view label, std::span<uint8_t> out) {
  std::string info;
  info.push_back('\0');
  info.push_back(static_cast<char>(out.size()));
  info.push_back(static_cast<char>(label.size() + 6));
  info.append("tls13 ").append(label).push_back('\0');
  return Hkdf({reinterpret_cast<const char*>(secret.data()), secret.size()}, nullptr, &info, out);
}

const unsigned char* Bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

QuicVersion FindQuicVersion(uint32_t version) noexcept {
  if (version == 1) return {true, false, kSaltOne};
  if (version == 0x6b3343cf) return {true, true, kSaltTwo};
  if (version >> 8 != 0xff0000) return {};
  const uint32_t draft = version & 0xff;
  if (draft >= 33 && draft <= 34) return {true, false, kSaltOne};
  if (draft >= 29 && draft <= 32) return {true, false, kSaltDraft29};
  if (draft >= 23 && draft <= 28) return {true, false, kSaltDraft23};
  return {};
}

bool QuicInitialKeys::Derive(const QuicVersion& version, std::string_view connection_id) {
  std::array<uint8_t, kSecretBytes> initial{}, client{};
  const std::string salt(version.salt);
  const std::string prefix = version.is_two ? "quicv2 " : "quic ";
  return Hkdf(connection_id, &salt, nullptr, initial) && ExpandLabel(initial, "client in", client) &&
         ExpandLabel(client, prefix + "key", key_) && ExpandLabel(client, prefix + "iv", iv_) &&
         ExpandLabel(client, prefix + "hp", header_key_);
}

bool QuicInitialKeys::Open(std::string_view packet, size_t number_at, std::string* payload) {
  if (packet.size() < number_at + kNumberBytesMax + kSampleBytes) return false;
  static const EVP_CIPHER* const block = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  static const EVP_CIPHER* const sealed = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  const CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  if (block == nullptr || sealed == nullptr || context == nullptr) return false;

  // RFC 9001 §5.4: which bits of the head are hidden is a function of what stands four bytes behind the number's begin.
  unsigned char mask[kSampleBytes];
  int size = 0;
  if (EVP_EncryptInit_ex2(context.get(), block, header_key_.data(), nullptr, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_EncryptUpdate(context.get(), mask, &size, Bytes(packet.substr(number_at + kNumberBytesMax)),
                        kSampleBytes) != 1)
    return false;
  std::string head(packet.substr(0, number_at + kNumberBytesMax));
  head[0] = static_cast<char>(static_cast<uint8_t>(head[0]) ^ (mask[0] & 0x0f));
  const size_t number_bytes = (static_cast<uint8_t>(head[0]) & 3U) + 1;
  head.resize(number_at + number_bytes);
  std::array<uint8_t, 12> nonce = iv_;
  for (size_t i = 0; i < number_bytes; ++i) {
    const uint8_t shown = static_cast<uint8_t>(static_cast<uint8_t>(head[number_at + i]) ^ mask[1 + i]);
    head[number_at + i] = static_cast<char>(shown);
    // An Initial's number is small: what stands there is all of it.
    nonce[nonce.size() - number_bytes + i] =
        static_cast<uint8_t>(nonce[nonce.size() - number_bytes + i] ^ shown);
  }
  std::string_view body = packet.substr(head.size());
  if (body.size() < kTagBytes) return false;
  std::string tag(body.substr(body.size() - kTagBytes));
  body.remove_suffix(kTagBytes);

  payload->resize(body.size());
  auto* const out = reinterpret_cast<unsigned char*>(payload->data());
  unsigned char none;
  const bool is_open =
      EVP_DecryptInit_ex2(context.get(), sealed, key_.data(), nonce.data(), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(head), static_cast<int>(head.size())) == 1 &&
      (body.empty() ||
       EVP_DecryptUpdate(context.get(), out, &size, Bytes(body), static_cast<int>(body.size())) == 1) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), &none, &size) == 1;
  if (!is_open) payload->clear();
  return is_open;
}

}  // namespace stockade
