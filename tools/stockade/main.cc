// The process around RunProgram: streams, signals, and what the terminal can do.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tools/stockade/interrupt.h"
#include "tools/stockade/program.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  stockade::InstallInterrupt();
  const char* no_colour = std::getenv("NO_COLOR");
  stockade::Console console{std::cout, std::cerr};
  console.colour = isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
  console.err_is_terminal = isatty(STDERR_FILENO) != 0;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return stockade::RunProgram(arguments, console);
}
