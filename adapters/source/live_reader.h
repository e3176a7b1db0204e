// Lines as they come → records, by the reader of any format that goes line by line (ndjson, combined, haproxy, sshd, text):
// what a live source keeps for each of its streams.
//
//   reader->Give(lines); while (reader->Read(&batch)) …
//
// What readers remember from line to line (years, connections, sessions) lasts as long as this. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"

namespace stockade {

// Whether a format can be read so; of the others (csv, whose header stands elsewhere, and a gate's record) messages say so.
absl::Status CheckLiveFormat(const SourceOptions& options);

class LiveReader {
 public:
  // `options` with a format, as CheckLiveFormat likes it; `fields` of it outlives this. `name`: of the stream, for messages.
  static absl::StatusOr<std::unique_ptr<LiveReader>> Create(const SourceOptions& options, std::string name);
  ~LiveReader();

  // Bytes of the stream; a line that is not whole waits for its rest.
  void Give(std::string_view bytes);
  // The next records of what was given. False: that was all, and the batch is empty.
  bool Read(Batch* batch);
  const SourceCounters& counters() const { return source_->counters(); }

 private:
  class Given;
  LiveReader() = default;

  std::shared_ptr<std::string> given_ = std::make_shared<std::string>();
  std::unique_ptr<Source> source_;
};

}  // namespace stockade
