#include "adapters/source/line_source.h"

namespace stockade {
namespace {

// A line of nothing but white space.
bool IsBlank(std::string_view text) noexcept {
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\f' && c != '\v') return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<bool> LineSource::Read(Batch* batch) {
  batch->Clear();
  while (batch->records.empty()) {
    absl::StatusOr<bool> more = bytes_->NextBlock(batch);
    CountBlock();
    if (!more.ok() || !*more) return more;
    BeginBlock(bytes_->block());
    Line line;
    while (bytes_->NextLine(&line)) {
      if (line.too_long) [[unlikely]] {
        Fail(AddRecord(line, batch), ReadError::kTooLong, kLineBytesMax);
      } else if (IsBlank(line.text)) {
        ++counters_.blank;
      } else {
        ReadLine(line, batch);
      }
    }
    CountBlock();
    counters_.records += batch->records.size();
  }
  return true;
}

void LineSource::CountBlock() noexcept {
  counters_.lines = bytes_->lines();
  counters_.bytes = bytes_->bytes();
  counters_.stored_bytes = bytes_->stored_bytes();
  counters_.stored_bytes_total = bytes_->stored_bytes_total();
}

}  // namespace stockade
