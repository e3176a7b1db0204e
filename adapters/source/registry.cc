#include "adapters/source/registry.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/source/access_log.h"
#include "adapters/source/csv.h"
#include "adapters/source/ndjson.h"
#include "adapters/source/sshd.h"
#include "adapters/source/text_pattern.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array kFormats = {
    SourceFormat{"ndjson", "JSON lines with ECS names", RecognizeNdjson, MakeNdjsonSource},
    SourceFormat{"csv", "CSV with a header line", RecognizeCsv, MakeCsvSource},
    SourceFormat{"combined", "access logs of nginx and Apache, common or combined", RecognizeAccessLog,
                 MakeAccessLogSource},
    SourceFormat{"sshd", "auth.log lines of OpenSSH, Dropbear and PAM", RecognizeSshd, MakeSshdSource},
    SourceFormat{"text", "any text lines, by a format file", nullptr, MakeTextPatternSource},
};

// What people call a format besides.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kAliases = {{{"nginx", "combined"},
                                                                                    {"apache", "combined"},
                                                                                    {"common", "combined"},
                                                                                    {"json", "ndjson"},
                                                                                    {"jsonl", "ndjson"},
                                                                                    {"ssh", "sshd"},
                                                                                    {"auth.log", "sshd"}}};

// The first lines that are not blank; a last one that the end of `text` may have cut is left out.
std::vector<std::string_view> FirstLines(std::string_view text, bool whole) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kDetectLines) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos && !whole && !lines.empty()) break;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

}  // namespace

std::span<const SourceFormat> SourceFormats() noexcept {
  return kFormats;
}

const SourceFormat* FindSourceFormat(std::string_view name) noexcept {
  for (const auto& [alias, format] : kAliases) {
    if (alias == name) name = format;
  }
  for (const SourceFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::string SourceFormatNames() {
  std::string names;
  for (const SourceFormat& format : kFormats) Append(&names, names.empty() ? "" : ", ", format.name);
  return names;
}

absl::StatusOr<DetectedFormat> DetectFormat(ByteReader* bytes, const SourceOptions& options) {
  ASSIGN_OR_RETURN(const std::string_view begin, bytes->Peek(kDetectBytes));
  const std::vector<std::string_view> lines = FirstLines(begin, begin.size() < kDetectBytes);
  if (lines.empty()) return DetectedFormat{FindSourceFormat("ndjson"), "the input is empty"};
  DetectedFormat best;
  int matched = 0;
  for (const SourceFormat& format : kFormats) {
    if (format.recognize == nullptr) continue;
    const Recognition found = format.recognize(lines, options);
    if (found.matched <= matched) continue;
    matched = found.matched;
    const auto all = static_cast<int>(lines.size());
    std::string subject =
        absl::StrCat(matched == all ? "" : absl::StrCat(matched, " of "), "the first ", all, " lines ");
    if (all == 1) subject = "of one line, all ";
    best = DetectedFormat{&format, subject + found.why};
  }
  if (static_cast<size_t>(matched) * 2 < lines.size()) {
    return absl::InvalidArgumentError(Concat(bytes->name(), ": the format cannot be told from the first ",
                                             lines.size(),
                                             " lines; name it with --format: ", SourceFormatNames()));
  }
  return best;
}

}  // namespace stockade
