#include "tools/stockade/interrupt.h"

#include <csignal>

namespace stockade {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void RememberInterrupt(int) {
  interrupted = 1;
}

}  // namespace

void InstallInterrupt() {
  struct sigaction action = {};
  action.sa_handler = RememberInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool Interrupted() noexcept {
  return interrupted != 0;
}

}  // namespace stockade
