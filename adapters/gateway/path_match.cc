#include "adapters/gateway/path_match.h"

#include <re2/re2.h>

#include <utility>
#include <vector>

#include "adapters/gateway/percent_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Whether the path or its resolved form is the wanted one; a slash at the end is left to ResolvePath.
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
    decoded.push_back(read == '\\' ? '/' : read);
  }
  return decoded;
}

}  // namespace

std::string ResolvePath(std::string_view path) {
  const std::string decoded = Decode(path);
  std::vector<std::string_view> segments;
  std::string_view rest = decoded;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string resolved;
  resolved.reserve(decoded.size() + 1);
  for (const std::string_view segment : segments) {
    resolved.push_back('/');
    resolved += segment;
  }
  if (resolved.empty()) resolved = "/";
  return resolved;
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
