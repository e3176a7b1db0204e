// A login cannot be sent past the gate by writing its path in another way.
#include "adapters/gateway/path_match.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include "adapters/gateway/percent_text.h"
#include "random_text.h"

namespace stockade {
namespace {

PathMatch Match(const std::string& path, const std::string& regex = "") {
  EndpointSettings endpoint;
  endpoint.path = path;
  endpoint.path_regex = regex;
  auto match = PathMatch::Create(endpoint);
  INFO(match.status());
  REQUIRE(match.ok());
  return *std::move(match);
}

TEST_CASE("every spelling of a path resolves to the one an application sees", "[gateway][path]") {
  for (const char* path : {"/login",         "/%6cogin",
                           "/%6Cogin",       "//login",
                           "/./login",       "/x/../login",
                           "//x/../login",   "/x/%2e%2e/login",
                           "/x/.%2E/login",  "/../../login",
                           "/login/",        "/login//",
                           "/login/.",       "/login;jsessionid=1",
                           "/login;a=1;b=2", "/x;y/..;z/login",
                           "/;/login",       "\\login",
                           "/%5clogin",      "/x/..%2flogin",
                           "/login%00.png",  "/login/x/..",
                           "/%2flogin"}) {
    CAPTURE(path);
    CHECK(NeedsResolving(path) == (std::string_view(path) != "/login"));
    CHECK(ResolvePath(path) == "/login");
  }
  CHECK(ResolvePath("") == "/");
  CHECK(ResolvePath("/") == "/");
  CHECK(ResolvePath("/..") == "/");
  CHECK(ResolvePath("/%") == "/%");
  CHECK(ResolvePath("/%zz/a") == "/%zz/a");
  CHECK(ResolvePath("/%256cogin") == "/%6cogin");  // decoded once, as applications do
  CHECK(ResolvePath("/...") == "/...");
  CHECK(ResolvePath("/a/b/../../c") == "/c");
}

TEST_CASE("a resolved path resolves to itself", "[gateway][path]") {
  for (const char* path : {"/a//b/../c;d/%41", "/%25/%", "/./..", "a/b", "////", "/x\\y"}) {
    // A percent sign that was decoded may stand in front of two digits; that is another path, decoded by nobody.
    const std::string once = ResolvePath(path);
    if (once.find('%') == std::string::npos) CHECK(ResolvePath(once) == once);
  }
}

// Whether a path is an endpoint's, as LoginExchange finds it.
bool IsOf(const PathMatch& match, std::string_view path) {
  if (match.Matches(path)) return true;
  if (!NeedsResolving(path)) return false;
  bool found = false;
  const bool is_read =
      VisitReadings(path, [&](std::string_view form) { found = found || match.Matches(form); });
  return found || !is_read;
}
int CountForms(std::string_view path) {
  int count = 0;
  CHECK(VisitReadings(path, [&](std::string_view) { ++count; }));
  return count;
}

// What others make of a path, after their sources and standards and not after ours. Nothing: they refuse it.
using Form = std::optional<std::string>;

std::string Decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = PercentByte(text.substr(i));
    decoded.push_back(byte >= 0 ? static_cast<char>(byte) : text[i]);
    if (byte >= 0) i += 2;
  }
  return decoded;
}

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    segments.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return segments;
}
std::string Join(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments) path += "/" + segment;
  return path.empty() ? "/" : path;
}
std::string WithoutDots(std::string_view path, bool folds, bool encoded_dots) {
  std::vector<std::string> kept;
  const std::vector<std::string> segments = Split(path);
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool is_last = i + 1 == segments.size();
    const std::string plain = encoded_dots ? Decoded(segments[i]) : segments[i];
    if (plain == ".." && !kept.empty()) kept.pop_back();
    const bool is_dots = plain == "." || plain == "..";
    if (is_dots || (folds && segments[i].empty())) {
      if (is_last) kept.emplace_back();
    } else {
      kept.push_back(segments[i]);
    }
  }
  return Join(kept);
}

// ngx_http_parse_complex_uri.
Form OfNginx(std::string_view path, bool merges_slashes) {
  const std::string decoded = Decoded(path);
  if (decoded.find('\0') != std::string::npos) return {};
  return WithoutDots(decoded, merges_slashes, false);
}
// new URL(path, "http://h").pathname of a special scheme.
Form OfWhatwg(std::string_view path) {
  std::string text(path);
  std::replace(text.begin(), text.end(), '\\', '/');
  return WithoutDots(text, false, true);
}
// Servlet containers: parameters are cut before decoding; '\\' and %2f as they are set.
Form OfServlet(std::string_view path, bool backslash_separates) {
  std::string text;
  bool in_parameters = false;
  for (const char c : path) {
    if (c == '/') in_parameters = false;
    if (c == ';') in_parameters = true;
    if (!in_parameters) text.push_back(c);
  }
  text = Decoded(text);
  if (text.find('\0') != std::string::npos) return {};
  if (backslash_separates) std::replace(text.begin(), text.end(), '\\', '/');
  return WithoutDots(text, true, false);
}
// RFC 3986 §5.2.4 to the letter, then decoded, as a text of C.
Form OfLetter(std::string_view path) {
  return std::string(Decoded(WithoutDots(path, false, false)).c_str());
}
// The same of who decodes first.
Form OfC(std::string_view path) {
  return WithoutDots(Decoded(path).c_str(), false, false);
}
// nginx in front of a Servlet container.
Form OfNginxAndServlet(std::string_view path) {
  const Form first = OfNginx(path, true);
  // What nginx decoded of percent signs it writes so that it stays.
  if (!first.has_value() || first->find('%') != std::string::npos) return {};
  return OfServlet(*first, false);
}

std::vector<Form> FormsOfOthers(std::string_view path) {
  return {OfNginx(path, true),    OfNginx(path, false), OfWhatwg(path), OfServlet(path, true),
          OfServlet(path, false), OfLetter(path),       OfC(path),      OfNginxAndServlet(path)};
}

// A path of whatever readers differ in.
std::string HostilePath(test::RandomText* random) {
  static constexpr std::string_view kPieces[] = {
      "/", "/",  "/",  "/",      "//",   "\\",  "%2f", "%2F",   "%5c",  "%5C", ";",       ";x=1", "%3b",
      ".", "..", "..", "%2e%2e", ".%2E", "%2e", "%00", "login", "auth", "a",   "%6cogin", "%25",  "%"};
  std::string path = "/";
  for (size_t i = random->Below(14); i > 0; --i) path += kPieces[random->Below(std::size(kPieces))];
  if (random->Below(2) == 0) path += "/../login";
  if (random->Below(4) == 0) path.insert(0, "/auth");
  return path;
}

TEST_CASE("a path whose readings differ is the endpoint of each of them", "[gateway][path]") {
  const PathMatch login = Match("/login");
  const PathMatch below = Match("/auth/login");
  const PathMatch begin = Match("/auth/*");
  for (const char* path : {
           // Each was sent to nginx 1.22 or given to node's URL, and was /login (or /login/) to it.
           "/y;%2f..%2flogin",
           "/a\\b/../login",
           "/a%5cb/../login",
           "/a%2fb/../login",
           "/x%00/../login",
           "/login//..",
           // Mixes of these.
           "/a%2fb\\c/../login",
           "/a;%5c/../login",
           "/y;a\\..\\login",
           "/x%00/../login%00y",
           "/login///../..",
           "/login\\/..",
           "/login%2f/..",
           "/x%00;/../login",
           "/login/%2e%2e/..",
           "/login;%00/x",
           "/login%3bx",
       }) {
    CAPTURE(path);
    CHECK(NeedsResolving(path));
    CHECK(IsOf(login, path));
  }
  for (const char* path :
       {"/auth;%2flogin", "/auth;\\login", "/auth;%5clogin", "/auth;%00/login", "/auth/x%2fy/../login",
        "/auth/..;/../login;x", "/auth/..%3b/../login", "/auth/;%5C...a\\/b/../login"}) {
    CAPTURE(path);
    CHECK(IsOf(below, path));
  }
  for (const char* path : {"/%61uth/", "//auth/", "/\\auth%5c", "/x/../auth/.", "/auth/x/..",
                           "/x%5cy/../auth/", "/x%2fy/../auth/z", "/y;%2f..%2fauth%2f"}) {
    CAPTURE(path);
    CHECK(IsOf(begin, path));
  }
}

TEST_CASE("what another reader makes of a path, it is to us", "[gateway][path]") {
  constexpr uint32_t seed = 20'261'126;
  test::RandomText random(seed);
  PathMatch matches[] = {Match("/login"), Match("/auth/login"), Match("/auth/*"), Match("/"),
                         Match("", "/(auth|login)")};
  int hits = 0;
  for (int round = 0; round < 10000; ++round) {
    const std::string path = HostilePath(&random);
    const std::vector<Form> forms = FormsOfOthers(path);
    for (PathMatch& match : matches) {
      const bool is_ours = IsOf(match, path);
      for (size_t reader = 0; reader < forms.size(); ++reader) {
        if (!forms[reader].has_value()) continue;
        std::string_view form = *forms[reader];
        // Routers take /login/ for /login.
        const bool theirs = match.Matches(form) || (form.size() > 1 && form.ends_with('/') &&
                                                    match.Matches(form.substr(0, form.size() - 1)));
        if (!theirs) continue;
        ++hits;
        if (is_ours) continue;
        INFO("seed " << seed << " round " << round << " reader " << reader << " path " << path << " is "
                     << form);
        REQUIRE(is_ours);
      }
    }
  }
  CHECK(hits > 6000);
}

TEST_CASE("an honest path is no other's", "[gateway][path]") {
  const PathMatch login = Match("/login");
  const PathMatch begin = Match("/auth/*");
  for (const char* path : {"/",
                           "/logins",
                           "/login2/",
                           "/x/login",
                           "/login/x",
                           "/login.html",
                           "/login%20",
                           "/Login",
                           "/app;jsessionid=1/login",
                           "/app//login",
                           "/files/a%2flogin",
                           "/files/a%2Fb//login;v=1",
                           "/app/login;x=%2f",
                           "/.well-known//login",
                           "/app;/.login",
                           "/proxy/https:%2F%2Fhost%2Flogin",
                           "/proxy/https://host/login",
                           "/a/../b/login",
                           "/a//./login",
                           "/login/../x",
                           "/login;x/../y",
                           "/auth",
                           "/authority/",
                           "/auth/../x;y",
                           "/auth;x/../z",
                           "/c:%5cauth",
                           "/..auth/",
                           "/a;x=..%2flogins"}) {
    CAPTURE(path);
    CHECK_FALSE(IsOf(login, path));
    if (!std::string_view(path).starts_with("/auth/")) CHECK_FALSE(IsOf(begin, path));
  }
}

TEST_CASE("honest paths have one form, and it is what all readers see", "[gateway][path]") {
  constexpr uint32_t seed = 20'261'126;
  test::RandomText random(seed);
  static constexpr std::string_view kPieces[] = {"login", "auth",  "a",      "b.js", ".well-known",
                                                 "v1.2",  "x%20y", "%C3%A4", "a..b", "...",
                                                 "~me",   "a+b",   "a:b",    "%25"};
  const PathMatch matches[] = {Match("/login"), Match("/auth/login"), Match("/auth/*")};
  for (int round = 0; round < 5000; ++round) {
    std::string path;
    for (size_t i = 1 + random.Below(4); i > 0; --i) {
      path += '/';
      path += kPieces[random.Below(std::size(kPieces))];
    }
    if (random.Below(4) == 0) path += "/";
    INFO("seed " << seed << " round " << round << " path " << path);
    for (const PathMatch& match : matches) {
      const std::string form = Decoded(path);
      const std::string_view bare =
          std::string_view(form).substr(0, form.size() - (form.ends_with('/') ? 1 : 0));
      REQUIRE(IsOf(match, path) == (match.Matches(form) || match.Matches(bare)));
    }
    if (NeedsResolving(path)) REQUIRE(CountForms(path) <= 2);
  }
}

TEST_CASE("a path that no reading leads to an endpoint is none", "[gateway][path]") {
  // However it is read, the one segment that is wanted is not there.
  constexpr uint32_t seed = 20'261'126;
  test::RandomText random(seed);
  const PathMatch other = Match("/logout");
  const PathMatch begin = Match("/authority/*");
  for (int round = 0; round < 5000; ++round) {
    const std::string path = HostilePath(&random);
    INFO("seed " << seed << " round " << round << " path " << path);
    REQUIRE_FALSE(IsOf(other, path));
    REQUIRE_FALSE(IsOf(begin, path));
  }
}

TEST_CASE("a path's readings are bounded in number and in length", "[gateway][path]") {
  CHECK(CountForms("/%6cogin") == 1);
  CHECK(CountForms("/login/") == 2);
  CHECK(CountForms("/a;jsessionid=1//x/") == 2);
  CHECK(CountForms("/a/../b") == 1);
  const std::string marks = "/..;x/%2e%2e\\%5c%2f//%00;%00/";
  CHECK(CountForms(marks) > 50);
  std::string path;
  while (path.size() + marks.size() <= kReadingsBytesMax) path += marks;
  CHECK(CountForms(path) <= kPathFormsMax);
  CHECK_FALSE(IsOf(Match("/login"), path));
  // A longer one with a dot segment is taken for any.
  path.resize(kReadingsBytesMax + 1, 'x');
  CHECK(IsOf(Match("/login"), path));
  // Without one, or without such marks, length does not matter.
  const std::string filler(8000, 'x');
  CHECK(IsOf(Match("/auth/login"), "/auth;" + filler + "%2flogin"));
  CHECK_FALSE(IsOf(Match("/login"), "/auth;" + filler + "%2flogin"));
  CHECK(IsOf(Match("/login"), "/" + filler + "/../login"));
  CHECK_FALSE(IsOf(Match("/login"), "/" + filler + "/../x"));
}

TEST_CASE("a path, the begin of one and a pattern match what they say", "[gateway][path]") {
  CHECK(Match("/login").Matches("/login"));
  CHECK_FALSE(Match("/login").Matches("/Login"));
  CHECK_FALSE(Match("/login").Matches("/login2"));
  CHECK(Match("/auth/*").Matches("/auth/x/y"));
  CHECK_FALSE(Match("/auth/*").Matches("/auth"));
  CHECK(Match("/auth*").Matches("/auth"));
  CHECK(Match("/auth*").Matches("/authenticate"));
  CHECK(Match("/*").Matches("/anything"));
  CHECK(Match("", "(?i)/v[0-9]+/login").Matches("/V2/LOGIN"));
  CHECK_FALSE(Match("", "/login").Matches("/login/x"));
}

TEST_CASE("a path that no request can have is refused with what was meant", "[gateway][path]") {
  struct Case {
    const char* path;
    const char* regex;
    const char* says;
  };
  for (const Case& each :
       {Case{"", "", "path: is missing"}, Case{"/a", "/b", "keep one"}, Case{"login", "", "must be a path"},
        Case{"/a*b", "", "must be a path"}, Case{"/login?x", "", "must be a path"},
        Case{"//login", "", "did you mean '/login'"}, Case{"/login/", "", "did you mean '/login'"},
        Case{"/a/../b*", "", "'/b*'"}, Case{"", "(", "path_regex: missing )"}}) {
    CAPTURE(each.path, each.regex);
    EndpointSettings endpoint;
    endpoint.path = each.path;
    endpoint.path_regex = each.regex;
    const auto match = PathMatch::Create(endpoint);
    REQUIRE_FALSE(match.ok());
    CHECK_THAT(std::string(match.status().message()), Catch::Contains(each.says));
  }
}

}  // namespace
}  // namespace stockade
