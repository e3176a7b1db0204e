// The record of a running gate (adapters/gateway/gate_record.h says what stands in it): NDJSON whose every line says under
// `stockade` what it is.
//
//   stockade.attempt   a record like any other; where its number is not 0 its outcome comes by that number, in a record
//                      of its own (RecordKind::kOutcome)
//   stockade.seen      an attempt that a live source brought, with its outcome: Record::witnessed
//   stockade.observe   kOutcome       stockade.abandon   kAbandoned
//   stockade.mode      kMode          stockade.reload    kReloaded       stockade.record   kBegun
//   stockade.order     kOrdered       stockade.restore   kRestored       stockade.release  kReleased
//   stockade.enforcing kEnforcing     stockade.familiar  kFamiliar
//
// The lines are read by the NDJSON reader, with ECS names whatever SourceOptions map: the record is our own. A line that
// says nothing under `stockade`, or something unknown, is kNotThisFormat. Everything else as ndjson.h.
#pragma once

#include <memory>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/registry.h"
#include "adapters/source/source.h"

namespace stockade {

absl::StatusOr<std::unique_ptr<Source>> MakeRecordSource(std::unique_ptr<ByteReader> bytes,
                                                         const SourceOptions& options);

// Lines that begin as those of a record do.
Recognition RecognizeRecord(std::span<const std::string_view> lines, const SourceOptions& options);

}  // namespace stockade
