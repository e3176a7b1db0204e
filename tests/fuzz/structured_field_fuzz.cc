// Byte sequences in structured fields: an item is a list of one, and a list does not depend on how its lines are split.
#include "adapters/certificate/structured_field.h"

#include <cstdlib>
#include <string>

namespace {

using stockade::StructuredFieldError;

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string_view line = text;
  std::string bytes;
  std::vector<std::string> members;
  const StructuredFieldError item = stockade::ReadByteSequence(line, &bytes);
  const StructuredFieldError list = stockade::ReadByteSequenceList({&line, 1}, 64, &members);
  if (item == StructuredFieldError::kNone) {
    Require(list == StructuredFieldError::kNone && members.size() == 1 && members[0] == bytes);
  }
  if (list == StructuredFieldError::kNone) {
    // No string of a parameter with a comma in it, so that every comma is a border.
    if (line.find('"') == std::string_view::npos) {
      std::vector<std::string_view> lines;
      for (size_t start = 0; start <= line.size();) {
        const size_t end = std::min(line.find(',', start), line.size());
        lines.push_back(line.substr(start, end - start));
        start = end + 1;
      }
      std::vector<std::string> again;
      Require(stockade::ReadByteSequenceList(lines, 64, &again) == StructuredFieldError::kNone &&
              again == members);
    }
    if (members.size() > 1) {
      std::vector<std::string> fewer;
      Require(stockade::ReadByteSequenceList({&line, 1}, 1, &fewer) == StructuredFieldError::kTooMany);
    }
  }
  return 0;
}
