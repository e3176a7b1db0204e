// Runs somebody's command to its end, or to its timeout: never a shell, nothing of ours in its hands but what it is given,
// and nothing left of it afterwards.
//
// The command is argv, found by its path (it begins with '/'). It gets the environment it is given and no other, the folder
// "/", no open files but these: standard input is what it is given, as a file in memory, so that it may read it, or not, or
// slowly; standard output is thrown away; of standard error the end is kept. It runs in a process group of its own. At the
// timeout the group gets SIGTERM, kKillTime later SIGKILL; when the command itself has ended, whatever else is in its group
// gets SIGKILL too (what should outlive it calls setsid). A grandchild that holds standard error open keeps nobody waiting.
//
// Blocks for at most timeout + 2 · kKillTime. Any thread; also beside other commands. SIGCHLD must not be ignored by the program.
// Errors: InvalidArgument for a zero byte in an argument or a variable; Unavailable for a command that cannot be started;
// else it ran, and the result says how it ended.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stockade {

struct CommandCall {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  // name → value, beside PATH
  std::string_view input;
  absl::Duration timeout = absl::Seconds(5);
};

struct CommandResult {
  int exit_code = -1;      // -1: a signal ended it
  int signal = 0;          // which; 0: none
  bool timed_out = false;  // it was ended by us
  std::string said;        // the end of standard error, printable
};

// What a command gets, to end in peace.
inline constexpr absl::Duration kKillTime = absl::Seconds(1);
// Of standard error: the last lines say what went wrong.
inline constexpr size_t kCommandSaidBytesMax = 1024;
inline constexpr std::string_view kCommandPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Whether argv could be run: not empty, its first an absolute path, no zero bytes.
absl::Status CheckArgv(std::string_view key, const std::vector<std::string>& argv);

absl::StatusOr<CommandResult> RunCommand(const CommandCall& command);

// OK for exit code 0; kInvalidArgument for 65 (EX_DATAERR of sysexits.h: what it was given can never be carried out);
// DeadlineExceeded for a timeout; Unavailable for any other end.
absl::Status ToStatus(const CommandCall& command, const CommandResult& result);

}  // namespace stockade
