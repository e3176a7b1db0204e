// The program without its process: the table of commands, the overview, and how a command's arguments are
// read.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tools/stockade/command.h"

namespace CLI {
class App;
}

namespace stockade {

// In the order of the overview.
std::span<const Command> Commands();

// "0.1.0"
std::string_view Version();

// `arguments` are those behind the program's name. Returns an ExitCode; says everything else through
// `console`.
int RunProgram(std::span<const std::string> arguments, Console& console);

// Lets `app` read the arguments of a command. An exit code where that is all there is to do: --help was
// printed, or the arguments are wrong, which was said with a hint where to read more.
std::optional<int> ParseArguments(CLI::App* app, std::span<const std::string> arguments, Console& console);

// Says an error and gives the exit code for it.
int Fail(Console& console, std::string_view message);

// Flushes what was printed. A full disk or a closed pipe behind standard output makes a run a failure.
int Finish(Console& console, int exit_code);

}  // namespace stockade
