// Access logs of web servers in the common and combined formats of Apache and nginx, with or without a
// virtual host in front and whatever a server appends behind: which of the requests are login attempts, and
// what came of them.
//
//   [vhost[:port] ]address ident user [10/Oct/2000:13:55:36 -0700] "POST /login HTTP/1.1" 302 512 ["referer"
//   ["agent"]]
//
// A request is an attempt if its method is in AccessLogOptions::methods and its path matches; the paths that
// count without options are those of kLoginPathPattern, matched against path and query.
//
// HTTP Basic (AccessLogOptions::basic) is an attempt besides, whatever the method and the path: a request
// answered by 401 is a failure, and one with $remote_user answered by 2xx or 3xx a success. Browsers send the
// name with every request, so of a user and address only the first success is an attempt, and the first one
// after a 401 or after kBasicAbsenceNs without a request; a site behind Basic does not log in at every page.
// Nginx writes the name that a request claims even where no password is asked for: `basic` is to be false for
// a log in which pages open to all stand beside protected ones. Every other line is counted as `other`,
// requests that no client of HTTP would send included; a line without the shape above is an error.
//
// Outcome by status, where the options do not say: a form redirects whom it lets in and is shown again to
// whom it does not, an interface answers 200 to whom it lets in (kApiPathPattern says which paths are such):
//   301 302 303 307 308 success · 200 bad_password, on an interface success · 201 202 204 success ·
//   400 401 403 422 bad_password · 423 account_locked · 429 503 stopped · 404 405 410 no attempt · others
//   unknown
//
// user.name is $remote_user (HTTP Basic) where it is set: bodies are not in such logs. \xHH, \" and \\ are
// resolved in it, in the path and in the agent. A user name may hold spaces, brackets and a whole second
// line, but no bare quote: servers escape it. url.path is without its query. Fields a rule may ask for
// besides: url.query, url.domain (the virtual host), http.request.method, http.request.referrer,
// http.response.status_code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/registry.h"
#include "adapters/source/source.h"

namespace stockade {

inline constexpr char kLoginPathPattern[] =
    R"((?i)(^|/)(wp-login\.php|xmlrpc\.php|j_security_check|j_spring_security_check|authenticate|sessions?|token|)"
    R"((user|users|account|admin|auth|do|web|member|customer)?[-_]?(log|sign)[-_]?(in|on)([-_]?(check|submit|form|action|process))?(\.[a-z]{2,5})?)/?(\?|$))"
    R"(|[?&](_task|action|do|op|page|route|r)=([a-z0-9_/%.-]*[/_%.-])?(log|sign)[-_]?(in|on)(&|$))";
inline constexpr char kApiPathPattern[] =
    R"((?i)(^|/)(api|rest|graphql|v[0-9]+|oauth2?|sessions?|token|authenticate)(/|\?|$)|\.json(\?|$))";

// The absence after which a request by HTTP Basic is a login again, and how many users and addresses are
// remembered for it (about 40 bytes each).
inline constexpr int64_t kBasicAbsenceNs = int64_t{3600} * 1'000'000'000;
inline constexpr size_t kBasicSessionsRemembered = size_t{1} << 14;

absl::StatusOr<std::unique_ptr<Source>> MakeAccessLogSource(std::unique_ptr<ByteReader> bytes,
                                                            const SourceOptions& options);

Recognition RecognizeAccessLog(std::span<const std::string_view> lines, const SourceOptions& options);

// The same of HAProxy's HTTP log (haproxy_log.h).
absl::StatusOr<std::unique_ptr<Source>> MakeHaproxyLogSource(std::unique_ptr<ByteReader> bytes,
                                                             const SourceOptions& options);

// One line, cut. Views into the line; escapes are still in it.
struct AccessLogLine {
  std::string_view vhost;  // null where there is none
  std::string_view host;   // an address, or a name
  std::string_view user;   // null for "-"
  std::string_view date;   // without brackets
  std::string_view request;
  int status = 0;
  std::string_view referrer, agent;  // null where the line has none
};
bool ParseAccessLogLine(std::string_view text, AccessLogLine* line) noexcept;

}  // namespace stockade
