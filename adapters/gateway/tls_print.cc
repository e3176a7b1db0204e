#include "adapters/gateway/tls_print.h"

namespace stockade {
namespace {

// OpenSSL hands over each handshake message whole, its four bytes of head included, however it came in records.
void NoteMessage(int is_sent, int, int content_type, const void* bytes, size_t size, SSL*, void* argument) {
  auto* const print = static_cast<ClientFingerprint*>(argument);
  if (is_sent != 0 || content_type != SSL3_RT_HANDSHAKE || print == nullptr || !print->ja4.empty()) return;
  *print = FingerprintOf({static_cast<const char*>(bytes), size}, HelloTransport::kTcp);
}

std::string_view OrNull(const std::string& text) noexcept {
  return text.empty() ? std::string_view() : std::string_view(text);
}

std::string_view OnlyValue(std::span<const HeaderField> fields, const std::string& name,
                           bool (*is_one)(std::string_view)) noexcept {
  if (name.empty() || CountFields(fields, name) != 1) return {};
  const std::string_view value = FindField(fields, name);
  return is_one(value) ? value : std::string_view();
}

}  // namespace

void WatchClientHello(SSL* connection, ClientFingerprint* print) {
  SSL_set_msg_callback(connection, NoteMessage);
  SSL_set_msg_callback_arg(connection, print);
}

void StopWatching(SSL* connection) {
  SSL_set_msg_callback(connection, nullptr);
  SSL_set_msg_callback_arg(connection, nullptr);
}

SeenFingerprint ForwardedFingerprint(const TlsFingerprintSettings& settings,
                                     std::span<const HeaderField> fields) noexcept {
  const auto is_ja3 = [](std::string_view text) { return IsJa3(text); };
  const auto is_ja4 = [](std::string_view text) { return IsJa4(text); };
  return {OnlyValue(fields, settings.ja3_header, is_ja3), OnlyValue(fields, settings.ja4_header, is_ja4)};
}

SeenFingerprint FingerprintOfLogin(const TlsFingerprintSettings& settings, bool peer_is_listed,
                                   const ClientFingerprint& own,
                                   std::span<const HeaderField> fields) noexcept {
  if (peer_is_listed) return ForwardedFingerprint(settings, fields);
  return {OrNull(own.ja3), OrNull(own.ja4)};
}

}  // namespace stockade
