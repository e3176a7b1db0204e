// What the fuzz targets of the readers share: reads the bytes as an input of one format, to the end, and
// touches every byte that comes out, so that a view into memory that is gone is found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/source/open_inputs.h"
#include "engine/status.h"

namespace stockade {

inline void FuzzSource(const uint8_t* data, size_t size, SourceOptions options) {
  static FieldTable* const fields = [] {
    auto* table = new FieldTable;
    for (const char* name :
         {"a", "a.b", "host.name", "process.pid", "ssh.method", "url.query", "http.request.method"})
      table->Intern(name);
    return table;
  }();
  options.fields = fields;
  options.reference_time = absl::FromUnixSeconds(1714558272);
  auto opened = OpenText(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz", options);
  if (!opened.ok()) return;
  Batch batch;
  uint64_t records = 0;
  uint64_t last_line = 0;
  OwnedEvent copy;
  while (true) {
    const auto more = opened->source->Read(&batch);
    if (!more.ok() || !*more) break;
    STOCKADE_CHECK(!batch.records.empty());
    for (const Record& record : batch.records) {
      STOCKADE_CHECK(record.line >= last_line && record.line > 0);
      last_line = record.line;
      if (record.ok()) copy.Assign(record.event);
      STOCKADE_CHECK(!record.ok() || record.event.attempt.time_ns >= 0);
      ++records;
    }
  }
  const SourceCounters& counters = opened->source->counters();
  STOCKADE_CHECK(counters.records == records);
  STOCKADE_CHECK(counters.unreadable() <= records);
  STOCKADE_CHECK(last_line <= counters.lines);
}

}  // namespace stockade
