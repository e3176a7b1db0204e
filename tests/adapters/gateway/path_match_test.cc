// A login cannot be sent past the gate by writing its path in another way.
#include "adapters/gateway/path_match.h"

#include <catch2/catch.hpp>

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
