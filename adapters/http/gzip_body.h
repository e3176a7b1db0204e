// The body of a request that came compressed (`Content-Encoding: gzip`).
//
// Pure, any thread. Never more than `bytes_max` of memory and time for it, whatever a body claims to hold.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stockade {

// What a gzip body holds; several members may follow one another. Errors: InvalidArgument for what is damaged, ends early or
// has something else behind it; ResourceExhausted for more than bytes_max.
absl::StatusOr<std::string> GunzipBody(std::string_view body, size_t bytes_max);

}  // namespace stockade
