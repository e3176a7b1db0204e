#include "tools/stockade/nothing_read.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "adapters/source/byte_reader.h"
#include "adapters/source/registry.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kPathsShown = 5;

std::string Lines(uint64_t count, std::string_view one, std::string_view many) {
  return Concat(CountText(count), count == 1 ? " line " : " lines ", count == 1 ? one : many);
}

// The format the lines of a file look like, where it is another one than `used`; empty: none, or it cannot be
// told.
std::string LooksLike(const InputDescription& input, SourceOptions options) {
  struct stat about;
  if (stat(input.name.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return "";
  absl::StatusOr<std::unique_ptr<ByteReader>> bytes = ByteReader::Open(input.name);
  if (!bytes.ok()) return "";
  if (const auto begin = (*bytes)->Peek(ForeignFormat::kBeginBytes); begin.ok()) {
    for (const ForeignFormat& format : options.foreign_formats)
      if (format.name != input.format && format.is_begin(*begin)) return format.name;
  }
  options.format = "auto";
  options.format_file.clear();
  const absl::StatusOr<DetectedFormat> detected = DetectFormat(bytes->get(), options);
  if (!detected.ok() || detected->format->name == input.format) return "";
  return std::string(detected->format->name);
}

// What the login path may be, of a log of requests.
void AdviseOnPaths(const std::map<std::string, uint64_t>& missed, const std::vector<std::string>& methods,
                   Console* console) {
  std::vector<std::pair<std::string, uint64_t>> paths(missed.begin(), missed.end());
  std::stable_sort(paths.begin(), paths.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string method;
  for (const std::string& name : methods) Append(&method, method.empty() ? "" : " or ", PrintableText(name));
  if (paths.empty()) {
    console->err << "  no request was a " << method << " at all; input.access_log.methods names others\n";
  } else {
    console->err << "  the paths that most " << method << " requests went to:\n";
  }
  for (size_t i = 0; i < paths.size() && i < kPathsShown; ++i) {
    console->err << PadLeft(CountText(paths[i].second), 12) << "  " << PrintableText(paths[i].first) << "\n";
  }
  console->err << "  name the login path: --login-path /your/login, or input.access_log.login_paths in "
                  "stockade.yaml; of a capture gateway.endpoints, too\n";
}

// Of inputs in which no line was an attempt or anything else.
void SayHowEmpty(ReplaySession* session, Console* console) {
  const std::vector<InputDescription>& inputs = session->inputs().inputs;
  const bool header = std::any_of(inputs.begin(), inputs.end(),
                                  [](const InputDescription& input) { return input.format == "csv"; });
  const RecordNotes& notes = session->notes();
  if (notes.begun > 0) {
    console->err << "the record of a gate that saw none\n";
  } else if (inputs.size() > 1) {
    console->err << "the " << inputs.size() << " inputs hold no line" << (header ? " below a header" : "")
                 << "\n";
  } else {
    console->err << PrintableText(inputs.front().name)
                 << (header ? " holds a header and no line below it\n" : " holds no line\n");
  }
}

}  // namespace

void ExplainNothingRead(ReplaySession* session, Console* console) {
  const SourceCounters& counters = session->source().counters();
  const std::vector<SourceFigure> figures = session->source().figures();
  const auto figure = [&figures](std::string_view name) -> uint64_t {
    for (const SourceFigure& one : figures)
      if (one.name == name) return one.count;
    return 0;
  };
  if (counters.records == 0 && counters.lines == 0 && !figures.empty()) {
    console->err << "stockade: no login attempt was read: " << CountText(figure("packets")) << " packets, "
                 << CountText(figure("requests")) << " HTTP requests, "
                 << CountText(figure("connections_tls")) << " connections with TLS\n";
    const std::map<std::string, uint64_t> missed = session->source().missed_paths();
    if (!missed.empty()) AdviseOnPaths(missed, {"POST"}, console);
    if (figure("requests") == 0 && figure("connections_tls") > 0)
      console->err << "  behind TLS nobody sees logins: capture between the terminator and the application\n";
    return;
  }
  if (counters.other + counters.unreadable() == 0) {
    console->err << "stockade: no login attempt was read: ";
    SayHowEmpty(session, console);
    return;
  }
  console->err << "stockade: no login attempt was read: ";
  if (counters.other > 0)
    console->err << Lines(counters.other, "was no login attempt", "were no login attempt");
  if (counters.other > 0 && counters.unreadable() > 0) console->err << ", ";
  if (counters.unreadable() > 0) {
    console->err << Lines(counters.unreadable(), "could not be read", "could not be read");
  }
  console->err << "\n";

  bool other_format = false;
  bool requests = false;
  for (const InputDescription& input : session->inputs().inputs) {
    const std::string looks_like = LooksLike(input, session->config().source);
    if (!looks_like.empty()) {
      console->err << "  " << PrintableText(input.name) << ": the lines look like " << looks_like
                   << "; use --format " << looks_like << "\n";
      other_format = true;
    } else {
      requests = requests || (input.format == "combined" && counters.other > 0);
    }
  }
  if (requests) {
    AdviseOnPaths(session->source().missed_paths(), session->config().source.access_log.methods, console);
  } else if (!other_format) {
    console->err << "  read as " << session->inputs().inputs.front().format << "; formats are "
                 << SourceFormatNames(session->config().source)
                 << "; other field names: input.fields in stockade.yaml; other text: "
                 << "--text-format\n";
  }
}

}  // namespace stockade
