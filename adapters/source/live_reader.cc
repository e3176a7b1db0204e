#include "adapters/source/live_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "adapters/source/byte_reader.h"
#include "adapters/source/registry.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

// What was given and not read yet, as a stream that pauses.
class LiveReader::Given final : public ByteStream {
 public:
  explicit Given(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}

  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    const size_t size = std::min(room, bytes_->size() - read_);
    if (size == 0) {
      bytes_->clear();
      read_ = 0;
      return absl::UnavailableError("nothing for now");
    }
    std::memcpy(out, bytes_->data() + read_, size);
    read_ += size;
    return size;
  }

 private:
  const std::shared_ptr<std::string> bytes_;
  size_t read_ = 0;
};

absl::Status CheckLiveFormat(const SourceOptions& options) {
  RETURN_IF_ERROR(Validate(options));
  if (!options.format_file.empty()) return absl::OkStatus();
  const SourceFormat* const format = FindSourceFormat(options.format);
  const std::string_view name = format != nullptr ? format->name : "";
  if (name.empty() || name == "csv" || name == "record" || name == "text") {
    return absl::InvalidArgumentError(Concat(
        "format: ",
        options.format == "auto" ? "must be named" : Concat(options.format, " is none for a live source"),
        "; one of ndjson, combined, haproxy, sshd, or text_format with the name of a format file"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LiveReader>> LiveReader::Create(const SourceOptions& options,
                                                               std::string name) {
  RETURN_IF_ERROR(CheckLiveFormat(options));
  const SourceFormat* const format = FindSourceFormat(options.format_file.empty() ? options.format : "text");
  STOCKADE_CHECK(format != nullptr);
  std::unique_ptr<LiveReader> reader(new LiveReader);
  ASSIGN_OR_RETURN(
      reader->source_,
      format->make(ByteReader::OverLive(std::make_unique<Given>(reader->given_), std::move(name)), options));
  return reader;
}

LiveReader::~LiveReader() = default;

void LiveReader::Give(std::string_view bytes) {
  given_->append(bytes);
}

bool LiveReader::Read(Batch* batch) {
  const absl::StatusOr<bool> more = source_->Read(batch);
  if (more.ok() && *more) return true;
  batch->Clear();
  return false;
}

}  // namespace stockade
