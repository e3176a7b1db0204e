// Other people's programs in tests: run to their end, or started and stopped with the test. Whatever a test starts dies
// with it, also when the test itself is killed. Loopback and temporary folders only.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace stockade {

// Where a program is; empty where it is not installed.
inline std::string FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  // Debian keeps servers where only root's path looks.
  std::string folders = std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin";
  for (size_t start = 0; start < folders.size();) {
    const size_t end = std::min(folders.find(':', start), folders.size());
    const std::string file = folders.substr(start, end - start) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    start = end + 1;
  }
  return "";
}

// Ends the test program as skipped where a program is missing (SKIP_RETURN_CODE).
inline void RequireProgram(const std::string& name) {
  if (!FindProgram(name).empty()) return;
  std::cout << "skipped: the program " << name << " is not installed; tools/setup --tests installs it\n"
            << std::flush;
  std::_Exit(77);
}

// A folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "stockade_test.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::string Write(const std::string& name, const std::string& content) const {
    std::ofstream(*this / name, std::ios::binary) << content;
    return *this / name;
  }

 private:
  std::string path_;
};

// A program under way, its output in a pipe. Killed, if it still runs, when the object goes.
class StartedProgram {
 public:
  explicit StartedProgram(const std::vector<std::string>& arguments) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) std::abort();
    std::string program = FindProgram(arguments.at(0));
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      dup2(pipes[1], STDOUT_FILENO);
      dup2(pipes[1], STDERR_FILENO);
      const int null = open("/dev/null", O_RDONLY);
      if (null >= 0) dup2(null, STDIN_FILENO);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    close(pipes[1]);
    output_ = pipes[0];
  }
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;
  ~StartedProgram() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) close(output_);
  }

  pid_t pid() const { return pid_; }

  // What it says until `text` is part of it, or it closes its output.
  std::string ReadUntil(const std::string& text) {
    std::string said;
    char buffer[4096];
    for (ssize_t size;
         said.find(text) == std::string::npos && (size = read(output_, buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<size_t>(size));
    return said;
  }
  // Everything it says until it closes its output, then its exit code (-1: ended by a signal).
  std::pair<int, std::string> Finish() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = read(output_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(size));
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

inline std::pair<int, std::string> RunProgram(const std::vector<std::string>& arguments) {
  return StartedProgram(arguments).Finish();
}

}  // namespace stockade
