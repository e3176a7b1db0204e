// Gives up what a process was started with, once everything that needs it is open.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace stockade {

// Becomes `user`, with his groups, or with `group` alone where it is not empty; of all threads. Afterwards there is no way
// back: capabilities are gone, and nothing that is executed regains them. Nothing to do where the process is that user
// already and has no capability. Errors name the user or group that there is not, and whatever could not be given up; the
// process must not go on then.
absl::Status DropPrivileges(const std::string& user, const std::string& group);

}  // namespace stockade
