#include "adapters/firewall/api_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "adapters/firewall/file_replacement.h"
#include "engine/decision/decision.h"
#include "engine/event/digits.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Digest = std::array<uint8_t, 32>;
constexpr size_t kKeyBytes = 32;
// A full file of the longest names is a quarter of this; anything larger is another file.
constexpr size_t kFileBytesMax = size_t{4} << 20;

// A descriptor that is closed with its scope.
class OpenFile {
 public:
  OpenFile(const std::string& file, int flags) : fd_(open(file.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  const int fd_;
};

std::string Hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

bool DigestOf(std::string_view text, Digest* digest) {
  return EVP_Digest(text.data(), text.size(), digest->data(), nullptr, EVP_sha256(), nullptr) == 1;
}

bool IsName(std::string_view name) {
  constexpr std::string_view kOthers = "._:@-";
  return !name.empty() && name.size() <= kApiKeyNameBytesMax &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

std::optional<ApiKeyEntry> ParseLine(std::string_view line) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(ToAbsl(line), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (parts.size() != 4 || parts[0].size() != 2 * sizeof(Digest)) return std::nullopt;
  ApiKeyEntry entry;
  for (size_t i = 0; i < entry.sha256.size(); ++i) {
    const int high = HexDigit(parts[0][2 * i]);
    const int low = HexDigit(parts[0][2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    entry.sha256[i] = static_cast<uint8_t>(high * 16 + low);
  }
  const auto role = std::find(std::begin(kApiKeyRoleNames), std::end(kApiKeyRoleNames), FromAbsl(parts[1]));
  absl::Time created;
  if (role == std::end(kApiKeyRoleNames) ||
      !absl::ParseTime(absl::RFC3339_full, parts[2], &created, nullptr) || !IsName(FromAbsl(parts[3])))
    return std::nullopt;
  entry.role = static_cast<ApiKeyRole>(role - std::begin(kApiKeyRoleNames));
  entry.created_ms = absl::ToUnixMillis(created);
  entry.name = std::string(parts[3]);
  return entry;
}

// All lines that are keys; *trouble names the first that is none.
std::vector<ApiKeyEntry> Parse(const std::string& file, std::string_view text, std::string* trouble) {
  std::vector<ApiKeyEntry> entries;
  size_t number = 0;
  for (const absl::string_view piece : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    const std::string_view line = FromAbsl(piece);
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    std::optional<ApiKeyEntry> entry = ParseLine(line);
    std::string_view wrong;
    if (!entry) {
      wrong = "is no key: sha256 role created name";
    } else if (entries.size() == kApiKeysMax) {
      wrong = "is beyond the 4096 keys that are kept";
    } else if (std::any_of(entries.begin(), entries.end(),
                           [&](const auto& e) { return e.name == entry->name; })) {
      wrong = "names a key that is above already";
    }
    if (wrong.empty()) {
      entries.push_back(*std::move(entry));
    } else if (trouble->empty()) {
      *trouble = Concat(file, ":", number, ": ", wrong, "; the line is passed over");
    }
  }
  return entries;
}

absl::StatusOr<std::string> ReadAll(const std::string& file, int fd) {
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t size = read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileError(file, "cannot be read");
    if (size == 0) return text;
    text.append(buffer, static_cast<size_t>(size));
    if (text.size() > kFileBytesMax)
      return absl::InvalidArgumentError(Concat(file, ": is too large to be a file of keys"));
  }
}

// An absent file has no keys.
absl::StatusOr<std::vector<ApiKeyEntry>> ReadKeys(const std::string& file, std::string* trouble) {
  // A FIFO of that name must not hold us up.
  const OpenFile source(file, O_RDONLY | O_NONBLOCK);
  if (!source.is_open()) {
    if (errno == ENOENT) return std::vector<ApiKeyEntry>();
    return FileError(file, "cannot be opened");
  }
  ASSIGN_OR_RETURN(const std::string text, ReadAll(file, source.fd()));
  return Parse(file, text, trouble);
}

absl::Status WriteKeys(const std::string& file, const std::vector<ApiKeyEntry>& entries) {
  std::string text =
      "# Keys of bouncers and machines: sha256 role created name. Written by `stockade bouncers`.\n";
  for (const ApiKeyEntry& entry : entries)
    Append(&text, Hex(entry.sha256), " ", Name(entry.role), " ", FormatTimeMs(entry.created_ms), " ",
           entry.name, "\n");
  return ReplaceFile(file, text);
}

// Reads, changes and writes the file while nobody else does.
template <typename Change>
absl::Status ChangeKeys(const std::string& file, Change&& change) {
  const std::string lock_file = file + ".lock";
  const OpenFile lock(lock_file, O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!lock.is_open()) return FileError(lock_file, "cannot be opened");
  while (flock(lock.fd(), LOCK_EX) != 0)
    if (errno != EINTR) return FileError(lock_file, "cannot be locked");
  std::string trouble;
  ASSIGN_OR_RETURN(std::vector<ApiKeyEntry> entries, ReadKeys(file, &trouble));
  // Writing would lose the line that a person meant to be a key.
  if (!trouble.empty()) return absl::FailedPreconditionError(Concat(trouble, "; mend it first"));
  RETURN_IF_ERROR(change(&entries));
  return WriteKeys(file, entries);
}

}  // namespace

absl::StatusOr<std::string> AddApiKey(const std::string& file, std::string_view name, ApiKeyRole role,
                                      int64_t now_ms) {
  if (!IsName(name))
    return absl::InvalidArgumentError(
        Concat("\"", name, "\": a key's name is 1 to 64 of the letters, digits and ._:@-"));
  std::array<uint8_t, kKeyBytes> random;
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return absl::UnavailableError("the system gives no random bytes for a key");
  std::string key = Hex(random);
  OPENSSL_cleanse(random.data(), random.size());
  ApiKeyEntry entry{std::string(name), role, now_ms, {}};
  if (!DigestOf(key, &entry.sha256)) return absl::ResourceExhaustedError("no memory to hash the key");
  RETURN_IF_ERROR(ChangeKeys(file, [&](std::vector<ApiKeyEntry>* entries) -> absl::Status {
    if (std::any_of(entries->begin(), entries->end(), [&](const auto& e) { return e.name == name; }))
      return absl::AlreadyExistsError(
          Concat(name, ": has a key already; revoke it first, or choose another name"));
    if (entries->size() >= kApiKeysMax)
      return absl::ResourceExhaustedError(
          Concat(file, ": holds ", kApiKeysMax, " keys, and no more; revoke some"));
    entries->push_back(std::move(entry));
    return absl::OkStatus();
  }));
  return key;
}

absl::Status RevokeApiKey(const std::string& file, std::string_view name) {
  return ChangeKeys(file, [&](std::vector<ApiKeyEntry>* entries) -> absl::Status {
    if (std::erase_if(*entries, [&](const auto& e) { return e.name == name; }) == 0)
      return absl::NotFoundError(Concat(name, ": no key of this name stands in ", file));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ApiKeyEntry>> ListApiKeys(const std::string& file) {
  std::string trouble;
  ASSIGN_OR_RETURN(std::vector<ApiKeyEntry> entries, ReadKeys(file, &trouble));
  if (!trouble.empty()) return absl::InvalidArgumentError(trouble);
  return entries;
}

ApiKeys::ApiKeys(std::string file) : file_(std::move(file)) {}

void ApiKeys::Refresh() {
  struct stat about {};
  Stamp stamp;
  if (stat(file_.c_str(), &about) == 0) {
    stamp = {about.st_dev, about.st_ino, about.st_size,
             static_cast<int64_t>(about.st_mtim.tv_sec) * 1'000'000'000 + about.st_mtim.tv_nsec};
  }
  if (stamp_ == stamp) return;
  std::string trouble;
  absl::StatusOr<std::vector<ApiKeyEntry>> read = ReadKeys(file_, &trouble);
  if (!read.ok()) {
    trouble_ = std::string(read.status().message());  // and tried again with the next request
    return;
  }
  // What changed between stat and read shows at the next stat.
  stamp_ = stamp;
  entries_ = *std::move(read);
  trouble_ = std::move(trouble);
}

std::optional<ApiKeys::Owner> ApiKeys::Find(std::string_view key) {
  Digest digest;
  if (key.size() > 2 * kKeyBytes || !DigestOf(key, &digest)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Refresh();
  const ApiKeyEntry* found = nullptr;
  for (const ApiKeyEntry& entry : entries_)
    if (CRYPTO_memcmp(entry.sha256.data(), digest.data(), digest.size()) == 0) found = &entry;
  if (found == nullptr) return std::nullopt;
  return Owner{found->name, found->role};
}

bool ApiKeys::Stands(std::string_view name, ApiKeyRole role) {
  const std::lock_guard lock(mutex_);
  Refresh();
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const ApiKeyEntry& entry) { return entry.name == name && entry.role == role; });
}

std::string ApiKeys::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace stockade
