// What a running gate says of itself: one line for each notable event, on standard error, for a person or a journal.
//
//   2026-11-23T09:00:00.123Z warning: upstream 127.0.0.1:9000 is down
//
// Texts may quote settings, files and peers, and are made fit for a terminal here; none of them ever holds a password or an
// account. Any thread; a line is written whole.
#pragma once

#include <mutex>
#include <ostream>
#include <string_view>

namespace stockade {

class RunLog {
 public:
  explicit RunLog(std::ostream* out) : out_(*out) {}

  void Say(std::string_view text) { Write("", text); }
  void Warn(std::string_view text) { Write("warning: ", text); }
  // What an operator must act upon.
  void Error(std::string_view text) { Write("error: ", text); }

 private:
  // A text of several lines, as findings are, becomes as many lines of the log.
  void Write(std::string_view level, std::string_view text);

  std::mutex mutex_;
  std::ostream& out_;
};

}  // namespace stockade
