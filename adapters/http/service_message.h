// A whole request to one of our own services and the whole answer to it, apart from how they travel (http_service.h).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/http_message.h"
#include "engine/event/address.h"

namespace stockade {

// Views live during the call. `body` may be wiped by who was handed it: it may hold a password.
struct ServiceRequest {
  RequestView head;
  std::span<char> body;
  Address peer;           // absent over a unix socket
  bool is_local = false;  // from this machine: a loopback address or a unix socket

  std::string_view body_text() const noexcept { return {body.data(), body.size()}; }
};

struct ServiceReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // without Content-Length, Connection and Date
  std::string body;
  // Called once the whole reply was handed to the system for sending, on the service's thread; never called where it was not,
  // nor for a HEAD, whose body nobody got. For who must know what the other side has been told.
  std::function<void()> sent = {};
};

// Where a reply goes that is not there yet: called once, by any thread. Where who asked is gone by then, or all of the
// service, nothing happens.
using ServiceReplyTo = std::function<void(ServiceReply)>;
// Gives that, for the request that is being answered: called during the call only.
using ServiceLater = std::function<ServiceReplyTo()>;

// Whether two secrets are equal, in a time that does not tell where they differ.
inline bool EqualSecrets(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace stockade
