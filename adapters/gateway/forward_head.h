// The head that goes on: what the other side is told is what this side said, without what belongs to one hop only
// (RFC 9110 §7.6.1), and with what we know about where it came from. Everything else keeps its bytes and its order.
//
//   request: hop-by-hop fields and those that Connection lists go, but no field that says what the message is or who
//     asks (Content-*, Cookie, Authorization …): a client that lists them would be read in one way here and in another
//     by the application. Via is added; X-Forwarded-For, X-Forwarded-Proto and Forwarded say who asks. From a listed
//     proxy the field that it maintains (client_address_header) stays, and the peer is appended; the others are written
//     anew. From anybody else they all go, and so do the identity fields of the settings (a client certificate that
//     "somebody in front" has seen). X-Original-URL and X-Rewrite-URL never go on: some frameworks take the path from
//     them, and it is not the path that was judged. An absolute target becomes a path (RFC 9112 §3.2.1).
//   answer: hop-by-hop fields go, and the field with which the application speaks to us alone.
//
// Only an upgrade to websocket goes on. An upstream that takes "h2c" would be spoken to past the gate ever after.
//
// About half a microsecond; allocates where the buffer grows and where a forwarded client is named. Pure, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/certificate/from_header.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/wire_buffer.h"
#include "engine/event/address.h"

namespace stockade {

struct RequestForwarding {
  Address peer;    // who sent it: the connection's other end
  Address client;  // whose request it is (client_address.h); the peer where nobody vouches for another
  bool peer_is_listed = false;  // a trusted proxy
  // The one forwarding field that listed proxies write. Of any other a front passes on what the client wrote.
  bool keeps_x_forwarded_for = false;
  bool keeps_forwarded = false;
  bool tls = false;
  bool keep_expect = false;          // the upstream says 100, not we
  bool ask_unpacked_answer = false;  // Accept-Encoding: identity, because the answer will be read
  bool upgrade_allowed = false;
  CertificateForm certificate_form = CertificateForm::kNone;  // in which listed proxies forward certificates
  std::span<const std::string>
      identity_fields;  // lower case, "-" for "_"; a "*" at the end stands for any rest
};

// Whether this request's upgrade goes on.
bool IsForwardedUpgrade(const RequestHead& head) noexcept;

void WriteRequestHead(const RequestHead& head, const RequestForwarding& forwarding, WireBuffer* out);

struct AnswerForwarding {
  int client_minor_version = 1;
  bool keep_open = true;           // whether the client's connection goes on behind this answer
  bool unchunk = false;            // the client cannot read chunks
  std::string_view private_field;  // taken off; empty: none
};

void WriteAnswerHead(const ResponseHead& head, const AnswerForwarding& forwarding, WireBuffer* out);

}  // namespace stockade
