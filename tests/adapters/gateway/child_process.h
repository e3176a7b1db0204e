// A program that a test runs beside itself: it ends with the test, whatever happens, and its output goes to a file.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/read_text.h"

namespace stockade {

// Asks until it is so; false after half a minute.
inline bool WaitUntil(const std::function<bool()>& so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

inline bool IsInstalled(const std::string& program) {
  return access(program.c_str(), X_OK) == 0;
}

class ChildProcess {
 public:
  ChildProcess(const std::vector<std::string>& arguments, std::string output) : output_(std::move(output)) {
    std::vector<char*> words;
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const int file = open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const pid_t parent = getpid();
    id_ = fork();
    if (id_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      dup2(file, STDOUT_FILENO);
      dup2(file, STDERR_FILENO);
      execv(words[0], words.data());
      _exit(127);
    }
    close(file);
  }
  ~ChildProcess() {
    if (id_ <= 0) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Signal(int number) const { kill(id_, number); }
  // Its exit code, when it has ended by itself; -1 if it does not, or a signal ended it.
  int Wait() {
    int status = 0;
    const bool ended = WaitUntil([&] { return waitpid(id_, &status, WNOHANG) == id_; });
    if (!ended) return -1;
    id_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Output() const { return ReadText(output_); }

 private:
  std::string output_;
  pid_t id_ = 0;
};

}  // namespace stockade
