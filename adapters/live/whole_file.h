// A small file that is whole at every moment: written beside its place and renamed over it. Any thread, one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

// `sync`: also over a loss of power, for some milliseconds of the disk. Errors name the file.
absl::Status WriteWhole(const std::string& file, std::string_view text, bool sync);
// At most `bytes_max` bytes of it; nothing where there is no such file. Errors name the file.
absl::StatusOr<std::optional<std::string>> ReadWhole(const std::string& file, size_t bytes_max);

}  // namespace stockade
