// A folder with a log, a rule and settings, and the program run over it: what end-to-end tests share.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/frequency_rules.h"
#include "tests/read_text.h"
#include "tools/stockade/program.h"

namespace stockade {

struct ProgramRun {
  int exit_code = 0;
  std::string out;
  std::string err;
};

inline ProgramRun RunStockade(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  const int exit_code = RunProgram(arguments, console);
  return {exit_code, out.str(), err.str()};
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// One failed or successful login as a line of NDJSON, `second` seconds after 2026-11-23T09:00:00Z.
inline std::string LoginLine(int second, const std::string& source, const std::string& account,
                             const std::string& reason, const std::string& more = "") {
  char time[32];
  std::snprintf(time, sizeof time, "2026-11-23T%02d:%02d:%02dZ", 9 + second / 3600, second / 60 % 60,
                second % 60);
  return R"({"@timestamp":")" + std::string(time) + R"(","source":{"ip":")" + source +
         R"("},"user":{"name":")" + account + R"("},"event":{"reason":")" + reason + "\"}" + more + "}\n";
}

// A folder of its own that goes away with it. Its rule `frequency` blocks an address for 15 minutes at its
// fifth failure within 10 minutes.
class Scene {
 public:
  Scene() {
    static int number = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("stockade_scene_" + std::to_string(getpid()) + "_" + std::to_string(++number));
    std::filesystem::create_directories(folder_);
    Write("rules.yml", kFrequencyRules);
  }
  ~Scene() { std::filesystem::remove_all(folder_); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return Path(name);
  }
  std::string Read(const std::string& name) const { return ReadText(folder_ / name); }

  // stockade replay with this rule, all output files and `more`, which ends with the inputs.
  ProgramRun Replay(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"replay",     "--rules-only",   "--rules",     Path("rules.yml"),
                                          "--verdicts", Path("verdicts"), "--decisions", Path("decisions"),
                                          "--alerts",   Path("alerts")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunStockade(arguments);
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace stockade
