// Gives up what a process was started with, once everything that needs it is open.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace stockade {

// Becomes `user`, with his groups, or with `group` alone where it is not empty; of all threads. Afterwards there is no way
// back: capabilities are gone, whoever the process was before, and nothing that is executed regains them. Errors name the user
// or group that there is not, and whatever could not be given up, of any thread; the process must not go on then.
//
// The kernel keeps capabilities and no_new_privs of each thread. Those of another user than root are cleared on the calling
// thread alone: call it before others begin then (BeginsWithRoot), or it is an error that they have some.
absl::Status DropPrivileges(const std::string& user, const std::string& group);

// Nothing that this thread or any that it begins executes gains a right. Before other threads begin.
absl::Status ForbidNewPrivileges();

// Whether becoming another user clears the capabilities of all threads.
bool BeginsWithRoot() noexcept;

}  // namespace stockade
