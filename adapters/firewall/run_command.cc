#include "adapters/firewall/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>

#include "adapters/owned_file.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Clock = std::chrono::steady_clock;

// Where the kernel cannot tell when a process ends (before Linux 5.3), how often it is asked.
constexpr int kAskMs = 20;
constexpr int kDataError = 65;

absl::Status Failed(std::string_view what) {
  return absl::UnavailableError(Concat("a command cannot be run: ", what, ": ", std::strerror(errno)));
}

// A file in memory with `text`, to be read from its begin.
absl::Status MakeInput(std::string_view text, OwnedFile* file) {
  file->Own(memfd_create("stockade-input", MFD_CLOEXEC));
  if (file->get() < 0) return Failed("memfd_create");
  while (!text.empty()) {
    const ssize_t size = write(file->get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed("its input");
    text.remove_prefix(static_cast<size_t>(size));
  }
  if (lseek(file->get(), 0, SEEK_SET) != 0) return Failed("its input");
  return absl::OkStatus();
}

// Those that a SIGKILL did not end in time (a disk that hangs): reaped by whoever runs the next command.
std::mutex unreaped_mutex;
std::vector<pid_t> unreaped;

void ReapLate() {
  const std::lock_guard lock(unreaped_mutex);
  std::erase_if(unreaped, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

// Whether the process has ended; it stays a zombie, so that its number and its group's are nobody else's.
bool HasEnded(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

absl::StatusOr<pid_t> Spawn(const CommandCall& command, int input, int error) {
  std::vector<std::string> environment;
  const bool has_path = std::any_of(command.environment.begin(), command.environment.end(),
                                    [](const auto& variable) { return variable.first == "PATH"; });
  if (!has_path) environment.push_back(Concat("PATH=", kCommandPath));
  for (const auto& [name, value] : command.environment) environment.push_back(Concat(name, "=", value));
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (const std::string& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  for (const std::string& variable : environment) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attributes) != 0)
    return absl::ResourceExhaustedError("no memory for a command");
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  pid_t pid = -1;
  int failed = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  if (failed == 0) failed = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (failed == 0) failed = posix_spawn_file_actions_adddup2(&files, error, STDERR_FILENO);
  // Whatever else is open here without FD_CLOEXEC, in some library, is nothing for a script.
  if (failed == 0) failed = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  if (failed == 0) failed = posix_spawn_file_actions_addchdir_np(&files, "/");
  if (failed == 0) failed = posix_spawnattr_setpgroup(&attributes, 0);
  if (failed == 0) failed = posix_spawnattr_setsigmask(&attributes, &none);
  if (failed == 0) failed = posix_spawnattr_setsigdefault(&attributes, &all);
  if (failed == 0)
    failed = posix_spawnattr_setflags(&attributes,
                                      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (failed == 0) failed = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return pid;
  return absl::UnavailableError(
      Concat(PrintableText(command.argv[0]), ": cannot be started: ", std::strerror(failed)));
}

// Reads what is there of standard error; keeps its end. False: it was closed.
bool Drain(int file, std::string* said) {
  char buffer[4096];
  // A flood must not keep us from looking at the time.
  for (int i = 0; i < 16; ++i) {
    const ssize_t size = read(file, buffer, sizeof buffer);
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    said->append(buffer, static_cast<size_t>(size));
    if (said->size() > kCommandSaidBytesMax) said->erase(0, said->size() - kCommandSaidBytesMax);
  }
  return true;
}

// Waits for the process to end, reading what it says; false at the deadline.
bool AwaitEnd(pid_t pid, int pid_file, OwnedFile* error, std::string* said, Clock::time_point deadline) {
  while (!HasEnded(pid)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting[] = {{pid_file, POLLIN, 0}, {error->get(), POLLIN, 0}};
    poll(waiting, 2, static_cast<int>(std::min<int64_t>(left, pid_file >= 0 ? 60'000 : kAskMs)));
    if (waiting[1].revents != 0 && !Drain(error->get(), said)) error->Close();
  }
  return true;
}

}  // namespace

absl::Status CheckArgv(std::string_view key, const std::vector<std::string>& argv) {
  if (argv.empty() || !argv[0].starts_with('/')) {
    return absl::InvalidArgumentError(Concat(
        key, ": write a list that begins with the program's whole path, as [/usr/sbin/nginx, -s, reload]"));
  }
  for (const std::string& argument : argv)
    if (argument.find('\0') != std::string::npos)
      return absl::InvalidArgumentError(Concat(key, ": an argument holds a zero byte"));
  return absl::OkStatus();
}

absl::StatusOr<CommandResult> RunCommand(const CommandCall& command) {
  RETURN_IF_ERROR(CheckArgv("command", command.argv));
  for (const auto& [name, value] : command.environment)
    if (value.find('\0') != std::string::npos)
      return absl::InvalidArgumentError(Concat(name, ": a variable cannot hold a zero byte"));
  ReapLate();
  OwnedFile input;
  RETURN_IF_ERROR(MakeInput(command.input, &input));
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return Failed("pipe");
  OwnedFile error(pipes[0]);
  OwnedFile error_end(pipes[1]);
  if (fcntl(error.get(), F_SETFL, O_NONBLOCK) != 0) return Failed("pipe");
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(command, input.get(), error_end.get()));
  error_end.Close();
  const OwnedFile pid_file(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pid_file.get() >= 0) fcntl(pid_file.get(), F_SETFD, FD_CLOEXEC);

  CommandResult result;
  const auto kill_time = absl::ToChronoMilliseconds(kKillTime);
  bool ended = AwaitEnd(pid, pid_file.get(), &error, &result.said,
                        Clock::now() + absl::ToChronoMilliseconds(command.timeout));
  if (!ended) {
    result.timed_out = true;
    kill(-pid, SIGTERM);
    ended = AwaitEnd(pid, pid_file.get(), &error, &result.said, Clock::now() + kill_time);
  }
  // Also what it left behind.
  kill(-pid, SIGKILL);
  if (!ended) ended = AwaitEnd(pid, pid_file.get(), &error, &result.said, Clock::now() + kill_time);
  if (error.get() >= 0) Drain(error.get(), &result.said);
  while (result.said.ends_with('\n')) result.said.pop_back();
  result.said = PrintableLine(result.said);
  int status = 0;
  if (ended) {
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  } else {
    result.signal = SIGKILL;
    const std::lock_guard lock(unreaped_mutex);
    unreaped.push_back(pid);
  }
  return result;
}

absl::Status ToStatus(const CommandCall& command, const CommandResult& result) {
  if (result.exit_code == 0 && !result.timed_out) return absl::OkStatus();
  const std::string said = result.said.empty() ? std::string("; it said nothing on standard error")
                                               : Concat("; it said: ", result.said);
  const std::string name = PrintableText(command.argv[0]);
  if (result.timed_out) {
    return absl::DeadlineExceededError(
        Concat(name, ": was ended after ", absl::FormatDuration(command.timeout), said));
  }
  if (result.signal != 0)
    return absl::UnavailableError(Concat(name, ": was ended by signal ", result.signal, said));
  const std::string text = Concat(name, ": exit code ", result.exit_code, said);
  return result.exit_code == kDataError ? absl::InvalidArgumentError(text) : absl::UnavailableError(text);
}

}  // namespace stockade
