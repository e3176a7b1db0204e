#include "tools/stockade/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status Failed(std::string_view what) {
  return absl::ErrnoToStatus(errno, Concat("capture.user: ", what));
}

}  // namespace

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
  if (geteuid() != uid || getuid() != uid) {
    // The C library has every thread do each of these; becoming another user than root clears capabilities.
    if (group.empty() ? initgroups(user.c_str(), gid) != 0 : setgroups(1, &gid) != 0)
      return Failed("its groups cannot be taken");
    if (setresgid(gid, gid, gid) != 0) return Failed("its group cannot be taken");
    if (setresuid(uid, uid, uid) != 0) return Failed("cannot become that user");
    // What could be undone was never given up.
    if (setuid(0) == 0 || setgid(0) == 0)
      return absl::InternalError("capture.user: root could be regained; nothing goes on like this");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("privileges of programs cannot be shut off");
  return absl::OkStatus();
}

}  // namespace stockade
