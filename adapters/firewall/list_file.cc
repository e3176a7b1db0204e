#include "adapters/firewall/list_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "adapters/firewall/carrier.h"
#include "adapters/firewall/run_command.h"
#include "adapters/owned_file.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status Failed(const std::string& path, std::string_view what) {
  return absl::UnavailableError(Concat(PrintableText(path), ": ", what, ": ", std::strerror(errno)));
}

absl::Status WriteAndSync(int file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(file, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed(path, "cannot be written");
    text.remove_prefix(static_cast<size_t>(size));
  }
  if (fsync(file) != 0) return Failed(path, "cannot be written");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckListFileOptions(const ListFileOptions& options) {
  if (!options.path.starts_with('/') || options.path.ends_with('/') ||
      options.path.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("path: write the file's whole path, from /");
  if ((options.format == ListFormat::kPlain || options.format == ListFormat::kNginxDeny) &&
      options.action != Action::kBlock && options.action != Action::kThrottle) {
    return absl::InvalidArgumentError(Concat("action: a list of addresses cannot tell the kinds of a ",
                                             Name(options.action), "; use format nginx_geo or ndjson"));
  }
  if (options.write_every < absl::ZeroDuration() || options.write_every > absl::Seconds(10))
    return absl::InvalidArgumentError("write_every: from 0s to 10s");
  if (options.after_timeout < absl::Milliseconds(10) || options.after_timeout > absl::Seconds(15))
    return absl::InvalidArgumentError("after_timeout: from 10ms to 15s");
  if ((options.mode & ~mode_t{0666}) != 0 || (options.mode & 0600) != 0600)
    return absl::InvalidArgumentError("mode: from 0600 to 0666");
  return options.after.empty() ? absl::OkStatus() : CheckArgv("after", options.after);
}

ListFile::ListFile(ListFileOptions options)
    : options_(std::move(options)),
      text_(options_.format, options_.action),
      after_due_(!options_.after.empty()) {}

Capabilities ListFile::capabilities() const {
  Capabilities can = options_.format == ListFormat::kNdjson
                         ? CarrierOf(options_.actions, options_.scopes)
                         : CarrierOf({options_.action}, {Scope::kIp, Scope::kRange});
  can.lists = true;
  can.batch_max = kBatchMax;
  return can;
}

ListFile::Identity ListFile::Of(const struct stat& status) {
  return {true, status.st_dev, status.st_ino, status.st_size,
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

absl::StatusOr<ListFile::Identity> ListFile::Look() const {
  struct stat status;
  if (stat(options_.path.c_str(), &status) == 0) return Of(status);
  if (errno == ENOENT) return Identity();
  return Failed(options_.path, "cannot be looked at");
}

absl::Status ListFile::ReadFile() {
  known_ = false;
  lines_.clear();
  strange_ = 0;
  identity_ = Identity();
  // A pipe in its place must not hold us.
  const OwnedFile file(open(options_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) {
    if (errno != ENOENT) return Failed(options_.path, "cannot be read");
    known_ = true;
    return absl::OkStatus();
  }
  struct stat status;
  if (fstat(file.get(), &status) != 0) return Failed(options_.path, "cannot be read");
  if (!S_ISREG(status.st_mode))
    return absl::FailedPreconditionError(
        Concat(PrintableText(options_.path), ": is no file; name one of its own"));
  std::string content;
  content.reserve(std::min(static_cast<size_t>(status.st_size), kFileBytesMax));
  char buffer[size_t{64} << 10];
  while (true) {
    const ssize_t size = read(file.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed(options_.path, "cannot be read");
    if (size == 0) break;
    content.append(buffer, static_cast<size_t>(size));
    if (content.size() > kFileBytesMax) {
      return absl::FailedPreconditionError(Concat(PrintableText(options_.path), ": holds more than ",
                                                  kFileBytesMax >> 30, " GiB, which is no list of ours"));
    }
  }
  ListText::Read read = text_.Parse(content);
  lines_ = std::move(read.lines);
  strange_ = read.strange;
  identity_ = Of(status);
  known_ = true;
  return absl::OkStatus();
}

absl::Status ListFile::WriteFile() {
  std::this_thread::sleep_until(write_after_);
  const std::string beside = options_.path + ".new";
  // Ours, from a write that a crash ended. Whatever else has this name is not followed.
  if (unlink(beside.c_str()) != 0 && errno != ENOENT) return Failed(beside, "cannot be removed");
  const OwnedFile file(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return Failed(beside, "cannot be made");
  struct stat status;
  absl::Status written = WriteAndSync(file.get(), beside, text_.Write(lines_));
  if (written.ok() && (fchmod(file.get(), options_.mode) != 0 || fstat(file.get(), &status) != 0))
    written = Failed(beside, "cannot be set up");
  if (written.ok() && rename(beside.c_str(), options_.path.c_str()) != 0)
    written = Failed(options_.path, "cannot be replaced");
  if (!written.ok()) {
    unlink(beside.c_str());
    return written;
  }
  after_due_ = !options_.after.empty();
  write_after_ = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.write_every);
  identity_ = Of(status);
  strange_ = 0;
  // The name is durable when its folder is.
  const std::string folder = options_.path.substr(0, options_.path.rfind('/') + 1);
  const OwnedFile above(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (above.get() < 0 || fsync(above.get()) != 0) return Failed(folder, "cannot be synced");
  return absl::OkStatus();
}

absl::Status ListFile::RunAfter() {
  if (!after_due_) return absl::OkStatus();
  CommandCall command;
  command.argv = options_.after;
  command.timeout = options_.after_timeout;
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command));
  const absl::Status status = ToStatus(command, result);
  after_due_ = !status.ok();
  if (status.ok()) return status;
  // Whatever its exit code means to others: it was no order's fault.
  return absl::UnavailableError(Concat("after: ", FromAbsl(status.message())));
}

absl::Status ListFile::Apply(std::span<const Order> orders, int64_t) {
  ASSIGN_OR_RETURN(const Identity now, Look());
  if (!known_ || now != identity_) RETURN_IF_ERROR(ReadFile());
  absl::Status refused;
  bool changed = strange_ > 0 || !identity_.is_there;
  for (const Order& order : orders) {
    if (text_.CanSay(OrderKey::Of(*order.decision))) {
      changed = text_.Carry(order, &lines_) || changed;
    } else if (order.kind == Order::Kind::kEnforce) {
      refused = absl::InvalidArgumentError(
          Concat(PrintableText(options_.path), ": its format cannot say ", Name(order.decision->action),
                 " of ", Name(order.decision->scope), " '", PrintableText(order.decision->value), "'"));
    }
  }
  if (changed) {
    known_ = false;  // until it is written
    RETURN_IF_ERROR(WriteFile());
    known_ = true;
  }
  RETURN_IF_ERROR(RunAfter());
  return refused;
}

absl::StatusOr<std::vector<Enforced>> ListFile::List(int64_t) {
  RETURN_IF_ERROR(ReadFile());
  if (identity_.is_there) RETURN_IF_ERROR(RunAfter());
  std::vector<Enforced> standing;
  text_.AppendStanding(lines_, &standing);
  if (strange_ > 0) {
    // Of an action and a scope that it carries, or the release would not come.
    const Capabilities can = capabilities();
    for (size_t action = 0; action < std::size(can.scopes); ++action) {
      if (can.scopes[action] == 0) continue;
      const auto scope = static_cast<Scope>(__builtin_ctz(can.scopes[action]));
      standing.push_back({KeyOf(scope, static_cast<Action>(action), kFirstVariant,
                                Concat("# ", strange_, " lines that are none of ours")),
                          0});
      break;
    }
  }
  return standing;
}

}  // namespace stockade
