// The files of a replay: verdicts, decisions and alerts as lines of JSON, exactly as the design spells them.
//
// Every line is built by hand in one reused buffer and handed to the file in large pieces: a plain allow
// costs about 20 ns and nothing is allocated. A write that fails (full disk, broken pipe, EIO) is never
// silent: the log remembers it, drops what follows, and says it on the next Flush or Close. The caller
// ignores SIGPIPE, so that a broken pipe arrives here as an error. Bytes are a function of the calls alone.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decision/alarm.h"
#include "engine/decision/alert.h"
#include "engine/decision/decision.h"
#include "engine/gate/verdict.h"

namespace stockade {

// A file that is written from its begin to its end through one buffer.
class LogFile {
 public:
  // Whether files of these names can be written together while `inputs` are read; empty names are none.
  // Refuses an output that is an input, under whatever name: opening it would destroy what is about to be
  // read; one that is named twice, and "-" twice. Devices and pipes may be both. Opens nothing: call it
  // before the first Create.
  static absl::Status CheckNames(const std::vector<std::string>& outputs,
                                 const std::vector<std::string>& inputs);
  // Creates or empties `path`; "-" is standard output. Errors name the path and what the system said.
  static absl::StatusOr<std::unique_ptr<LogFile>> Create(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Where the next line is put together; call EndLine when it is whole.
  std::string& buffer() noexcept { return buffer_; }
  void EndLine() {
    buffer_.push_back('\n');
    if (buffer_.size() >= kBufferBytes) WriteOut();
  }

  const std::string& path() const noexcept { return path_; }
  bool failed() const noexcept { return error_ != 0; }
  // Hands everything to the system; the first error there ever was.
  absl::Status Flush();
  // Flush, and closes. Close tells what only close(2) tells (a full quota over NFS). Call once, last.
  absl::Status Close();

 private:
  static constexpr size_t kBufferBytes = size_t{256} << 10;

  LogFile(std::string path, int file) : path_(std::move(path)), file_(file) {
    buffer_.reserve(kBufferBytes * 2);
  }
  void WriteOut() noexcept;
  absl::Status status() const;

  std::string path_;
  int file_;
  int error_ = 0;  // errno of the first failure
  std::string buffer_;
};

// {"line":17,"verdict":"challenge","kind":"human","by":"many_accounts","reason":"…"}: `kind` only of a
// challenge, `by` and `reason` only where there is something to say.
void AppendVerdict(uint64_t line, const Verdict& verdict, std::string* out);
// {"line":17,"verdict":"unreadable"}
void AppendUnreadable(uint64_t line, std::string* out);
// {"time":"…Z","rule":"…","title":"…","level":"high","condition":"gte 8","value":9,"span":"10m","first":"…Z",
// "last":"…Z","group":{"source.ip":"…"}}: members that say nothing are left out.
void AppendAlert(const Alert& alert, std::string* out);
// {"time":"…Z","alarm":"harm_cap","rule":"…","decision":"…","text":"…"}
void AppendAlarm(const Alarm& alarm, std::string* out);
// A number of JSON: the shortest text that reads back as the same double; 0 for what JSON cannot say.
void AppendJsonNumber(double value, std::string* out);

}  // namespace stockade
