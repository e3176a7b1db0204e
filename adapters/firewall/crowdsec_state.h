// What bouncers were told, in a file, so that it outlives us: a bouncer runs on while we are down, and what is released
// meanwhile, or was released a moment before, must still be told to it afterwards. Without the file a bouncer keeps such a
// decision until the time it was told is over.
//
// Lines of orders as they came, `+ until decision action scope kind lanes rule value` and `- action scope kind lanes value`,
// of what they name no more than a word each (bytes up to space, DEL and "%" are written as %XX). Appended and synced a batch at
// a time, before it is told. A line that cannot be read, as one that a crash cut, costs that line. Rewritten whole (beside it,
// synced, renamed) at the start and whenever most of its lines say nothing any more. Mode 0600: it names accounts.
//
// Not thread-safe: the view owns it. About 100 bytes a line; a sync for each batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "adapters/firewall/firewall.h"

namespace stockade {

// One line, with its end.
void AppendStateLine(const Order& order, std::string* out);
// The order of a line without its end, its decision in *decision; false where it is none.
bool ParseStateLine(std::string_view line, Order* order, Decision* decision);

class CrowdsecState {
 public:
  explicit CrowdsecState(std::string file) : file_(std::move(file)) {}
  ~CrowdsecState();
  CrowdsecState(const CrowdsecState&) = delete;
  CrowdsecState& operator=(const CrowdsecState&) = delete;

  // Calls `visit` for each order of the file, in its order. No file has no orders. Errors: what the system said.
  absl::Status Read(const std::function<void(const Order&)>& visit);
  // Lines made by AppendStateLine, in place of all there are. Opens the file for Append.
  absl::Status Rewrite(std::string_view lines);
  // Errors: what the system said; then some of the lines may stand there.
  absl::Status Append(std::string_view lines);

  uint64_t bytes() const noexcept { return bytes_; }

 private:
  const std::string file_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
};

}  // namespace stockade
