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
//   allow:                     # never denied
//     addresses: [192.0.2.0/24, 2001:db8::1]
//     accounts: [monitoring]
//     fingerprints: [t13d1516h2_8daaf6152771_e5627efa2ab1]   # a JA4, or JA4|user agent
//     files: [allow.txt]       # one address or network a line; # begins a comment
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
//
// Paths in it are relative to the folder of the file. Load time only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/source/options.h"
#include "engine/engine.h"
#include "engine/rule/finding.h"
#include "engine/rule/modifier.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

// What a user may set, with the defaults of the design.
struct Config {
  EngineOptions engine;
  SourceOptions source;            // `fields` stays null: it belongs to the rules
  std::vector<std::string> rules;  // files and folders; kShippedRules is the shipped pack
  Placeholders placeholders;       // what %name% stands for in rules
};

inline constexpr std::string_view kShippedRules = "shipped";

// The settings without a file: the design's defaults and the shipped rules.
Config DefaultConfig();

// Reads `text`, which was found at `file`, and the files it names. What is wrong goes to `findings`; the
// result is to be used only if no error did.
Config ReadConfig(std::string_view text, const std::string& file, Findings* findings);

// ReadConfig over a file. Errors: one that cannot be read, and all that ReadConfig found, a line each.
absl::StatusOr<Config> LoadConfig(const std::string& file);

// A whole file of at most `bytes_max` bytes. Errors name it and what the system said.
absl::StatusOr<std::string> ReadWholeFile(const std::string& file, size_t bytes_max);

}  // namespace stockade
