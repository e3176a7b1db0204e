// Files of ours that are replaced whole, so that a crash leaves the old one or the new one: written beside, synced, renamed, and
// the folder synced. Any thread; two who replace one file at once need a lock of their own.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace stockade {

// What the system says in errno of a file: "/run/keys: cannot be opened: Permission denied".
absl::Status FileError(const std::string& file, std::string_view what);

// Mode 0600. Errors name the file and what the system said; then the old one stands.
absl::Status ReplaceFile(const std::string& file, std::string_view content);
// All of it, from where the descriptor stands; `name` is for errors.
absl::Status WriteAllTo(int fd, std::string_view content, const std::string& name);

}  // namespace stockade
