#include "adapters/capture/head_in_pieces.h"

namespace stockade {
namespace {

size_t SizeOf(HeadReader::Kind kind, const HeadReader& reader) noexcept {
  return kind == HeadReader::Kind::kRequest ? reader.request().bytes : reader.response().bytes;
}

}  // namespace

HeadInPieces::Reading HeadInPieces::Read(HeadReader::Kind kind, const HeadLimits& limits, HeadReader* whole,
                                         bool answers_head, std::string_view* bytes) {
  Reading reading;
  if (kept_ == nullptr) {
    whole->ResetForAnswer(answers_head);
    reading.reader = whole;
    reading.progress = whole->Read(*bytes);
    if (reading.progress == HeadProgress::kDone) {
      const size_t size = SizeOf(kind, *whole);
      reading.bytes = bytes->substr(0, size);
      bytes->remove_prefix(size);
    }
    if (reading.progress != HeadProgress::kMore) return reading;
    if (!share_.Take(kBytes)) {
      reading.no_room = true;
      return reading;
    }
    kept_ = std::make_unique<Kept>(kind, limits);
    kept_->reader.ResetForAnswer(answers_head);
  }
  const size_t before = kept_->bytes.size();
  // One more byte than a head may have makes it too long.
  const std::string_view more = bytes->substr(0, limits.header_bytes + 1 - before);
  if (!share_.Take(more.size())) {
    reading.no_room = true;
    return reading;
  }
  kept_->bytes.Append(more);
  reading.reader = &kept_->reader;
  reading.progress = kept_->reader.Read(kept_->bytes.view());
  if (reading.progress == HeadProgress::kDone) {
    const size_t size = SizeOf(kind, kept_->reader);
    reading.bytes = kept_->bytes.view().substr(0, size);
    bytes->remove_prefix(size - before);
  } else if (reading.progress == HeadProgress::kMore) {
    *bytes = {};
  }
  return reading;
}

void HeadInPieces::Drop() noexcept {
  if (kept_ == nullptr) return;
  share_.Give(kBytes + kept_->bytes.size());
  kept_.reset();
}

}  // namespace stockade
