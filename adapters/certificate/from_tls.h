// The client's certificate on our own TLS connections: how it is asked for, and how it becomes evidence.
//
// The handshake takes any certificate, and none; whoever shows one has proved, by signing the handshake, that he holds
// its key. Whether it is good is decided at the login, by the verifier, at that time and for that account: a handshake
// that fails would tell the customer nothing, keep the attempt out of every count, and could not be observed first.
// So nothing that the client sent is parsed further here than TLS itself does.
//
// Sessions are not resumed on such listeners. A session ticket carries the leaf but not the intermediates that were sent
// with it (OpenSSL 3.0 ssl/ssl_asn1.c), so a customer whose chain needs one would be valid at the first connection and
// untrusted at the second. A full handshake costs him one signature more on each side; connections are kept alive.
// Renegotiation is refused: a connection shows one certificate, from its first request to its last.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "adapters/certificate/evidence.h"

struct ssl_st;
struct ssl_ctx_st;

namespace stockade {

// All certificates that a client sends, together; what is longer fails its handshake. OpenSSL's default is 100 KiB, for
// browsers' view of servers.
inline constexpr long kClientCertificateListBytesMax = 32 << 10;

// Makes a server's context ask every client for a certificate. `anchor_files`: their subjects are named in the request, so
// that a browser offers the customer the right one; they decide nothing. Errors name the file.
absl::Status AskForClientCertificate(ssl_ctx_st* context, const std::vector<std::string>& anchor_files);

// What the client of a finished handshake showed. Once a connection: it copies the certificates. Any thread that may use
// the connection.
CertificateEvidence EvidenceOf(const ssl_st* connection);

}  // namespace stockade
