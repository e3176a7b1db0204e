#include "adapters/source/registry.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/source/access_log.h"
#include "adapters/source/csv.h"
#include "adapters/source/haproxy_log.h"
#include "adapters/source/ndjson.h"
#include "adapters/source/record.h"
#include "adapters/source/sshd.h"
#include "adapters/source/text_pattern.h"
#include "engine/limits.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array kFormats = {
    SourceFormat{"record", "what a running gate recorded (stockade run --record)", RecognizeRecord,
                 MakeRecordSource},
    SourceFormat{"ndjson", "JSON lines with ECS names", RecognizeNdjson, MakeNdjsonSource},
    SourceFormat{"csv", "CSV with a header line", RecognizeCsv, MakeCsvSource},
    SourceFormat{"combined", "access logs of nginx and Apache, common or combined", RecognizeAccessLog,
                 MakeAccessLogSource},
    SourceFormat{"haproxy", "HTTP logs of HAProxy (option httplog)", RecognizeHaproxyLog,
                 MakeHaproxyLogSource},
    SourceFormat{"sshd", "auth.log lines of OpenSSH, Dropbear and PAM", RecognizeSshd, MakeSshdSource},
    SourceFormat{"text", "any text lines, by a format file", nullptr, MakeTextPatternSource},
};

constexpr size_t kByteOrderMarkBytes = 3;  // of UTF-8, which Peek drops

// What people call a format besides.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kAliases = {{{"nginx", "combined"},
                                                                                    {"apache", "combined"},
                                                                                    {"common", "combined"},
                                                                                    {"json", "ndjson"},
                                                                                    {"jsonl", "ndjson"},
                                                                                    {"ssh", "sshd"},
                                                                                    {"auth.log", "sshd"}}};

// The first lines that are not blank and not too long; a last one that the end of `text` may have cut is left
// out.
std::vector<std::string_view> FirstLines(std::string_view text, size_t most, bool whole) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < most) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos && !whole) break;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > kLineBytesMax) continue;
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

// What the formats made of a sample.
struct Opinion {
  DetectedFormat best;
  size_t matched = 0;   // by the best
  size_t readable = 0;  // by each, together
};

Opinion Ask(std::span<const std::string_view> lines, const SourceOptions& options) {
  Opinion opinion;
  for (const SourceFormat& format : kFormats) {
    if (format.recognize == nullptr) continue;
    const Recognition found = format.recognize(lines, options);
    const auto matched = static_cast<size_t>(found.matched);
    opinion.readable += matched;
    if (matched <= opinion.matched) continue;
    opinion.matched = matched;
    const size_t all = lines.size();
    std::string subject =
        absl::StrCat(matched == all ? "" : absl::StrCat(matched, " of "), "the first ", all, " lines ");
    if (all == 1) subject = "of one line, all ";
    opinion.best = DetectedFormat{&format, subject + found.why};
  }
  return opinion;
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

std::string SourceFormatNames(const SourceOptions& options) {
  std::string names;
  for (const SourceFormat& format : kFormats) Append(&names, names.empty() ? "" : ", ", format.name);
  for (const ForeignFormat& format : options.foreign_formats) Append(&names, ", ", format.name);
  return names;
}

absl::StatusOr<DetectedFormat> DetectFormat(ByteReader* bytes, const SourceOptions& options) {
  std::vector<std::string_view> lines;
  Opinion opinion;
  for (const DetectSample& sample : kDetectSamples) {
    ASSIGN_OR_RETURN(const std::string_view begin, bytes->Peek(sample.bytes));
    const bool whole = begin.size() + kByteOrderMarkBytes < sample.bytes;
    lines = FirstLines(begin, sample.lines, whole);
    if (whole && begin.find_first_not_of(" \t\r\n") == std::string_view::npos)
      return DetectedFormat{FindSourceFormat("ndjson"), "the input is empty"};
    opinion = Ask(lines, options);
    if (opinion.matched != 0 && opinion.matched * 2 >= lines.size()) return opinion.best;
    if (whole && lines.size() < sample.lines) break;
  }
  if (opinion.matched != 0 && opinion.matched * 2 > opinion.readable &&
      opinion.matched * kDetectReadableShare >= lines.size()) {
    return opinion.best;
  }
  const std::string looked_at =
      lines.empty() ? Concat("its first ", kDetectSamples.back().bytes >> 20,
                             " MiB, which hold no line of at most ", kLineBytesMax >> 20, " MiB")
                    : Concat("the first ", lines.size(), " lines");
  return absl::InvalidArgumentError(Concat(bytes->name(), ": the format cannot be told from ", looked_at,
                                           "; name it with --format: ", SourceFormatNames(options)));
}

}  // namespace stockade
