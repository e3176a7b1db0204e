// The section `sources` of the settings: where `run` hears of logins that take their course elsewhere. A list, each item of
// one kind:
//
//   sources:
//     - tail: {path: /var/log/auth.log, format: sshd, position: auth.position, from: end}
//     - name: edge                # in metrics and messages; else kind and address
//       silence: 15m              # without anything, and the log says so; off: never
//       tail: {path: "/var/log/nginx/*.log", format: combined, access_log: {login_paths: [/login]}}
//
//     - syslog: {listen: "udp://127.0.0.1:5514", format: haproxy, allow: [127.0.0.0/8]}
//     - syslog: {listen: "tls://[::]:6514", format: sshd, tls: {certificate: c.pem, key: k.pem, client_ca: ca.pem}}
//     - push: {listen: "127.0.0.1:8182", key_file: push.key}
//     - journald: {unit: ssh.service, format: sshd, position: ssh.cursor, from: end}
//
// Keys of how lines are read (format, text_format, timezone, fields, outcomes, access_log) are those of `input`, and what
// `input` says holds for each source that does not say otherwise. Load time only; one thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "adapters/live/options.h"
#include "adapters/source/options.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/gateway_settings.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

struct PushSettings {
  PushOptions options;   // without the key
  std::string key_file;  // empty: nobody is asked for one
};

struct LiveSourceSettings {
  absl::Duration silence = absl::Hours(1);
  std::variant<TailOptions, SyslogOptions, PushSettings, JournalOptions> kind;
};

// `base`: what the section `input` says; `files`: whether those of TLS must be readable.
std::vector<LiveSourceSettings> ReadLiveSettings(const YamlNode& node, const std::string& path,
                                                 const SourceOptions& base, GatewayFiles files,
                                                 SettingsReader* reader);

}  // namespace stockade
