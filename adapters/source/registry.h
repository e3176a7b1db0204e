// The formats of logs: name → what it is, how it is recognized, how a source of it is made. Adding a format
// is a file and a row of the table in registry.cc.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"

namespace stockade {

// How far the first lines of an input speak for a format. `matched` of the lines looked at have its shape;
// `why` is the rest of a sentence that begins with "the first N lines": "are JSON objects with @timestamp".
struct Recognition {
  int matched = 0;
  std::string why;
};

struct SourceFormat {
  std::string_view name;
  std::string_view title;  // for people: "JSON lines with ECS names"
  // Null: never chosen by itself.
  Recognition (*recognize)(std::span<const std::string_view> lines, const SourceOptions& options);
  absl::StatusOr<std::unique_ptr<Source>> (*make)(std::unique_ptr<ByteReader> bytes,
                                                  const SourceOptions& options);
};

// All of them; of equally good recognitions the earlier one is taken.
std::span<const SourceFormat> SourceFormats() noexcept;
// The one of a name, or of what people call it besides (nginx, apache, common; json, jsonl; ssh, auth.log),
// or nullptr.
const SourceFormat* FindSourceFormat(std::string_view name) noexcept;
// "ndjson, csv, …", for messages.
std::string SourceFormatNames(const SourceOptions& options);

struct DetectedFormat {
  const SourceFormat* format = nullptr;
  std::string why;  // a whole sentence without its stop
};

// How much of the begin of an input is looked at, and how many of its lines that are not blank.
struct DetectSample {
  size_t bytes = 0;
  size_t lines = 0;
};
// The first one decides, as a rule: little is read, and a pipe is not waited for. Where it does not, because
// damaged or overlong lines stand at the begin, the next one is taken; the last is longer than any line that a logger
// writes by mistake.
inline constexpr size_t kDetectBytes = size_t{64} << 10;
inline constexpr std::array<DetectSample, 3> kDetectSamples = {
    {{kDetectBytes, 100}, {size_t{1} << 20, 1000}, {size_t{64} << 20, 1000}}};

// Takes the format that at least half of the lines of a sample have the shape of. Where no sample has one:
// the format that reads most of those lines of the last one that any format can read, if these are at least
// one in kDetectReadableShare; bad lines never outvote good ones. Lines longer than kLineBytesMax and the one
// that the end of a sample cuts are not looked at. Nothing in the input at all: NDJSON, of which an empty
// input is one. Errors: the input cannot be read; no format fits, with the list of formats.
inline constexpr size_t kDetectReadableShare = 20;
absl::StatusOr<DetectedFormat> DetectFormat(ByteReader* bytes, const SourceOptions& options);

}  // namespace stockade
