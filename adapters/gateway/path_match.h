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
// Pure, any thread. A path without any of % ; \ // /. is compared where it lies, without a copy.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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

}  // namespace stockade
