#include "tools/stockade/input_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "engine/text.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

std::string Folder() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

// A file without a name; -1 and errno where there can be none.
int OpenUnnamed(const std::string& folder) {
  const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return unnamed;
  // Not every file system has such.
  std::string name = folder + "/stockade.XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

bool WriteWhole(int descriptor, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

bool InputCopy::Needs(const std::string& input) {
  if (input == "-") return true;
  struct stat about {};
  return ::stat(input.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

absl::StatusOr<InputCopy> InputCopy::Of(const std::string& input) {
  const std::string shown = input == "-" ? "standard input" : input;
  const std::string folder = Folder();
  const int from = input == "-" ? STDIN_FILENO : ::open(input.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) return absl::ErrnoToStatus(errno, Concat(shown, ": cannot be opened"));
  const InputCopy source(input == "-" ? -1 : from);  // closes it
  const int to = OpenUnnamed(folder);
  if (to < 0)
    return absl::ErrnoToStatus(errno, Concat(shown, ": cannot be copied to ", folder, " to be read again"));
  InputCopy copy(to);
  std::array<char, size_t{1} << 16> bytes;
  while (true) {
    const ssize_t size = ::read(from, bytes.data(), bytes.size());
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return absl::ErrnoToStatus(errno, Concat(shown, ": cannot be read"));
    if (size == 0) return copy;
    if (!WriteWhole(to, bytes.data(), static_cast<size_t>(size)))
      return absl::ErrnoToStatus(errno, Concat(shown, ": cannot be copied to ", folder, " to be read again"));
  }
}

InputCopy::InputCopy(int descriptor) : descriptor_(descriptor), path_(Concat("/proc/self/fd/", descriptor)) {}

InputCopy::InputCopy(InputCopy&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

InputCopy::~InputCopy() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace stockade
