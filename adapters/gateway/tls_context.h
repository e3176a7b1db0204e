// TLS settings → what OpenSSL makes connections from. Made whole or not at all: a certificate that cannot be used is an
// error here, and whoever reloads keeps what he has.
//
// Towards clients: TLS 1.2 and 1.3, forward-secret AEAD suites only (Mozilla's "intermediate", version 5.7), no
// renegotiation, no compression, ALPN http/1.1. A client's certificate is asked for where the settings say so, and taken
// as it is (certificate/from_tls.h).
//
// Errors: gateway key, file, and what OpenSSL says. Contexts are shared; any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/gateway/settings.h"

namespace stockade {

using TlsContext = std::shared_ptr<SSL_CTX>;

// `anchor_files`: whose certificates clients are asked for, where they are (certificate/from_tls.h).
absl::StatusOr<TlsContext> MakeListenerTls(const TlsSettings& settings,
                                           const std::vector<std::string>& anchor_files);
absl::StatusOr<TlsContext> MakeUpstreamTls(const UpstreamTlsSettings& settings);

// One connection of it; null if memory is short. Of an upstream: SNI and the name that its certificate must bear.
SSL* NewListenerConnection(const TlsContext& context);
SSL* NewUpstreamConnection(const TlsContext& context, const UpstreamTlsSettings& settings,
                           const std::string& host);

}  // namespace stockade
