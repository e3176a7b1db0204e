#include "adapters/source/open_inputs.h"

#include <utility>

#include "adapters/source/byte_reader.h"
#include "adapters/source/merge.h"
#include "adapters/source/registry.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct OpenedOne {
  std::unique_ptr<Source> source;
  InputDescription description;
};

absl::StatusOr<OpenedOne> OpenOne(std::unique_ptr<ByteReader> bytes, std::string_view name,
                                  const SourceOptions& options) {
  const SourceFormat* format = nullptr;
  std::string why = "as asked for";
  const ForeignFormat* foreign = nullptr;
  if (options.format_file.empty() && options.format == "auto") {
    ASSIGN_OR_RETURN(const std::string_view begin, bytes->Peek(ForeignFormat::kBeginBytes));
    for (const ForeignFormat& known : options.foreign_formats) {
      if (!known.is_begin(begin)) continue;
      foreign = &known;
      why = Concat("it begins as ", known.title, " do");
    }
  } else if (options.format_file.empty()) {
    foreign = FindForeignFormat(options.format, options);
  }
  if (foreign != nullptr) {
    OpenedOne opened;
    ASSIGN_OR_RETURN(opened.source, foreign->make(std::move(bytes), options));
    if (!foreign->reading.empty()) Append(&why, "; ", foreign->reading);
    opened.description = InputDescription{std::string(name), foreign->name, std::move(why)};
    return opened;
  }
  if (!options.format_file.empty()) {
    format = FindSourceFormat("text");
    STOCKADE_CHECK(format != nullptr);
  } else if (options.format != "auto") {
    format = FindSourceFormat(options.format);
  } else {
    ASSIGN_OR_RETURN(DetectedFormat detected, DetectFormat(bytes.get(), options));
    format = detected.format;
    why = std::move(detected.why);
  }
  OpenedOne opened;
  ASSIGN_OR_RETURN(opened.source, format->make(std::move(bytes), options));
  opened.description = InputDescription{std::string(name), std::string(format->name), std::move(why)};
  return opened;
}

}  // namespace

absl::StatusOr<OpenedInputs> OpenInputs(std::span<const std::string> inputs, const SourceOptions& options) {
  RETURN_IF_ERROR(Validate(options));
  if (inputs.empty()) return absl::InvalidArgumentError("no input was named; - is standard input");
  SourceOptions current = options;
  current.is_merged = inputs.size() > 1;
  OpenedInputs opened;
  std::vector<std::unique_ptr<Source>> sources;
  bool has_stdin = false;
  for (const std::string& name : inputs) {
    if (name == "-" && std::exchange(has_stdin, true)) {
      return absl::InvalidArgumentError("standard input (-) is named twice");
    }
    ASSIGN_OR_RETURN(std::unique_ptr<ByteReader> bytes, ByteReader::Open(name));
    ASSIGN_OR_RETURN(OpenedOne one, OpenOne(std::move(bytes), name, current));
    if (std::string header = one.source->header(); !header.empty()) current.csv_header = std::move(header);
    sources.push_back(std::move(one.source));
    opened.inputs.push_back(std::move(one.description));
  }
  opened.source = sources.size() == 1 ? std::move(sources.front()) : MergeSources(std::move(sources));
  return opened;
}

absl::StatusOr<OpenedInputs> OpenText(std::string_view text, std::string_view name,
                                      const SourceOptions& options) {
  RETURN_IF_ERROR(Validate(options));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteReader> bytes,
                   ByteReader::OverText(std::string(text), std::string(name)));
  ASSIGN_OR_RETURN(OpenedOne one, OpenOne(std::move(bytes), name, options));
  OpenedInputs opened;
  opened.source = std::move(one.source);
  opened.inputs.push_back(std::move(one.description));
  return opened;
}

}  // namespace stockade
