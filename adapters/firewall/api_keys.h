// The keys by which bouncers and machines ask us for decisions: made, listed and revoked on the command line, checked by a
// server that runs meanwhile.
//
//   ASSIGN_OR_RETURN(std::string key, AddApiKey(file, "edge-1", ApiKeyRole::kBouncer, now_ms));   // shown once, kept nowhere
//   ApiKeys keys(file);  …  if (const auto who = keys.Find(said)) …
//
// A key is 256 bits of OpenSSL's random generator in hex, so nobody finds it by trying, and the file keeps no more than its
// SHA-256: a slow hash with a salt would protect a password that a person chose, and here it would only slow down every
// request. The file is text, a line each, `sha256-in-hex  role  created  name`; '#' begins a comment. It is replaced whole
// (written beside it, synced, renamed, mode 0600) under a lock, so that two who change it at once both do and a crash leaves
// the old or the new one. A running server looks at the file's state with every request and reads it again when it has
// changed: a revoked key is refused from the next request on.
//
// A bouncer's key reads decisions. Only a machine's may hand in alerts (crowdsec_api.h): a web server that was broken into
// must not be able to ban the world.
//
// Limits: kApiKeysMax keys, names of 1 to kApiKeyNameBytesMax bytes of [A-Za-z0-9._:@-]. A line that cannot be read costs
// that line and is told (trouble()); a file that is not there has no keys; one that cannot be read leaves those that were read
// last. ApiKeys: any thread. The functions: any process.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

enum class ApiKeyRole : uint8_t { kBouncer, kMachine };
inline constexpr std::string_view kApiKeyRoleNames[] = {"bouncer", "machine"};
constexpr std::string_view Name(ApiKeyRole role) noexcept {
  return kApiKeyRoleNames[static_cast<size_t>(role)];
}

// Each request compares with all of them: 4096 take some 30 µs.
inline constexpr size_t kApiKeysMax = 4096;
inline constexpr size_t kApiKeyNameBytesMax = 64;

struct ApiKeyEntry {
  std::string name;
  ApiKeyRole role = ApiKeyRole::kBouncer;
  int64_t created_ms = 0;
  std::array<uint8_t, 32> sha256{};
};

// Makes a key of this name and gives it: the only time that anybody sees it. Errors: InvalidArgument for the name,
// AlreadyExists, ResourceExhausted, and what the system said of the file.
absl::StatusOr<std::string> AddApiKey(const std::string& file, std::string_view name, ApiKeyRole role,
                                      int64_t now_ms);
// Errors: NotFound, and what the system said of the file.
absl::Status RevokeApiKey(const std::string& file, std::string_view name);
// In the file's order. What cannot be read of it is an error here.
absl::StatusOr<std::vector<ApiKeyEntry>> ListApiKeys(const std::string& file);

class ApiKeys {
 public:
  explicit ApiKeys(std::string file);

  struct Owner {
    std::string name;
    ApiKeyRole role;
  };
  // Whose key this is; nothing for one that is nobody's. Takes the same time for every key of one length.
  std::optional<Owner> Find(std::string_view key);
  // Whether a key of this name and role stands now.
  bool Stands(std::string_view name, ApiKeyRole role);
  // What is wrong with the file as it was read last; empty: nothing.
  std::string trouble() const;

 private:
  // What tells one state of a file from another.
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;  // -1: not there
    int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  void Refresh();

  const std::string file_;
  mutable std::mutex mutex_;
  std::optional<Stamp> stamp_;
  std::vector<ApiKeyEntry> entries_;
  std::string trouble_;
};

}  // namespace stockade
