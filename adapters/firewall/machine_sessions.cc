#include "adapters/firewall/machine_sessions.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::optional<std::string> DigestOf(std::string_view token) {
  std::string digest(32, '\0');
  if (EVP_Digest(token.data(), token.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                 EVP_sha256(), nullptr) != 1)
    return std::nullopt;
  return digest;
}

}  // namespace

absl::StatusOr<std::string> MachineSessions::Begin(std::string_view machine, int64_t now_ms) {
  std::string random(32, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(random.size())) != 1)
    return absl::UnavailableError("the system gives no random bytes for a token");
  std::string token = absl::BytesToHexString(random);
  std::optional<std::string> digest = DigestOf(token);
  if (!digest) return absl::UnavailableError("no memory to hash a token");
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& session) { return session.second.until_ms <= now_ms; });
  if (sessions_.size() >= kSessionsMax) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.until_ms < b.second.until_ms;
    }));
  }
  sessions_[*std::move(digest)] = {std::string(machine), now_ms + kSessionMs};
  return token;
}

std::optional<std::string> MachineSessions::MachineOf(std::string_view token, int64_t now_ms) {
  const std::optional<std::string> digest = DigestOf(token);
  if (!digest) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(*digest);
  if (found == sessions_.end() || found->second.until_ms <= now_ms) return std::nullopt;
  return found->second.machine;
}

}  // namespace stockade
