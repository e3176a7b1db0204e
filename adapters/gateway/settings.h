// Everything an operator may set about the sidecar, as one value: read and validated whole by tools/stockade (the only
// reader of settings), then handed to the parts that act on it. Which member is which key of stockade.yaml stands beside
// it; `gateway.` comes before each. Defaults hold against slow clients and request smuggling as they are.
//
// Plain data; immutable once a server runs on it: a reload makes a new one and swaps it whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "adapters/http/endpoint_address.h"
#include "engine/decision/decision.h"
#include "engine/event/address.h"
#include "engine/event/outcome.h"

namespace stockade {

// tls: of a listener, or towards an upstream.
struct TlsSettings {
  std::string certificate_file;  // certificate: PEM, the whole chain
  std::string key_file;          // key: PEM
  // client_certificates: none | optional (asked for, the gate decides what its absence means)
  bool ask_client_certificate = false;
  std::string minimum_version = "1.2";  // minimum_version: "1.2" | "1.3"
};
struct UpstreamTlsSettings {
  std::string ca_file;      // ca: PEM; empty: the system's
  std::string server_name;  // server_name: for SNI and verification; empty: the host
  bool verify = true;       // verify: false only for a loopback that has no name
};

// listen: a list
struct ListenerSettings {
  Endpoint at;                     // address
  std::optional<TlsSettings> tls;  // tls
  bool proxy_protocol = false;     // proxy_protocol: every connection begins with a PROXY v1 or v2 header
};

// upstreams: a list; requests go round the healthy ones
struct UpstreamSettings {
  Endpoint at;                             // address
  std::optional<UpstreamTlsSettings> tls;  // tls
  int connections_max = 256;               // connections_max: idle ones kept and busy ones together
};
struct HealthCheckSettings {                   // health_check:
  std::string path;                            // path: empty: a connection that opens is health enough
  absl::Duration interval = absl::Seconds(5);  // interval
  absl::Duration timeout = absl::Seconds(2);   // timeout
  int failures_to_down = 3;                    // failures_to_down: in a row
  int successes_to_up = 2;                     // successes_to_up: in a row
};

// limits:
struct LimitSettings {
  size_t header_bytes =
      size_t{32} << 10;    // header_bytes: request line and fields together (nginx: 4 × 8 KiB)
  int header_count = 100;  // header_count: fields of one message (Apache: 100)
  size_t target_bytes = size_t{8} << 10;  // target_bytes: of the request target (RFC 9110 §4.1 asks for 8000)
  uint64_t body_bytes = 0;                // body_bytes: of any request; 0: no limit, bodies stream
  size_t trailer_bytes = size_t{8} << 10;          // trailer_bytes
  size_t chunk_extension_bytes = 256;              // chunk_extension_bytes: of one chunk; nobody uses them
  absl::Duration header_time = absl::Seconds(10);  // header_time: from the first byte of a head to its last
  absl::Duration idle_time = absl::Seconds(60);    // idle_time: between requests of a kept connection
  absl::Duration body_idle_time = absl::Seconds(30);  // body_idle_time: without one byte of a body moving
  uint64_t body_rate_min = 100;  // body_rate_min: bytes a second on average, after body_idle_time
  absl::Duration connect_time = absl::Seconds(3);         // connect_time: to an upstream
  absl::Duration answer_time = absl::Seconds(60);         // answer_time: until the upstream's head is here
  absl::Duration tls_handshake_time = absl::Seconds(10);  // tls_handshake_time
  absl::Duration drain_time =
      absl::Seconds(30);                // drain_time: a graceful stop waits so long for what is under way
  int connections = 16384;              // connections: of clients, in all
  int connections_per_source = 256;     // connections_per_source: of one address (a /64 of IPv6); listed
                                        // proxies are exempt
  int requests_per_connection = 10000;  // requests_per_connection
};

// What happens to logins of an endpoint while the engine cannot answer, or no upstream can.
enum class FailMode : uint8_t { kOpen, kClosed };

// One way to find a value in a request. Several are tried in order; the first that yields one wins.
struct ValueSource {
  // body: by content type, a form field, a JSON path ("user.name", with "/" free for keys that hold dots) or a part of
  // multipart/form-data of that name. header, query, cookie: by name. basic: HTTP Basic, "user" or "password".
  // form, json: body, but of forms or of JSON only, for an application whose fields have other names there.
  enum class From : uint8_t { kBody, kHeader, kQuery, kCookie, kBasic, kForm, kJson };
  From from = From::kBody;
  std::string name;
};

// One row of an endpoint's outcome table: every condition that is set must hold; the first row that holds names the
// outcome. Nothing holds: unknown, which is counted and shown.
struct OutcomeRule {
  std::string status;          // status: "200", "4xx"; empty: any
  std::string header;          // header: its name; with `header_matches`, else it is enough that it is there
  std::string header_matches;  // header_matches: RE2, unanchored
  std::string location;        // location: RE2, unanchored, of Location
  std::string json_path;       // json: dotted path of a value in the answer
  std::string
      json_equals;  // json_equals: its text ("true", "3", "LOCKED"); empty: it is enough that it is there
  std::string body_matches;             // body: RE2, unanchored, of the first answer_bytes of the body
  Outcome outcome = Outcome::kUnknown;  // outcome
};

// signature: the login is signed with the key of the customer's certificate (certificate/signed_login.h)
struct SignatureSettings {
  std::vector<ValueSource> value;  // value: a CMS signature, detached, as base64
  std::string over =
      "{account}\n{timestamp}\n{nonce}";     // over: the text it is over (certificate/signed_text.h)
  std::vector<ValueSource> timestamp;        // timestamp: RFC 3339, or seconds or milliseconds
  std::vector<ValueSource> nonce;            // nonce: used once
  absl::Duration within = absl::Minutes(2);  // within: how far `timestamp` may be from now
  std::vector<ValueSource> ocsp;  // ocsp: an OCSP response for his certificate, as base64, if he has one
};

// endpoints: a list; the first that matches a request is its endpoint. Everything else passes untouched.
struct EndpointSettings {
  std::string name;                             // name: in metrics and logs
  std::vector<std::string> methods = {"POST"};  // methods
  std::string path;                             // path: "/login", "/auth/*"; or path_regex: RE2, whole path
  std::string path_regex;
  std::vector<ValueSource> account;   // account: field, or list: user · {header: X} · {json: a.b} …
  bool fold_account_case = false;     // GatewaySettings::fold_account_case, for who sees the endpoint only
  std::vector<ValueSource> password;  // password: hashed at once, never kept
  std::vector<ValueSource> device;    // device: an opaque id, as {cookie: device_id}
  std::optional<SignatureSettings> signature;  // signature: {value: sig, timestamp: ts, nonce: nonce}
  // bare_certificate: {value: cert}: a certificate without proof of possession, in PEM or base64, is believed. It is no
  // secret: whoever has seen it can show it too.
  std::vector<ValueSource> bare_certificate;
  std::string channel;                   // channel: login.channel
  size_t body_bytes = size_t{64} << 10;  // body_bytes: a larger login request is refused with 413
  std::vector<OutcomeRule> outcomes;     // outcomes
  size_t answer_bytes =
      size_t{64} << 10;  // answer_bytes: looked at for json and body rows; the rest only passes
  FailMode on_engine_trouble = FailMode::kClosed;  // on_engine_trouble: open | closed
  FailMode on_unreadable =
      FailMode::kClosed;  // on_unreadable: a login request without a readable account or body
};

// answers: what a stopped login is told. `{retry_after}`, `{request_id}` in header values and body are replaced.
struct AnswerSettings {
  int status = 403;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::optional<int> retry_after_seconds;  // retry_after
  std::string redirect;                    // redirect: to this, with 303 unless `status` says otherwise
};
struct AnswersSettings {
  AnswerSettings deny{403, {}, "This login was refused.\n", "text/plain; charset=utf-8", std::nullopt, ""};
  AnswerSettings throttle{
      429, {}, "Too many logins from here; try again in a moment.\n", "text/plain; charset=utf-8", 10, ""};
  AnswerSettings challenge_human{401,
                                 {{"Stockade-Challenge", "human"}},
                                 "Please confirm that you are human.\n",
                                 "text/plain; charset=utf-8",
                                 std::nullopt,
                                 ""};
  AnswerSettings challenge_identity{401,
                                    {{"Stockade-Challenge", "identity"}},
                                    "Please confirm who you are.\n",
                                    "text/plain; charset=utf-8",
                                    std::nullopt,
                                    ""};
  AnswerSettings certificate{
      403, {}, "This login needs a valid certificate.\n", "text/plain; charset=utf-8", std::nullopt, ""};
  // certificate_expired: they live a year and end on one day for many; a page that says how to renew keeps them customers
  AnswerSettings certificate_expired{
      403,          {}, "Your certificate has expired; please renew it.\n", "text/plain; charset=utf-8",
      std::nullopt, ""};
  AnswerSettings unavailable{503, {}, "Logins are not possible at the moment.\n", "text/plain; charset=utf-8",
                             5,   ""};
};

// challenges: how the application says that a challenge was passed, so that the next try is let through.
struct ChallengeSettings {
  // response_header: the application sets it on any answer: "human; account=alice; expires=…; mac=…" (challenge_token.h).
  // It is taken off before the answer goes on to the client.
  std::string response_header = "Stockade-Challenge-Passed";
  std::string secret_file;                      // secret_file: of the MAC; empty: only the API reports
  absl::Duration remember = absl::Minutes(15);  // remember
};

// ocsp: responders that are asked what the lists do not say; the section alone: only what logins bring
struct OcspSettings {
  std::map<std::string, std::string> responders;  // responders: http URLs by the issuer's name
  bool from_certificate = false;           // from_certificate: of other issuers, as the certificate says
  absl::Duration time = absl::Seconds(2);  // time: that a login waits at most
  absl::Duration age_max = absl::InfiniteDuration();  // age_max: from thisUpdate on, whatever nextUpdate says
  bool nonce = false;                                 // nonce: is sent and must come back
};

// misses: how often one address may show certificates that nobody knows and that turn out bad (miss_allowance.h). Unknown
// ones are rare and bad ones rarer: 5 a second is an office that starts work with all of them forged, and the 100 that may
// be under way at once take a thread 0.05 s.
struct MissRate {
  int rate = 5;     // rate: a second
  int burst = 100;  // burst: at once
};

// The longest `wait` that settings take.
inline constexpr absl::Duration kCertificateWaitMax = absl::Seconds(30);
// From a job's beginning to its answer at the latest: it waits, somebody else is asked twice, and it is looked at.
inline absl::Duration LongestJudgement(absl::Duration wait) {
  return 3 * wait + absl::Seconds(2);
}

// How certificates that need a signature checked are judged (certificate_queue.h); keys of the section `certificates`.
struct CertificateQueueSettings {
  // threads: one checks 1000 to 3000 a second, ten times what a broker's opening brings with nothing remembered, and a
  // flood then takes one core and leaves the others to logins that need none. More where lists have millions of entries.
  int threads = 1;
  // queue: jobs that may wait. With 1 ms each the last has waited a second: well within `wait`.
  size_t queue = 1024;
  // wait: what waited longer is not looked at. Browsers and people wait 3 s; who has gone would only make the next wait.
  absl::Duration wait = absl::Seconds(3);
  MissRate misses;
};

// certificates: (the section of the gateway; the policy is the top-level key `certificates`)
struct CertificateSettings {
  std::vector<std::string> anchor_files;  // anchors: PEM
  // from_header: how a listed proxy forwards the client's certificate (certificate/from_header.h): none | rfc9440 |
  // nginx | envoy | haproxy | aws_alb | traefik
  std::string from_header = "none";
  // account: which text of it is the account (certificate/account_binding.h): serial_number · cn · uid · email · upn · an
  // OID · none; with `account_pattern`, a RE2, whose first group it is, or what `account_template` makes of the groups
  std::string account_from = "cn";
  std::string account_pattern;
  std::string account_template;
  std::string
      accounts_file;  // accounts: the firm's own table, which goes before (certificate/account_table.h)
  std::vector<std::string> intermediate_files;  // intermediates: PEM; known, not trusted
  std::vector<std::string> policies;            // policies: OIDs, one of which a path must be issued under
  int rsa_bits = 2048;                          // rsa_bits: of every key in a path, at least
  // crls: files or folders of revocation lists, PEM or DER, looked at anew every half minute; none: nobody is asked
  std::vector<std::string> crl_paths;
  absl::Duration crl_age_max =
      absl::InfiniteDuration();      // crl_age_max: from thisUpdate on, whatever nextUpdate says
  std::optional<OcspSettings> ocsp;  // ocsp
  // revocation_unknown: refuse | challenge | accept, where neither lists nor responders say anything that counts; and by the
  // issuer's name
  std::string revocation_unknown = "refuse";
  std::map<std::string, std::string> revocation_unknown_of;
  CertificateQueueSettings queue;
  // known: a file that keeps certificates that were good, to be verified anew after a start; empty: none
  std::string known_file;
};

// tls_fingerprint: fields in which trusted proxies that end TLS say what the client's was (tls_print.h); lower case, empty:
// none. Where TLS ends here, nothing need be set.
struct TlsFingerprintSettings {
  std::string ja3_header;  // ja3_header
  std::string ja4_header;  // ja4_header
};

// service: a verdict service for those who have a proxy already
struct ServiceSettings {
  Endpoint at;  // address; unset port and path: off
  std::string
      token_file;  // token_file: of /v1/… and AppSec (X-Crowdsec-Appsec-Api-Key); empty: loopback only
};

// admin: modes, decisions, health, metrics
struct AdminSettings {
  Endpoint at;             // address: loopback or unix only
  std::string token_file;  // token_file: Bearer token of everything but /livez and /readyz
};

struct GatewaySettings {
  std::vector<ListenerSettings> listeners;  // listen
  std::vector<UpstreamSettings> upstreams;  // upstreams
  HealthCheckSettings health_check;
  LimitSettings limits;
  std::vector<Prefix>
      trusted_proxies;  // trusted_proxies: who may send Forwarded, X-Forwarded-For, certificates, fingerprints
  std::string client_address_header =
      "x-forwarded-for";  // client_address_header: x-forwarded-for | forwarded | none
  // identity_headers: further fields in which somebody in front says who the client is ("x-remote-user", "x-auth-*"); taken
  // off whatever a peer that is not listed sends. Lower case; "-" stands for "_" too, "*" at the end for any rest. Fields
  // of certificates need not be named (certificate/from_header.h).
  std::vector<std::string> identity_headers;
  // account_case: exact | folded: for applications that ignore the case of an account (account_text.h)
  bool fold_account_case = false;
  std::vector<EndpointSettings> endpoints;
  AnswersSettings answers;
  ChallengeSettings challenges;
  CertificateSettings certificates;
  TlsFingerprintSettings tls_fingerprint;
  ServiceSettings service;
  AdminSettings admin;
  int workers = 1;  // workers: threads that move bytes
};

}  // namespace stockade
