#include "tools/stockade/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status Failed(std::string_view what) {
  return absl::ErrnoToStatus(errno, Concat("capture.user: ", what));
}

// Of this thread, as all capabilities are; those that it starts have what it has. Asked of the kernel itself: the C library
// has no calls for them, and libcap would be needed for these two alone.
absl::Status ClearCapabilities() {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Failed("ambient capabilities cannot be given up");
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capset, &header, sets) != 0) return Failed("capabilities cannot be given up");
  if (syscall(SYS_capget, &header, sets) != 0) return Failed("capabilities cannot be looked at");
  for (const __user_cap_data_struct& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0)
      return absl::InternalError("capture.user: capabilities are left; nothing goes on like this");
  }
  return absl::OkStatus();
}

// Of all threads: one that was begun before may have kept what this one has given up.
absl::Status CheckThreads() {
  std::error_code failed;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    std::ifstream status(thread.path() / "status");
    std::string line;
    while (std::getline(status, line)) {
      const bool is_set = line.starts_with("CapPrm:") || line.starts_with("CapEff:");
      if (is_set && line.find_first_not_of("0 \t", line.find(':') + 1) != std::string::npos)
        return absl::InternalError("capture.user: a thread has capabilities left; nothing goes on like this");
    }
  }
  if (failed)
    return absl::InternalError("capture.user: /proc/self/task cannot be read; who has which rights?");
  return absl::OkStatus();
}

}  // namespace

bool BeginsWithRoot() noexcept {
  return geteuid() == 0;
}

absl::Status ForbidNewPrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("privileges of programs cannot be shut off");
  return absl::OkStatus();
}

absl::Status DropPrivileges(const std::string& user, const std::string& group) {
  errno = 0;
  const passwd* const found = getpwnam(user.c_str());
  if (found == nullptr)
    return absl::NotFoundError(Concat("capture.user: there is no user ", Quoted(user),
                                      "; make one with: ", "useradd --system --no-create-home stockade"));
  const uid_t uid = found->pw_uid;
  gid_t gid = found->pw_gid;
  if (!group.empty()) {
    const struct group* const named = getgrnam(group.c_str());
    if (named == nullptr)
      return absl::NotFoundError(Concat("capture.group: there is no group ", Quoted(group)));
    gid = named->gr_gid;
  }
  if (uid == 0)
    return absl::InvalidArgumentError(
        Concat("capture.user: ", Quoted(user), " is root, who keeps every right; name another, or nobody"));
  uid_t real = 0, effective = 0, saved = 0;
  gid_t real_group = 0, effective_group = 0, saved_group = 0;
  if (getresuid(&real, &effective, &saved) != 0 ||
      getresgid(&real_group, &effective_group, &saved_group) != 0)
    return Failed("nobody says who the process is");
  const bool is_user = real == uid && effective == uid && saved == uid;
  const bool is_group = real_group == gid && effective_group == gid && saved_group == gid;
  if (!is_user || !is_group) {
    // The C library has every thread do each of these.
    if (group.empty() ? initgroups(user.c_str(), gid) != 0 : setgroups(1, &gid) != 0)
      return Failed("its groups cannot be taken");
    if (setresgid(gid, gid, gid) != 0) return Failed("its group cannot be taken");
    if (setresuid(uid, uid, uid) != 0) return Failed("cannot become that user");
  }
  // Whoever was that user before may still have capabilities of his service's, which becoming him would have cleared.
  RETURN_IF_ERROR(ClearCapabilities());
  // What could be undone was never given up.
  if (setuid(0) == 0 || setgid(0) == 0)
    return absl::InternalError("capture.user: root could be regained; nothing goes on like this");
  RETURN_IF_ERROR(ForbidNewPrivileges());
  return CheckThreads();
}

}  // namespace stockade
