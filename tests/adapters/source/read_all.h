// For tests: everything a text or files hold, each event owned.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include "adapters/source/open_inputs.h"
#include "engine/text.h"

namespace stockade::test {

struct ReadRecord {
  uint64_t line = 0;
  uint64_t position = 0;
  uint32_t input = 0;
  uint32_t offset = 0;
  ReadError error = ReadError::kNone;
  OwnedEvent event;
  bool ok() const { return error == ReadError::kNone; }
  const Attempt& attempt() const { return event.event().attempt; }
  Outcome outcome() const { return event.event().aftermath.outcome; }
};

struct ReadResult {
  std::vector<ReadRecord> records;
  SourceCounters counters;
  absl::Status status;
  std::vector<InputDescription> inputs;
};

inline ReadResult Drain(absl::StatusOr<OpenedInputs> opened) {
  ReadResult result;
  if (!opened.ok()) {
    result.status = opened.status();
    return result;
  }
  Batch batch;
  while (true) {
    const absl::StatusOr<bool> more = opened->source->Read(&batch);
    if (!more.ok()) result.status = more.status();
    if (!more.ok() || !*more) break;
    for (const Record& record : batch.records) {
      ReadRecord& out = result.records.emplace_back();
      out.line = record.line;
      out.position = record.position;
      out.input = record.input;
      out.offset = record.offset;
      out.error = record.error;
      out.event.Assign(record.event);
    }
  }
  result.counters = opened->source->counters();
  result.inputs = opened->inputs;
  return result;
}

inline ReadResult ReadText(std::string_view text, const SourceOptions& options = {}) {
  return Drain(OpenText(text, "test", options));
}

inline ReadResult ReadFiles(const std::vector<std::string>& files, const SourceOptions& options = {}) {
  return Drain(OpenInputs(files, options));
}

inline SourceOptions Format(std::string_view name) {
  SourceOptions options;
  options.format = std::string(name);
  return options;
}

}  // namespace stockade::test
