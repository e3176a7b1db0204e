#include "adapters/live/tail_position.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

#include "adapters/live/whole_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kTailLine = "stockade-tail 1\n";
// A thousand files of long paths.
constexpr size_t kPositionsBytesMax = size_t{8} << 20;
// Knows files again; there is nobody to fight, for who can choose the begin of a log can write what he likes into it.
constexpr HashKey kBeginKey{0x7374'6f63'6b61'6465, 0x2d74'6169'6c2d'3031};

size_t ReadAt(int file, char* out, size_t room, uint64_t offset) {
  size_t got = 0;
  while (got < room) {
    const ssize_t size = pread(file, out + got, room - got, static_cast<off_t>(offset + got));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    got += static_cast<size_t>(size);
  }
  return got;
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

std::optional<uint64_t> TakeNumber(std::string_view* line, int base = 10) {
  uint64_t number = 0;
  const auto [end, failed] = std::from_chars(line->data(), line->data() + line->size(), number, base);
  if (failed != std::errc()) return std::nullopt;
  line->remove_prefix(static_cast<size_t>(end - line->data()));
  if (line->starts_with(' ')) line->remove_prefix(1);
  return number;
}

// A path may hold a newline.
std::string EscapePath(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == '\\') text += "\\\\";
    if (c == '\n') text += "\\n";
    if (c != '\\' && c != '\n') text += c;
  }
  return text;
}
std::string UnescapePath(std::string_view text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      path += text[++i] == 'n' ? '\n' : text[i];
    } else {
      path += text[i];
    }
  }
  return path;
}

}  // namespace

FileBegin ReadFileBegin(int file, size_t bytes) {
  char text[FileBegin::kBytesMax];
  const size_t got = ReadAt(file, text, std::min(bytes, sizeof text), 0);
  return {got, SipHash128(kBeginKey, std::string_view(text, got))};
}

bool BeginsWith(int file, const FileBegin& begin) {
  return begin.bytes == 0 || ReadFileBegin(file, begin.bytes) == begin;
}

absl::Status SavePositions(const std::string& file, const std::vector<TailPosition>& positions, bool sync) {
  std::string text(kTailLine);
  for (const TailPosition& at : positions) {
    char line[160];
    const int size = snprintf(
        line, sizeof line, "%llu %llu %llu %zu %016llx%016llx ", static_cast<unsigned long long>(at.device),
        static_cast<unsigned long long>(at.inode), static_cast<unsigned long long>(at.offset), at.begin.bytes,
        static_cast<unsigned long long>(at.begin.hash.low),
        static_cast<unsigned long long>(at.begin.hash.high));
    text.append(line, static_cast<size_t>(size)).append(EscapePath(at.path)).append("\n");
  }
  Append(&text, "end ", positions.size(), "\n");
  return WriteWhole(file, text, sync);
}

absl::StatusOr<std::vector<TailPosition>> LoadPositions(const std::string& file) {
  ASSIGN_OR_RETURN(const std::optional<std::string> kept, ReadWhole(file, kPositionsBytesMax));
  const auto damaged = [&file] {
    return absl::DataLossError(
        Concat(file,
               ": is no file of positions, or a damaged one; delete it, and the tail begins "
               "where `from` says"));
  };
  // A loss of power leaves such a file behind a rename that was not synced.
  if (!kept.has_value() || kept->empty()) return std::vector<TailPosition>();
  std::string_view text = *kept;
  if (!text.starts_with(kTailLine)) return damaged();
  text.remove_prefix(kTailLine.size());
  std::vector<TailPosition> positions;
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    if (line.starts_with("end ")) {
      line.remove_prefix(4);
      const auto entries = TakeNumber(&line);
      if (!entries || *entries != positions.size() || !line.empty()) return damaged();
      return positions;
    }
    TailPosition at;
    const auto device = TakeNumber(&line);
    const auto inode = TakeNumber(&line);
    const auto offset = TakeNumber(&line);
    const auto begin_bytes = TakeNumber(&line);
    if (!device || !inode || !offset || !begin_bytes || *begin_bytes > FileBegin::kBytesMax ||
        line.size() < 34)
      return damaged();
    std::string_view low = line.substr(0, 16);
    std::string_view high = line.substr(16, 16);
    const auto hash_low = TakeNumber(&low, 16);
    const auto hash_high = TakeNumber(&high, 16);
    if (!hash_low || !hash_high || line[32] != ' ') return damaged();
    at.device = *device;
    at.inode = *inode;
    at.offset = *offset;
    at.begin = {static_cast<size_t>(*begin_bytes), Hash128{}};
    at.begin.hash.low = *hash_low;
    at.begin.hash.high = *hash_high;
    at.path = UnescapePath(line.substr(33));
    positions.push_back(std::move(at));
  }
  return damaged();
}

}  // namespace stockade
