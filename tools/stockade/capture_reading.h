// What a login is in a capture: the endpoints, proxies, limits and certificates of the section `gateway`, as the sidecar
// would read them; without endpoints there, the usual paths, fields and answers.
//
// Load time only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/capture/capture_source.h"
#include "adapters/certificate/from_header.h"
#include "adapters/certificate/verifier.h"
#include "tools/stockade/config_file.h"

namespace stockade {

// Logins as most applications have them: a POST to a usual path (kLoginPathPattern), the account and the
// password in fields that are called so, and what came of it by status and Location.
EndpointSettings UsualEndpoint();

// Errors: what is wrong with endpoints; certificates whose files cannot be read.
absl::StatusOr<CaptureReading> CaptureReadingOf(const Config& config);
// The same with certificates judged by `verifier`; null: nobody looks at them.
absl::StatusOr<CaptureReading> CaptureReadingOf(const Config& config,
                                                std::shared_ptr<const CertificateVerifier> verifier);
// Where logins are read from, for people: "logins are those of gateway.endpoints".
std::string CaptureReadingText(const Config& config);

}  // namespace stockade
