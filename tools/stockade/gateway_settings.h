// The section `gateway` of the settings: everything about the sidecar, read and validated whole. What may not be, and
// what could not work, is an error at its place; what would work and surprise is gateway_lint.h's.
//
// Load time only; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/gateway/settings.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

// Whether the files that the section names (certificates, keys, secrets, pages) must be there. For who only replays a
// log, on another machine, they need not.
enum class GatewayFiles : uint8_t { kMustBeReadable, kNotLookedAt };

// `may_only_see`: it may say what logins are and not where to stand: they are seen elsewhere.
GatewaySettings ReadGatewaySettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                    bool may_only_see, SettingsReader* reader);

// The list `gateway.endpoints`.
std::vector<EndpointSettings> ReadEndpointSettings(const YamlNode& node, const std::string& path,
                                                   SettingsReader* reader);
// The section `gateway.answers`.
AnswersSettings ReadAnswersSettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                    SettingsReader* reader);

// The section `gateway.certificates`.
CertificateSettings ReadCertificateSettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                            SettingsReader* reader);

}  // namespace stockade
