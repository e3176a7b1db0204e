// What one message of sshd or Dropbear says of a login attempt; sshd.h tells what of it is a record.
#pragma once

#include <optional>
#include <string_view>

#include "engine/event/address.h"
#include "engine/event/outcome.h"

namespace stockade {

struct SshdMessage {
  enum class Kind : uint8_t {
    kNone,       // says nothing of an attempt
    kAttempt,    // an attempt and its outcome
    kAnnounce,   // an attempt whose "Failed" is still to come
    kCutOff,     // a connection that named a user is about to be ended
    kClosing,    // and has ended
    kAmbiguous,  // an attempt, but two addresses could be its source
  };
  Kind kind = Kind::kNone;
  Outcome outcome = Outcome::kBadPassword;
  std::string_view account;  // null where the message has none
  std::string_view method;   // "password", "publickey"; null where the message has none
  Address source;            // absent where the message names a host
  int repeats = 1;
};

// Pure, allocates nothing, ~60 ns.
SshdMessage ReadSshdMessage(std::string_view message) noexcept;
SshdMessage ReadDropbearMessage(std::string_view message) noexcept;

// "pam_unix(vsftpd:auth): authentication failure; logname= … rhost=192.0.2.1  user=x": the service, and the
// attempt if it names a remote host.
struct PamMessage {
  std::string_view service;
  SshdMessage attempt;
};
std::optional<PamMessage> ReadPamMessage(std::string_view message) noexcept;

}  // namespace stockade
