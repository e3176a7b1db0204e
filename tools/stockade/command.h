// One command of the program: a name, a line for the overview, and what it does. A new command is a file and
// a row in the table of program.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tools/stockade/console.h"

namespace stockade {

// What the program tells its caller; scripts rely on it.
enum ExitCode : int {
  kExitFine = 0,
  kExitFindings = 1,  // check found something, a test failed, replay read no attempt, explain found no such
                      // line or decision, an instance refused some of what it was told
  kExitUsage = 2,  // wrong arguments, wrong configuration, an input or output that cannot be read or written
  kExitInterrupted = 130,  // Ctrl-C: what was printed is true of what was read until then
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  // `arguments` are those behind the command's name. Returns an ExitCode. Throws nothing.
  int (*run)(std::span<const std::string> arguments, Console& console);
};

int RunRun(std::span<const std::string> arguments, Console& console);
int RunReplay(std::span<const std::string> arguments, Console& console);
int RunTune(std::span<const std::string> arguments, Console& console);
int RunTest(std::span<const std::string> arguments, Console& console);
int RunCheck(std::span<const std::string> arguments, Console& console);
int RunExplain(std::span<const std::string> arguments, Console& console);
int RunCert(std::span<const std::string> arguments, Console& console);
int RunBouncers(std::span<const std::string> arguments, Console& console);
int RunSimulate(std::span<const std::string> arguments, Console& console);
int RunDecisions(std::span<const std::string> arguments, Console& console);

}  // namespace stockade
