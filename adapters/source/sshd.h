// Login attempts in the auth.log of a host: OpenSSH, Dropbear, and the PAM failures of other services that
// name a remote host (rhost=). Heads of lines: syslog_line.h.
//
// One attempt is one record, however many lines speak of it:
// - "Failed … for", "Accepted … for": an attempt each. "message repeated N times: [ … ]" is N of them (at
// most
//   kRepeatsMax), all at its line.
// - "Invalid user", "User … not allowed because", "ROOT LOGIN REFUSED", "error: PAM: …", "Failed none"
// announce one: it is
//   the record, and the next "Failed" of the same connection, which is the same attempt, is none.
// - What ends a connection ("Connection closed by invalid user …", "Disconnected from authenticating user …",
//   "maximum authentication attempts exceeded") is an attempt only if the connection had none: somebody tried
//   keys, which sshd does not log below VERBOSE, or the lines before are missing.
// - pam_unix(sshd:auth) repeats what sshd says and is none; nor is a connection that never named a user ("Did
// not
//   receive identification string", "Bad protocol version", scanners).
// Connections are told apart by host and pid, the last kConnectionsRemembered of them (sshd_connections.h): two lines of one
// attempt further apart than that count twice.
//
// Outcomes: unknown_account where sshd says invalid or illegal user, account_locked where it says so, success
// for Accepted, bad_password for everything else, publickey included. login.channel is "ssh", or the PAM
// service. Fields a rule may ask for besides: host.name, process.name, process.pid, ssh.method.
//
// Account names are whatever a stranger typed, spaces and " from 192.0.2.1 port 22 ssh2" included. Every
// message is therefore read from its right end, where sshd wrote last; where two readings remain that name
// different addresses (the key id of a certificate is a stranger's text too), the line is unreadable
// (kBadAddress) rather than anybody framed. What names a host instead of an address gives an event without
// one.
#pragma once

#include <memory>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/registry.h"
#include "adapters/source/source.h"

namespace stockade {

inline constexpr int kRepeatsMax =
    1000;  // sshd ends a connection after six; syslogd starts anew far below this

absl::StatusOr<std::unique_ptr<Source>> MakeSshdSource(std::unique_ptr<ByteReader> bytes,
                                                       const SourceOptions& options);

// Lines with a syslog head; says how many are sshd's.
Recognition RecognizeSshd(std::span<const std::string_view> lines, const SourceOptions& options);

}  // namespace stockade
