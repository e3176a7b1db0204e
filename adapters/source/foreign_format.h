// A format whose reader lives in another room, because it is no log of lines: captures of packets. Whoever wires the
// program hands it in with SourceOptions; opening, detection by the first bytes, names and merging are then as for any other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stockade {

class ByteReader;
class Source;
struct SourceOptions;

struct ForeignFormat {
  std::string name;   // "pcap", for --format
  std::string title;  // for people: "captures of packets"
  // How its records are made, for people: stands behind `why` of what was opened. May be empty.
  std::string reading;
  // Whether an input begins as this format does. `bytes`: kBeginBytes of it, decompressed, or all there are.
  bool (*is_begin)(std::string_view bytes) = nullptr;
  // Takes the bytes by ByteReader::ReadBytes.
  std::function<absl::StatusOr<std::unique_ptr<Source>>(std::unique_ptr<ByteReader>, const SourceOptions&)>
      make;

  static constexpr size_t kBeginBytes = 64;
};

}  // namespace stockade
