// The ClientHello at the begin of a DTLS datagram, for fingerprints of what else speaks TLS at an address. No login comes by
// DTLS, so only what stands whole in one record is read, as all but post-quantum hellos do.
//
// Pure; any thread; one copy of the message. Source: RFC 6347 §4.1 and §4.2.2.
#pragma once

#include <string>
#include <string_view>

namespace stockade {

// The handshake message as ParseClientHello takes it (HelloTransport::kDtls); empty where there is none.
std::string DtlsClientHello(std::string_view datagram);

}  // namespace stockade
