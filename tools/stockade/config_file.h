// stockade.yaml: the only reader of settings. Every key it knows does something; any other is an error with
// its place and, where one is near, the key that was meant. All errors are reported, not only the first.
//
//   mode: protect              # observe | protect | certificate-only | established-only
//   certificates: preferred    # ignored | preferred | required
//   memory: 1GiB               # what the engine may keep, at least 4MiB
//   lateness: 5m               # how late an event may come and still count where it belongs, at most 24h
//   hash_key: 000102030405060708090a0b0c0d0e0f   # 32 hexadecimal digits; or, better, outside this file:
//   hash_key_file: stockade.key
//   rules: [rules, more/ours.yml]    # folders and files instead of the shipped pack; "shipped" names that
//   placeholders: {vendor_accounts: [acme]}      # what %vendor_accounts% stands for in rules
//   thresholds:                # other numbers for correlation rules; tools/stockade/rule_thresholds.h
//     address_fails_on_8_accounts: {gte: 6, timespan: 15m}
//   allow:                     # never denied
//     addresses: [192.0.2.0/24, 2001:db8::1]
//     accounts: [monitoring]
//     fingerprints: [t13d1516h2_8daaf6152771_e5627efa2ab1]   # a JA4, or JA4|user agent
//     files: [allow.txt]       # one address or network a line; # begins a comment
//     account_files: [vip.txt]           # the same of accounts, and of fingerprints
//     fingerprint_files: [partners.txt]
//   policy:                    # what decisions may do; engine/decision/policy.h
//     shared_accounts: 3       # customers that make a source a shared one, which is challenged
//     harm: {week: 0.01%, decision: 0.1%, rule: 1%, minute: 0.5%, customers_min: 2}   # of the customers of a week, and of the last hour
//     shadow: [many_accounts]  # rules on trial: their decisions are shown and not carried out
//   detectors: {account_guard: on, lock: {limit: 5}}   # what rules cannot say; tools/stockade/detector_settings.h
//   familiar: {snapshot: familiar.snapshot, every: 10m}   # who is at home, over a restart; tools/stockade/familiar_settings.h
//   geo: {asn: GeoLite2-ASN.mmdb, country: GeoLite2-Country.mmdb}   # where events say neither; tools/stockade/geo_settings.h
//   store: {path: stockade.db, remember: 7d, memory: 128MiB}   # where decisions outlive the process, and their audit log
//   firewalls:                 # who carries decisions out; tools/stockade/firewall_settings.h
//     - nftables: {hooks: [input]}
//     - crowdsec: {address: "127.0.0.1:8080", keys_file: bouncers.keys}
//   input:                     # how logs are read; adapters/source/options.h says what each means
//     format: auto
//     timezone: Asia/Tokyo     # of dates without a zone
//     year: 2025               # of dates without a year
//     fields: {user.name: actor.alternateId}     # NDJSON: field → path in the log
//     outcomes: {INVALID_CREDENTIALS: bad_password}   # NDJSON: word of the log → outcome
//     csv: {columns: {user.name: User ID}, delimiter: ";"}
//     access_log:
//       login_paths: [/login, /api/auth/*, {regex: "/v[0-9]+/session"}]
//       methods: [POST]
//       basic: true
//       outcomes: {302: success, 4xx: bad_password}
//     text_format: formats/portal.yml
//   capture: {interface: eth1, filter: tcp port 8080, user: stockade}   # logins that pass by; tools/stockade/capture_settings.h
//   sources:                   # logins that take their course elsewhere, for run; tools/stockade/live_settings.h
//     - tail: {path: /var/log/auth.log, format: sshd, position: auth.position}
//   gateway:                   # the sidecar; adapters/gateway/settings.h says what each key means, and its default
//     listen:
//       - address: 0.0.0.0:443                   # or [::]:443, unix:/run/stockade.sock
//         tls: {certificate: chain.pem, key: key.pem, client_certificates: optional, minimum_version: "1.3"}
//         proxy_protocol: false
//     upstreams: [127.0.0.1:8080, {address: "10.0.0.2:8443", tls: {ca: ca.pem, server_name: gw, verify: true}}]
//     health_check: {path: /health, interval: 5s, timeout: 2s, failures_to_down: 3, successes_to_up: 2}
//     limits: {header_bytes: 32KiB, header_time: 10s, connections_per_source: 256}    # and the others of LimitSettings
//     trusted_proxies: [10.0.0.0/8]
//     client_address_header: x-forwarded-for     # x-forwarded-for | forwarded | none
//     account_case: exact                        # exact | folded
//     endpoints:
//       - name: portal
//         methods: [POST]
//         path: /login                           # or /auth/*, or path_regex: RE2
//         account: username                      # a field of the body, or [{json: user.name}, {basic: user}, …]
//         password: password
//         device: {cookie: device_id}
//         channel: web
//         outcomes:                              # the first row whose conditions all hold
//           - {status: 302, location: ^/home, outcome: success}
//           - {status: 200, body: "wrong password", outcome: bad_password}
//         on_engine_trouble: closed              # open | closed
//         on_unreadable: closed
//     answers:                                   # also throttle, challenge_human, challenge_identity, certificate,
//                                                # certificate_expired, unavailable
//       deny: {status: 403, headers: {X-Why: "{request_id}"}, body_file: denied.html, content_type: text/html}
//     challenges: {response_header: Stockade-Challenge-Passed, secret_file: challenge.key, remember: 15m}
//     certificates: {anchors: [ca.pem], from_header: none, account: cn, account_pattern: "^([0-9]+)$", crls: [crls]}
//     service: {address: "127.0.0.1:8181", token_file: service.token}
//     admin: {address: "127.0.0.1:9180", token_file: admin.token}
//     workers: 1
//
// Paths in it are relative to the folder of the file. Load time only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/gateway/settings.h"
#include "adapters/source/options.h"
#include "adapters/store/sqlite_store.h"
#include "engine/engine.h"
#include "engine/rule/finding.h"
#include "engine/rule/placeholder.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/capture_settings.h"
#include "tools/stockade/familiar_settings.h"
#include "tools/stockade/firewall_settings.h"
#include "tools/stockade/gateway_settings.h"
#include "tools/stockade/geo_settings.h"
#include "tools/stockade/live_settings.h"
#include "tools/stockade/rule_thresholds.h"
#include "tools/stockade/rules_on_trial.h"
#include "tools/stockade/settings_reader.h"
#include "tools/tuning/setting_override.h"

namespace stockade {

// What a user may set, with the defaults of the design.
struct Config {
  EngineOptions engine;
  SourceOptions source;            // `fields` stays null: it belongs to the rules
  std::vector<std::string> rules;  // files and folders; kShippedRules is the shipped pack
  std::vector<Place> rule_places;  // of each of them in the file; empty: it names none
  Placeholders placeholders;       // what %name% stands for in rules
  std::vector<RuleThreshold> thresholds;
  std::vector<RuleOnTrial> rules_on_trial;  // engine.policy.in_shadow, with places
  // The sidecar, and what logins are in captures. Not there: the file says nothing of it.
  std::optional<GatewaySettings> gateway;
  std::optional<CaptureSettings> capture;  // an interface on which `run` sees logins; not there: none
  std::string capture_text;                // the section, so that a change of it can be told
  GeoSettings geo;
  std::optional<FamiliarSettings> familiar;  // where who is at home outlives `run`; not there: nowhere
  std::optional<SqliteStoreOptions> store;   // where decisions outlive the process; not there: nowhere
  std::vector<FirewallSettings> firewalls;
  std::vector<LiveSourceSettings> live_sources;
  std::string sources_text;              // of the section, so that a change of it can be told
  std::string carried_text;              // both sections, so that a change of them can be told
  std::vector<std::string> allow_files;  // those that the section `allow` names
  // Where each key stands in the file, by its path, "gateway.endpoints[0].path": for who finds something later.
  std::map<std::string, Place> places;
  Place PlaceOr(const std::string& path, const Place& otherwise) const {
    const auto found = places.find(path);
    return found == places.end() ? otherwise : found->second;
  }
};

inline constexpr std::string_view kShippedRules = "shipped";

// The settings without a file: the design's defaults and the shipped rules.
Config DefaultConfig();

// Reads `text`, which was found at `file`, and the files it names; `overrides` win over what it says. What is wrong goes to `findings`; the
// result is to be used only if no error did.
Config ReadConfig(std::string_view text, const std::string& file, Findings* findings,
                  GatewayFiles gateway_files = GatewayFiles::kMustBeReadable,
                  const std::vector<SettingOverride>& overrides = {});

// Whether hashes go under the key of the source, which everybody has: fit for replays, where it makes runs agree.
inline bool HasPublicHashKey(const Config& config) {
  const HashKey known = EngineOptions().hash_key;
  return config.engine.hash_key.k0 == known.k0 && config.engine.hash_key.k1 == known.k1;
}

// ReadConfig over a file. Errors: one that cannot be read, and all that ReadConfig found, a line each.
absl::StatusOr<Config> LoadConfig(const std::string& file,
                                  GatewayFiles gateway_files = GatewayFiles::kMustBeReadable);

}  // namespace stockade
