// What all readers of one-line records share: blocks, counters, blank and overlong lines. A reader of a
// format derives from it and reads one line at a time.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "adapters/source/byte_reader.h"
#include "adapters/source/source.h"
#include "engine/status.h"

namespace stockade {

class LineSource : public Source {
 public:
  explicit LineSource(std::unique_ptr<ByteReader> bytes) : bytes_(std::move(bytes)) {}

  absl::StatusOr<bool> Read(Batch* batch) override;
  const SourceCounters& counters() const override { return counters_; }

 protected:
  // Called with every block before its lines.
  virtual void BeginBlock(std::string_view /*block*/) {}
  // Reads one line, not blank, of this format: adds records to the batch, or counts an `other`. Its text
  // stays where it is as long as the batch.
  virtual void ReadLine(const Line& line, Batch* batch) = 0;

  static Record* AddRecord(const Line& line, Batch* batch) {
    Record& record = batch->records.emplace_back();
    record.line = record.position = line.number;
    return &record;
  }
  // `field`: the one to blame, where it is known.
  void Fail(Record* record, ReadError error, size_t offset = 0,
            FieldId field = FieldId::kFirstUnknown) noexcept {
    record->error = error;
    record->error_field = field;
    record->offset = static_cast<uint32_t>(offset);
    record->event = LoginEvent{};
    ++counters_.errors[static_cast<size_t>(error)];
  }
  void CountOther() noexcept { ++counters_.other; }
  ByteReader& bytes() noexcept { return *bytes_; }
  // Brings the counters up to the last line read.
  void CountBlock() noexcept;

  SourceCounters counters_;

 private:
  std::unique_ptr<ByteReader> bytes_;
};

}  // namespace stockade
