// JA3 and JA4 of whoever logs in: of the handshake with us, or as a listed proxy in front says in fields of the settings.
//
// Whose they are follows who ended the client's TLS. A listed proxy that comes to us by TLS shows its own stack, the same for
// every customer: of its connections only its fields count. Of anybody else only the handshake counts, and such fields are
// no more than what a stranger writes.
//
// Watching costs 3 µs a handshake, next to the 200 of its signature. Errors: none; what cannot be read is absent. A hello
// that follows a HelloRetryRequest is the same client's second word, and the first stays.
#pragma once

#include <openssl/ssl.h>

#include <span>
#include <string_view>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/gateway/settings.h"
#include "adapters/http/http_message.h"

namespace stockade {

// Of one connection that accepts: fills `print` once its ClientHello has come. `print` must stay where it is until
// StopWatching, or until the connection is freed.
void WatchClientHello(SSL* connection, ClientFingerprint* print);
void StopWatching(SSL* connection);

// Views that are null where nothing is known; into `own` or into the request.
struct SeenFingerprint {
  std::string_view ja3, ja4;
};
// As a listed proxy says it. A field that stands there twice, or holds something else, says nothing.
SeenFingerprint ForwardedFingerprint(const TlsFingerprintSettings& settings,
                                     std::span<const HeaderField> fields) noexcept;
// Of a login that came by a connection of our own. `own`: what that connection showed.
SeenFingerprint FingerprintOfLogin(const TlsFingerprintSettings& settings, bool peer_is_listed,
                                   const ClientFingerprint& own,
                                   std::span<const HeaderField> fields) noexcept;

}  // namespace stockade
