// JSON lines with ECS names: one object a line.
//
// What a record may look like:
// - Fields nested, dotted or mixed (field_paths.h), or where SourceOptions::field_paths says.
// - @timestamp: a text of ISO 8601 (timestamp.h), or a number of seconds … nanoseconds since 1970, as text
// too.
// - A key that comes twice: the last one counts, as most JSON parsers have it; of fields beyond the known
// ones all are
//   kept. null is as if absent. A list: of known fields its first element, of others all, objects in lists
//   flattened.
// - Numbers and booleans where text is expected are taken as they are spelt; an object where a value is
// expected, or a
//   word outside a vocabulary (login.certificate, login.challenge, event.outcome), makes the record
//   unreadable.
// - event.outcome and event.reason: ResolveOutcome of field_text.h.
// - Escapes are resolved; a lone surrogate becomes U+FFFD, so that nobody hides an attempt behind a broken
// name.
//
// Every byte of a record is checked, also of fields nobody asks for: text that is not JSON, not UTF-8 or has
// anything behind the object is an error of its line and of no other.
//
// How: lines of one program have one shape, and what stands between their values is the same text line after
// line. A line of a shape that came before is read by comparing that text and taking the values, whose bytes
// are checked as they are passed (line_shapes.h): ~4 instructions a byte. Any other line, and every one with
// something wrong, is read from its begin by its tokens, which simdjson's first stage finds (Langdale & Lemire,
// "Parsing Gigabytes of JSON per Second", VLDB Journal 2019), and its shape is learnt. simdjson's second stages
// are not used: the DOM builds a tree nobody needs, and On-Demand leaves unchecked what is skipped. No copy of
// texts without escapes, no allocation in a steady state. Bench: bench/source_bench.cc.
#pragma once

#include <memory>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/registry.h"
#include "adapters/source/source.h"

namespace stockade {

absl::StatusOr<std::unique_ptr<Source>> MakeNdjsonSource(std::unique_ptr<ByteReader> bytes,
                                                         const SourceOptions& options);

// Lines that begin with '{' and end with '}'.
Recognition RecognizeNdjson(std::span<const std::string_view> lines, const SourceOptions& options);

}  // namespace stockade
