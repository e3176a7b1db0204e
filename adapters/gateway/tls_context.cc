#include "adapters/gateway/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "adapters/certificate/from_tls.h"
#include "engine/event/address.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status TlsError(std::string_view key, std::string_view file, std::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return absl::InvalidArgumentError(
      Concat(key, ": ", file, ": ", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason));
}

int ChooseHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

TlsContext NewContext(const SSL_METHOD* method) {
  return {SSL_CTX_new(method), SSL_CTX_free};
}

// What both sides share.
void Harden(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

absl::StatusOr<TlsContext> MakeListenerTls(const TlsSettings& settings,
                                           const std::vector<std::string>& anchor_files) {
  constexpr std::string_view kKey = "gateway.listen.tls";
  ERR_clear_error();
  TlsContext context = NewContext(TLS_server_method());
  if (context == nullptr) return TlsError(kKey, "openssl", "no context");
  SSL_CTX* raw = context.get();
  Harden(raw);
  if (settings.minimum_version != "1.2" && settings.minimum_version != "1.3")
    return absl::InvalidArgumentError(
        Concat(kKey, ".minimum_version: \"", settings.minimum_version, "\" is neither \"1.2\" nor \"1.3\""));
  SSL_CTX_set_min_proto_version(raw, settings.minimum_version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw,
                          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                          "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305");
  SSL_CTX_set_alpn_select_cb(raw, ChooseHttp11, nullptr);
  static constexpr unsigned char kSessionContext[] = "stockade";
  SSL_CTX_set_session_id_context(raw, kSessionContext, sizeof kSessionContext - 1);
  if (SSL_CTX_use_certificate_chain_file(raw, settings.certificate_file.c_str()) != 1)
    return TlsError(Concat(kKey, ".certificate"), settings.certificate_file, "no PEM certificate chain");
  if (SSL_CTX_use_PrivateKey_file(raw, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return TlsError(Concat(kKey, ".key"), settings.key_file, "no PEM private key of this certificate");
  if (SSL_CTX_check_private_key(raw) != 1)
    return TlsError(Concat(kKey, ".key"), settings.key_file, "not the key of the certificate");
  if (settings.ask_client_certificate) {
    const absl::Status asked = AskForClientCertificate(raw, anchor_files);
    if (!asked.ok()) return asked;
  }
  return context;
}

absl::StatusOr<TlsContext> MakeUpstreamTls(const UpstreamTlsSettings& settings) {
  constexpr std::string_view kKey = "gateway.upstreams.tls";
  ERR_clear_error();
  TlsContext context = NewContext(TLS_client_method());
  if (context == nullptr) return TlsError(kKey, "openssl", "no context");
  Harden(context.get());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (!settings.verify) return context;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool loaded = settings.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                               : SSL_CTX_load_verify_locations(
                                                     context.get(), settings.ca_file.c_str(), nullptr) == 1;
  if (!loaded)
    return TlsError(Concat(kKey, ".ca"),
                    settings.ca_file.empty() ? "the system's" : std::string_view(settings.ca_file),
                    "no PEM certificates");
  return context;
}

SSL* NewListenerConnection(const TlsContext& context) {
  SSL* tls = SSL_new(context.get());
  if (tls != nullptr) SSL_set_accept_state(tls);
  return tls;
}

SSL* NewUpstreamConnection(const TlsContext& context, const UpstreamTlsSettings& settings,
                           const std::string& host) {
  SSL* tls = SSL_new(context.get());
  if (tls == nullptr) return nullptr;
  SSL_set_connect_state(tls);
  const std::string& name = settings.server_name.empty() ? host : settings.server_name;
  const bool is_address = Address::Parse(name).has_value();
  // RFC 6066 §3: literal addresses are no server names.
  if (!is_address && !name.empty()) SSL_set_tlsext_host_name(tls, name.c_str());
  if (settings.verify) {
    if (is_address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str());
    } else {
      SSL_set1_host(tls, name.c_str());
    }
  }
  return tls;
}

}  // namespace stockade
