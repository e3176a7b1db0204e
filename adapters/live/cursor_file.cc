#include "adapters/live/cursor_file.h"

#include "adapters/live/whole_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kCursorLine = "stockade-journal 1\n";
// Cursors have some 150 bytes: ids of the machine's boot and file, and three numbers.
constexpr size_t kCursorFileBytesMax = 4096;

}  // namespace

absl::Status SaveCursor(const std::string& file, const std::string& cursor, bool sync) {
  return WriteWhole(file, Concat(kCursorLine, cursor, "\n"), sync);
}

absl::StatusOr<std::optional<std::string>> LoadCursor(const std::string& file) {
  ASSIGN_OR_RETURN(const std::optional<std::string> kept, ReadWhole(file, kCursorFileBytesMax));
  if (!kept) return std::nullopt;
  // An empty one, as a loss of power can leave it, is damaged too: to begin where `from` says would skip what came meanwhile.
  const std::string& text = *kept;
  const bool is_one = text.starts_with(kCursorLine) && text.ends_with('\n') &&
                      text.size() < kCursorFileBytesMax &&
                      text.find('\n', kCursorLine.size()) == text.size() - 1;
  if (!is_one)
    return absl::DataLossError(Concat(file,
                                      ": is no file of a journal's cursor, or a damaged one; delete it, and "
                                      "reading begins where `from` says"));
  return text.substr(kCursorLine.size(), text.size() - kCursorLine.size() - 1);
}

}  // namespace stockade
