#include "adapters/gateway/head_error.h"

#include <iterator>

namespace stockade {
namespace {

struct ErrorRow {
  std::string_view name;
  int status;
};
constexpr ErrorRow kErrors[] = {
    {"none", 200},
    {"bad_line", 400},
    {"bad_method", 400},
    {"bad_target", 400},
    {"bad_version", 400},
    {"unknown_version", 505},
    {"connect", 501},
    {"bare_lf", 400},
    {"bare_cr", 400},
    {"obs_fold", 400},
    {"control_byte", 400},
    {"space_before_colon", 400},
    {"bad_name", 400},
    {"no_host", 400},
    {"two_hosts", 400},
    {"bad_host", 400},
    {"host_conflict", 400},
    {"length_and_encoding", 400},
    {"two_lengths", 400},
    {"bad_length", 400},
    {"bad_encoding", 501},
    {"encoding_in_old_http", 400},
    {"unknown_expectation", 417},
    {"too_long", 431},
    {"target_too_long", 414},
    {"too_many_fields", 431},
    {"bad_status", 400},
};
static_assert(std::size(kErrors) == kHeadErrorCount);

}  // namespace

std::string_view Name(HeadError error) noexcept {
  return kErrors[static_cast<size_t>(error)].name;
}
int HttpStatus(HeadError error) noexcept {
  return kErrors[static_cast<size_t>(error)].status;
}

}  // namespace stockade
