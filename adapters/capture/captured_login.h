// One login that a capture showed, with what came of it; and who is told of it.
//
// The engine knows it as an attempt whose outcome stands with it, like a line of a log: it has taken its course, and
// nobody waited for a verdict. Views live during the call.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/event/login_event.h"

namespace stockade {

struct CapturedLogin {
  // attempt.time_ns is when the last byte of the request was captured: whoever sends it slowly does not make it too late to
  // count. Without extra fields; texts are well-formed UTF-8.
  LoginEvent event;
  std::string_view method;
  std::string_view host;         // Host of the request
  std::string_view server_name;  // of the TLS hello that was joined to it; empty: none
  int status = 0;                // of the answer; 0: none was seen
};

class LoginSink {
 public:
  virtual ~LoginSink() = default;
  virtual void Take(const CapturedLogin& login) = 0;
};

// What became of the logins of a capture.
struct LoginCounts {
  uint64_t logins = 0;      // told
  uint64_t unreadable = 0;  // of them: without an account, because the request cannot be read as a login
  uint64_t too_large = 0;   // of them: the same, because its body is longer than `body_bytes`
  uint64_t damaged = 0;     // of them: the same, because bytes of it are not in the capture
  // Of them: the answer is not in the capture, in whole or in the part that would say, or the server ended the connection
  // instead of answering; outcome unknown.
  uint64_t unseen = 0;
  uint64_t outcome_unknown = 0;  // of them: an answer that fits no row of the endpoint's table
  // Requests after which the server neither said a byte nor ended the connection: nobody knows whether it heard them, or
  // whether their sender is who he says. No login, and so none is told of a capture of the client's direction alone.
  uint64_t unanswered = 0;
  uint64_t broken_off = 0;  // requests that the client never sent to their end: no login
  uint64_t after_last = 0;  // unanswered behind a message that said it is the last: read by nobody, no login
  uint64_t no_room = 0;     // not followed for want of memory
  uint64_t certificates = 0;    // shown, and judged
  uint64_t joined = 0;          // of the logins: with the TLS fingerprint of their client
  uint64_t join_ambiguous = 0;  // of them: none, because several were seen of that address lately
};

}  // namespace stockade
