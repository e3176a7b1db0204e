// What a process that gives up its rights still has: asked of the kernel, in children of their own.
#include "tools/stockade/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace stockade {
namespace {

// True: `body` was true in a child.
bool HoldsInChild(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool HasCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return true;
  return (sets[0].permitted | sets[0].effective | sets[1].permitted | sets[1].effective) != 0;
}

// As a service manager starts a process: another user than root, with the capability for an interface.
bool BecomeNobodyWithCapability() {
  const passwd* const nobody = getpwnam("nobody");
  if (nobody == nullptr || setgroups(0, nullptr) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
    return false;
  const gid_t group = nobody->pw_gid;
  const uid_t user = nobody->pw_uid;
  if (setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0) return false;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  sets[0].permitted = sets[0].effective = sets[0].inheritable = 1u << CAP_NET_RAW;
  return syscall(SYS_capset, &header, sets) == 0 &&
         prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0 && HasCapabilities();
}

TEST_CASE("whoever is the user already loses his capabilities too", "[privileges]") {
  if (geteuid() != 0) {
    WARN("needs root; skipped");
    return;
  }
  CHECK(HoldsInChild([] {
    return BecomeNobodyWithCapability() && !BeginsWithRoot() && DropPrivileges("nobody", "").ok() &&
           !HasCapabilities() && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 0 &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  }));
}

TEST_CASE("root becomes the user for good, by whichever id he is root", "[privileges]") {
  if (geteuid() != 0) {
    WARN("needs root; skipped");
    return;
  }
  CHECK(
      HoldsInChild([] { return DropPrivileges("nobody", "").ok() && !HasCapabilities() && setuid(0) != 0; }));
  // The saved id alone is root's.
  CHECK(HoldsInChild([] {
    const uid_t user = getpwnam("nobody")->pw_uid;
    return setresuid(user, user, 0) == 0 && (!DropPrivileges("nobody", "").ok() || seteuid(0) != 0);
  }));
}

TEST_CASE("a thread that keeps capabilities is an error", "[privileges]") {
  if (geteuid() != 0) {
    WARN("needs root; skipped");
    return;
  }
  CHECK(HoldsInChild([] {
    if (!BecomeNobodyWithCapability()) return false;
    std::mutex mutex;
    std::condition_variable ended;
    bool may_end = false;
    std::thread other([&] {
      std::unique_lock lock(mutex);
      ended.wait(lock, [&] { return may_end; });
    });
    const bool is_refused = !DropPrivileges("nobody", "").ok();
    {
      const std::lock_guard lock(mutex);
      may_end = true;
    }
    ended.notify_one();
    other.join();
    return is_refused;
  }));
}

}  // namespace
}  // namespace stockade
