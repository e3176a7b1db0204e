#include "adapters/gateway/path_match.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/gateway/percent_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool HasSlashAtEnd(std::string_view path) noexcept {
  return path.size() > 1 && path.back() == '/';
}

std::string Decode(std::string_view path) {
  std::string decoded;
  decoded.reserve(path.size());
  bool in_parameters = false;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '/') in_parameters = false;
    if (c == ';') in_parameters = true;
    if (in_parameters) continue;
    const int byte = c == '%' ? PercentByte(path.substr(i)) : -1;
    if (byte >= 0) i += 2;
    const char read = byte >= 0 ? static_cast<char>(byte) : c;
    if (read == '\0') break;
    // A proxy in front of a Servlet container decodes this one, and the container cuts.
    if (read == ';') in_parameters = true;
    if (in_parameters) continue;
    decoded.push_back(read == '\\' ? '/' : read);
  }
  return decoded;
}

// One byte of a path, with what a percent sign stands for.
struct PathByte {
  char byte;
  bool encoded;
};
PathByte ByteAt(std::string_view path, size_t at) noexcept {
  const int byte = path[at] == '%' ? PercentByte(path.substr(at)) : -1;
  return byte >= 0 ? PathByte{static_cast<char>(byte), true} : PathByte{path[at], false};
}

// What a path holds of that which has several readings.
struct Marks {
  bool dot = false;          // a segment . or ..
  bool encoded_dot = false;  // one that is written with %2e
  bool backslash = false;
  bool encoded_separator = false;
  bool parameter = false;
  bool empty = false;  // two slashes in a row
  bool nul = false;

  bool several() const noexcept {
    const bool separators = backslash || encoded_separator || nul;
    return dot ? encoded_dot || separators || parameter || empty : parameter && separators;
  }
};

Marks FindMarks(std::string_view path) noexcept {
  Marks marks;
  // Dots of the segment so far; more than two: it is no dot segment.
  int dots = 0;
  bool dot_is_encoded = false;
  const auto end_segment = [&] {
    marks.dot = marks.dot || dots == 1 || dots == 2;
    marks.encoded_dot = marks.encoded_dot || (dot_is_encoded && (dots == 1 || dots == 2));
    dots = 0;
    dot_is_encoded = false;
  };
  for (size_t i = 0; i < path.size(); ++i) {
    const auto [byte, encoded] = ByteAt(path, i);
    switch (byte) {
      case '/':
        end_segment();
        marks.encoded_separator = marks.encoded_separator || encoded;
        marks.empty = marks.empty || (i > 0 && path[i - 1] == '/');
        break;
      case '\\':
        end_segment();
        marks.backslash = true;
        marks.encoded_separator = marks.encoded_separator || encoded;
        break;
      case ';':
      case '\0':
        end_segment();
        (byte == ';' ? marks.parameter : marks.nul) = true;
        dots = 3;
        break;
      case '.':
        dots = std::min(dots + 1, 3);
        dot_is_encoded = dot_is_encoded || encoded;
        break;
      default:
        dots = 3;
    }
    if (encoded) i += 2;
  }
  end_segment();
  return marks;
}

enum class Decoding : unsigned char {
  kFirst,      // before dot segments are resolved
  kAfterDots,  // behind it, but %2e is a dot (WHATWG URL)
  kLast,       // behind it (RFC 3986 to the letter)
  kNever,
};
enum class Parameters : unsigned char {
  kKept,
  kCutFirst,    // of segments between separators as they came (Servlet containers)
  kCutDecoded,  // of segments between separators as they were decoded
};

// How one application reads a path.
struct Reading {
  bool backslash_separates = true;
  Decoding decoding = Decoding::kFirst;
  Parameters parameters = Parameters::kKept;
  bool folds = true;
  bool nul_ends = false;
};

// How a segment counts among dot segments: the number of its dots, or 0.
int DotsOf(std::string_view segment, bool encoded_too) noexcept {
  int dots = 0;
  while (!segment.empty()) {
    size_t size = 1;
    if (encoded_too && segment[0] == '%' && PercentByte(segment) == '.') {
      size = 3;
    } else if (segment[0] != '.') {
      return 0;
    }
    if (++dots > 2) return 0;
    segment.remove_prefix(size);
  }
  return dots;
}

// Reads paths, in a buffer that is used again.
class PathReader {
 public:
  // The form that `reading` gives, with a slash at its end where the last segment was empty or one of dots.
  void Read(std::string_view path, const Reading& reading, std::string* form) {
    Cut(path, reading);
    Resolve(reading, form);
    if (reading.decoding == Decoding::kAfterDots || reading.decoding == Decoding::kLast)
      DecodeInPlace(reading, form);
  }

 private:
  static bool Separates(char c, const Reading& reading) noexcept {
    return c == '/' || (c == '\\' && reading.backslash_separates);
  }

  // The path into cut_: without parameters, up to a zero byte, decoded where that comes first.
  void Cut(std::string_view path, const Reading& reading) {
    const bool decodes = reading.decoding == Decoding::kFirst;
    cut_.clear();
    bool in_parameters = false;
    for (size_t i = 0; i < path.size(); ++i) {
      const auto [byte, encoded] = ByteAt(path, i);
      const bool means_nul = byte == '\0' && (!encoded || reading.decoding != Decoding::kNever);
      if (reading.nul_ends && means_nul) break;
      const char read = decodes ? byte : path[i];
      // What separates and what begins parameters: as it came, or as it was decoded.
      const char seen = reading.parameters == Parameters::kCutDecoded ? read : path[i];
      if (Separates(seen, reading)) in_parameters = false;
      if (seen == ';' && reading.parameters != Parameters::kKept) in_parameters = true;
      if (!in_parameters) cut_.push_back(read);
      if (encoded && decodes) i += 2;
    }
  }

  void Resolve(const Reading& reading, std::string* form) const {
    form->clear();
    std::string_view rest = cut_;
    if (!rest.empty() && Separates(rest[0], reading)) rest.remove_prefix(1);
    for (bool last = false; !last;) {
      const size_t end =
          std::min(reading.backslash_separates ? rest.find_first_of("/\\") : rest.find('/'), rest.size());
      const std::string_view segment = rest.substr(0, end);
      last = end == rest.size();
      rest.remove_prefix(last ? end : end + 1);
      const int dots = DotsOf(segment, reading.decoding == Decoding::kAfterDots);
      if (dots == 2) {
        form->resize(std::min(form->rfind('/'), form->size()));
      } else if (dots == 0 && !(segment.empty() && (reading.folds || last))) {
        form->push_back('/');
        form->append(segment);
      }
      if (last && (dots > 0 || segment.empty())) form->push_back('/');
    }
  }

  static void DecodeInPlace(const Reading& reading, std::string* form) {
    size_t size = 0;
    for (size_t i = 0; i < form->size(); ++i) {
      const auto [byte, encoded] = ByteAt(*form, i);
      (*form)[size++] = byte == '\\' && reading.backslash_separates ? '/' : byte;
      if (encoded) i += 2;
    }
    form->resize(size);
  }

  std::string cut_;
};

// Visits a form, and the same without the slash at its end: routers take the one for the other.
void VisitForm(std::string_view form, absl::FunctionRef<void(std::string_view)> visit) {
  visit(form);
  if (HasSlashAtEnd(form)) visit(form.substr(0, form.size() - 1));
}

// Calls `call` with each reading that may give another form of a path with these marks.
void VisitEachReading(const Marks& marks, absl::FunctionRef<void(const Reading&)> call) {
  constexpr bool kBoth[] = {true, false};
  Reading reading;
  for (const bool backslash_separates : kBoth) {
    if (!backslash_separates && !marks.backslash) continue;
    reading.backslash_separates = backslash_separates;
    for (const Decoding decoding : {Decoding::kFirst, Decoding::kAfterDots, Decoding::kLast}) {
      if (decoding != Decoding::kFirst && !marks.dot) continue;
      if (decoding == Decoding::kAfterDots && !marks.encoded_separator && !marks.encoded_dot) continue;
      if (decoding == Decoding::kLast && !marks.encoded_dot) continue;
      reading.decoding = decoding;
      for (const Parameters parameters :
           {Parameters::kKept, Parameters::kCutFirst, Parameters::kCutDecoded}) {
        if (parameters != Parameters::kKept && !marks.parameter) continue;
        if (parameters == Parameters::kCutDecoded && decoding != Decoding::kFirst) continue;
        reading.parameters = parameters;
        for (const bool folds : kBoth) {
          if (!folds && !marks.dot) continue;
          reading.folds = folds;
          for (const bool nul_ends : kBoth) {
            if (nul_ends && !marks.nul) continue;
            reading.nul_ends = nul_ends;
            call(reading);
          }
        }
      }
    }
  }
}

// The resolved form, and whether a slash was taken off its end: that of an empty segment or one of dots.
std::string Resolved(std::string_view path, bool* had_slash) {
  const std::string decoded = Decode(path);
  std::vector<std::string_view> segments;
  std::string_view rest = decoded;
  bool ends_in_dots = false;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ends_in_dots = segment == "." || segment == "..";
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string resolved;
  resolved.reserve(decoded.size() + 2);
  for (const std::string_view segment : segments) {
    resolved.push_back('/');
    resolved += segment;
  }
  *had_slash = !resolved.empty() && (ends_in_dots || decoded.ends_with('/'));
  if (resolved.empty()) resolved = "/";
  return resolved;
}

}  // namespace

std::string ResolvePath(std::string_view path) {
  bool had_slash = false;
  return Resolved(path, &had_slash);
}

bool NeedsResolving(std::string_view path) noexcept {
  // A dot matters where it begins a segment; /app.js is its own resolved form.
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == ';' || c == '\\' || c == '\0') return true;
    if (before == '/' && (c == '/' || c == '.')) return true;
    before = c;
  }
  return HasSlashAtEnd(path) || !path.starts_with('/');
}

bool VisitReadings(std::string_view path, absl::FunctionRef<void(std::string_view)> visit) {
  const Marks marks = FindMarks(path);
  if (marks.several() && marks.dot && path.size() > kReadingsBytesMax) return false;
  bool had_slash = false;
  std::string form = Resolved(path, &had_slash);
  visit(form);
  if (had_slash) {
    // The begin /auth/ of what is below it fits only so.
    form.push_back('/');
    visit(form);
  }
  if (!marks.several()) return true;
  PathReader reader;
  std::string again;
  VisitEachReading(marks, [&](const Reading& reading) {
    reader.Read(path, reading, &form);
    VisitForm(form, visit);
    if (!NeedsResolving(form)) return;
    // Parameters of the second reader may hold what separates for another, so its answer differs there, too.
    const bool has_backslash = form.find('\\') != std::string::npos;
    const bool has_nul = form.find('\0') != std::string::npos;
    for (const bool backslash_separates : {true, false}) {
      if (!backslash_separates && !has_backslash) continue;
      for (const bool nul_ends : {false, true}) {
        if (nul_ends && !has_nul) continue;
        reader.Read(form, {backslash_separates, Decoding::kNever, Parameters::kCutFirst, true, nul_ends},
                    &again);
        VisitForm(again, visit);
      }
    }
  });
  return true;
}

PathMatch::PathMatch() = default;
PathMatch::PathMatch(PathMatch&&) noexcept = default;
PathMatch& PathMatch::operator=(PathMatch&&) noexcept = default;
PathMatch::~PathMatch() = default;

absl::StatusOr<PathMatch> PathMatch::Create(const EndpointSettings& endpoint) {
  PathMatch match;
  if (endpoint.path.empty() == endpoint.path_regex.empty()) {
    return absl::InvalidArgumentError(endpoint.path.empty()
                                          ? "path: is missing; name the path that logins are sent to"
                                          : "path_regex: path is set too; keep one of them");
  }
  if (!endpoint.path_regex.empty()) {
    match.regex_ = std::make_unique<re2::RE2>(endpoint.path_regex, re2::RE2::Quiet);
    if (!match.regex_->ok()) return absl::InvalidArgumentError(Concat("path_regex: ", match.regex_->error()));
    return match;
  }
  match.path_ = endpoint.path;
  if (match.path_.ends_with('*')) {
    match.prefix_ = true;
    match.path_.pop_back();
  }
  if (!match.path_.starts_with('/') || match.path_.find_first_of("*?#") != std::string::npos) {
    return absl::InvalidArgumentError("path: must be a path as /login, or the begin of one as /auth/*");
  }
  std::string resolved = ResolvePath(match.path_);
  // "/auth/*" is all below /auth; "/auth*" all that begins so.
  if (match.prefix_ && HasSlashAtEnd(match.path_) && resolved != "/") resolved.push_back('/');
  if (resolved != match.path_) {
    return absl::InvalidArgumentError(Concat("path: is written as no application sees it; did you mean '",
                                             resolved, match.prefix_ ? "*" : "", "'?"));
  }
  return match;
}

bool PathMatch::Matches(std::string_view path) const noexcept {
  if (regex_ != nullptr) return re2::RE2::FullMatch({path.data(), path.size()}, *regex_);
  return prefix_ ? path.starts_with(path_) : path == path_;
}

}  // namespace stockade
