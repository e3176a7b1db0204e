// The path of a request as an application will see it, so that a login cannot be sent past the gate by writing its path
// in another way.
//
// An endpoint is compared with two forms of a path: as it came, and resolved: parameters behind ';' of each segment
// taken off (Servlet containers route /login;x=1 to /login), percent signs decoded once, '\' read as '/', everything
// from a zero byte on cut, doubled slashes folded, dot segments resolved (RFC 3986 §5.2.4), one slash at the end taken
// off. An application that does less would answer 404 to some of these; then a request that is no login is read as
// one, which costs nothing. Letters are compared exactly; for an application that ignores their case write path_regex
// with (?i).
//
// Where a dot segment may take away the one segment or the other, to do less is not to answer 404 but to answer another
// path: /a%5cb/../login is /login to nginx and to browsers' rules, and /a/login to who reads '\' as '/'. Such a path is
// compared in each of its readings (VisitReadings), and is an endpoint's if one of them is.
//
// Pure, any thread. A path without any of % ; \ // /. is compared where it lies, without a copy; any other has one
// resolved form, and only what no browser sends has several.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "adapters/gateway/settings.h"

namespace re2 {
class RE2;
}

namespace stockade {

// The resolved form of a path.
std::string ResolvePath(std::string_view path);

// The path of one endpoint.
class PathMatch {
 public:
  // Errors, naming the key: neither path nor path_regex, or both; a path that does not begin with a slash, is not in
  // its resolved form or has a '*' elsewhere than at its end; a pattern RE2 refuses.
  static absl::StatusOr<PathMatch> Create(const EndpointSettings& endpoint);
  PathMatch(PathMatch&&) noexcept;
  PathMatch& operator=(PathMatch&&) noexcept;
  ~PathMatch();

  // Whether this is the path; of one form.
  bool Matches(std::string_view path) const noexcept;

 private:
  PathMatch();

  std::string path_;
  bool prefix_ = false;
  std::unique_ptr<re2::RE2> regex_;
};

// Whether the resolved form of `path` may differ from it.
bool NeedsResolving(std::string_view path) noexcept;

// A path with a dot segment and with marks that have several readings is read up to this length.
inline constexpr size_t kReadingsBytesMax = 512;
// No path has more forms.
inline constexpr int kPathFormsMax = 450;

// Calls `visit` with the forms that applications may make of a path that NeedsResolving; one may come more than once.
//
// Nearly always these are the resolved form, and the same with a slash behind it if the path ended with one. Where the
// path holds a dot segment together with a written-out one (%2e), with '\', %2f, %5c, ';', '//' or a zero byte, or ';'
// together with one of these, it is each reading of {'\' separates or not} × {what is encoded is decoded before dot
// segments are resolved, behind it, or all but %2e behind it} × {parameters stay, are cut before decoding, or behind
// it} × {empty segments fold or count} × {a zero byte ends the path or not}, and what a second reader that cuts,
// folds and resolves without decoding makes of it (nginx in front of a Servlet container).
//
// Work: at most 56 readings and 168 of the second reader, each a pass over at most kReadingsBytesMax bytes, in two
// buffers that are used again: 115,000 bytes looked at for the worst path. Without a dot segment it is at most 12
// readings and 36, of any length.
// False, and no form, if the path holds a dot segment and such marks and is longer: whoever sends that hides
// something, and it is to be taken for any endpoint.
[[nodiscard]] bool VisitReadings(std::string_view path, absl::FunctionRef<void(std::string_view)> visit);

}  // namespace stockade
