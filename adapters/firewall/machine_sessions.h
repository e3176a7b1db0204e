// The logins of CrowdSec's machines (agents, cscli): a machine shows its name and key once and gets a token for an hour.
//
// Tokens are 256 random bits and mean nothing elsewhere: the real server's are JWTs, which its clients do not look into.
// State of this run: after a restart a machine logs in again, as its client does by itself when it is told 401. At most
// kSessionsMax; the one nearest to its end gives way. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stockade {

class MachineSessions {
 public:
  static constexpr int64_t kSessionMs = int64_t{3600} * 1000;
  static constexpr size_t kSessionsMax = 1024;

  // Errors: Unavailable where the system has no random bytes.
  absl::StatusOr<std::string> Begin(std::string_view machine, int64_t now_ms);
  // Whose token this is; nothing where it is over or nobody's.
  std::optional<std::string> MachineOf(std::string_view token, int64_t now_ms);

 private:
  struct Session {
    std::string machine;
    int64_t until_ms = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Session, std::less<>>
      sessions_;  // by SHA-256 of the token: finding it tells nothing by its time
};

}  // namespace stockade
