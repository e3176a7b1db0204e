// A login over HTTP, read as its application would, and never in two ways.
#include "adapters/gateway/login_exchange.h"

#include <catch2/catch.hpp>

#include <vector>

#include "engine/text.h"

namespace stockade {
namespace {

using Error = LoginReadError;
using Fields = std::vector<HeaderField>;
using From = ValueSource::From;

constexpr HashKey kKey{1, 2};
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

EndpointSettings Portal() {
  EndpointSettings endpoint;
  endpoint.name = "portal";
  endpoint.path = "/login";
  endpoint.account = {{From::kBody, "user"}};
  endpoint.password = {{From::kBody, "pass"}};
  endpoint.device = {{From::kCookie, "device"}};
  return endpoint;
}

std::unique_ptr<LoginExchange> Make(std::vector<EndpointSettings> endpoints) {
  auto exchange = LoginExchange::Create(endpoints, kKey);
  INFO(exchange.status());
  REQUIRE(exchange.ok());
  return *std::move(exchange);
}

struct LoginRead {
  Error error;
  LoginClaim claim;
};
LoginRead ReadLogin(const LoginExchange& exchange, const Fields& fields, std::string_view body,
                    std::string_view target = "/login") {
  LoginRead read;
  const RequestView request{"POST", target, fields};
  read.error = exchange.ReadRequest(0, request, body, &read.claim);
  return read;
}

TEST_CASE("an endpoint is found by method and by path however it is written", "[gateway][login]") {
  EndpointSettings api = Portal();
  api.name = "api";
  api.path = "/api/*";
  api.methods = {"POST", "PUT"};
  const auto exchange = Make({Portal(), api});
  const auto find = [&](std::string_view method, std::string_view target) {
    return exchange->Find(RequestView{method, target, {}});
  };
  CHECK(find("POST", "/login") == 0);
  CHECK(find("POST", "/login?next=/x") == 0);
  CHECK(find("POST", "/%6cogin") == 0);
  CHECK(find("POST", "//x/../login") == 0);
  CHECK(find("POST", "http://portal.example/login") == 0);
  CHECK(find("POST", "/login/;x?y") == 0);
  CHECK(find("POST", "/api/session") == 1);
  CHECK(find("PUT", "/x/../api/session") == 1);
  CHECK(find("GET", "/login") == LoginExchange::kNoEndpoint);
  // WSGI servers and Django raise the method's letters.
  CHECK(find("post", "/login") == 0);
  CHECK(find("pOsT", "//login") == 0);
  CHECK(find("put", "/api/x") == 1);
  CHECK(find("POSTS", "/login") == LoginExchange::kNoEndpoint);
  CHECK(find("", "/login") == LoginExchange::kNoEndpoint);
  CHECK(find("POST", "/logins") == LoginExchange::kNoEndpoint);
  CHECK(find("POST", "/") == LoginExchange::kNoEndpoint);
  CHECK(find("POST", "*") == LoginExchange::kNoEndpoint);
  CHECK(find("POST", "") == LoginExchange::kNoEndpoint);
  // What an application that resolves nothing would take for the endpoint is the endpoint, too.
  CHECK(find("POST", "/api/../x") == 1);
  // Of two endpoints that a path may be, the first; it decides alike for every spelling.
  CHECK(find("POST", "/api/../login") == 0);
  CHECK(find("PUT", "/api/../login") == 1);
  for (const char* path : {"/y;%2f..%2flogin", "/a\\b/../login", "/a%5cb/../login", "/a%2fb/../login",
                           "/x%00/../login", "/login//.."}) {
    CAPTURE(path);
    CHECK(find("POST", path) == 0);
    CHECK(find("GET", path) == LoginExchange::kNoEndpoint);
    CHECK(find("POST", Concat("http://portal.example", path, "?next=/")) == 0);
  }
  // Too long to be read in each way, and hiding something.
  const std::string filler(3000, 'x');
  CHECK(find("POST", Concat("/", filler, "%5c/../y")) == 0);
  CHECK(find("PUT", Concat("/", filler, "%5c/../y")) == 1);
  CHECK(find("GET", Concat("/", filler, "%5c/../y")) == LoginExchange::kNoEndpoint);
}

TEST_CASE("a method that a field puts in the place of the request's own makes a login too",
          "[gateway][login]") {
  EndpointSettings settings;
  settings.name = "portal";
  settings.path = "/login";
  settings.account = {{ValueSource::From::kBody, "user"}};
  const auto made = LoginExchange::Create({settings}, HashKey{1, 2});
  REQUIRE(made.ok());
  const auto find = [&](std::string_view name, std::string_view value) {
    const HeaderField field{name, value};
    return (*made)->Find(RequestView{"GET", "/login", {&field, 1}});
  };
  for (const std::string_view name :
       {"X-HTTP-Method-Override", "x_http_method_override", "X-HTTP-Method", "X-Method-Override"}) {
    CHECK(find(name, "POST") == 0);
    CHECK(find(name, "post") == 0);
    CHECK(find(name, "PUT") == LoginExchange::kNoEndpoint);
  }
  CHECK(find("X-HTTP-Methods", "POST") == LoginExchange::kNoEndpoint);
}

TEST_CASE("the path and the query of a target", "[gateway][login]") {
  struct Case {
    std::string_view target;
    std::string_view path;
    std::string_view query;
  };
  for (const Case& each : {Case{"/x?y=/z#?a", "/x", "y=/z"},
                           {"/", "/", ""},
                           {"//h/x", "//h/x", ""},
                           {"/x?u=http://h/y", "/x", "u=http://h/y"},
                           {"http://h/x?y", "/x", "y"},
                           {"http://h:80/x/#y?z", "/x/", ""},
                           {"HTTPS://h//x", "//x", ""},
                           {"http://h?x=/y", "/", "x=/y"},
                           {"http://h?x=http://g/y", "/", "x=http://g/y"},
                           {"http://h?", "/", ""},
                           {"http://h#/y", "/", ""},
                           {"http://h", "/", ""},
                           {"http://h/", "/", ""},
                           {"http://", "/", ""},
                           {"*", "*", ""},
                           {"x", "", ""},
                           {"", "", ""}}) {
    CAPTURE(each.target);
    const RequestView request{"GET", each.target, {}};
    CHECK(request.path() == each.path);
    CHECK(request.query() == each.query);
  }

  EndpointSettings root = Portal();
  root.path = "/";
  root.methods = {"POST", "OPTIONS"};
  const auto exchange = Make({root});
  CHECK(exchange->Find(RequestView{"POST", "http://h", {}}) == 0);
  CHECK(exchange->Find(RequestView{"POST", "http://h?x=/y", {}}) == 0);
  CHECK(exchange->Find(RequestView{"POST", "http://h/y", {}}) == LoginExchange::kNoEndpoint);
  CHECK(exchange->Find(RequestView{"OPTIONS", "*", {}}) == LoginExchange::kNoEndpoint);
}

TEST_CASE("the account is read and the password is known by its hash alone", "[gateway][login]") {
  const auto exchange = Make({Portal()});
  const std::string wanted = ToHex(SipHash128(kKey, std::string_view("p w")));
  struct Case {
    std::string type;
    std::string body;
  };
  for (const Case& each :
       {Case{std::string(kForm), "user=alice&pass=p+w"},
        Case{"Application/X-WWW-Form-Urlencoded; charset=UTF-8", "pass=p%20w&user=alice"},
        Case{"application/json", R"({"user":"alice","pass":"p w"})"},
        Case{"application/vnd.api+json", R"({"pass":"p w","user":" alice "})"},
        Case{"multipart/form-data; boundary=B",
             "--B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nalice\r\n"
             "--B\r\nContent-Disposition: form-data; name=\"pass\"\r\n\r\np w\r\n--B--\r\n"}}) {
    CAPTURE(each.type);
    const LoginRead read = ReadLogin(*exchange,
                                     {{"Content-Type", each.type},
                                      {"Cookie", "device=d1"},
                                      {"User-Agent", "x/1"},
                                      {"X-Request-Id", "r-1"}},
                                     each.body);
    CHECK(read.error == Error::kNone);
    CHECK(read.claim.has_account);
    CHECK(read.claim.account == "alice");
    CHECK(read.claim.password_id == wanted);
    CHECK(read.claim.device == "d1");
    CHECK(read.claim.has_user_agent);
    CHECK(read.claim.user_agent == "x/1");
    CHECK(read.claim.request_id == "r-1");
    CHECK(read.claim.header_order.size() == 32);
  }
}

TEST_CASE("a body that hides what the application reads is an error of its kind", "[gateway][login]") {
  const auto exchange = Make({Portal()});
  const auto error = [&](const Fields& fields, std::string_view body, std::string_view target = "/login") {
    return ReadLogin(*exchange, fields, body, target).error;
  };
  const Fields form = {{"Content-Type", kForm}};
  CHECK(error(form, "") == Error::kNoAccount);
  CHECK(error(form, "pass=x") == Error::kNoAccount);
  CHECK(error(form, "user=&pass=x") == Error::kNoAccount);
  CHECK(error(form, "user=++&pass=x") == Error::kNoAccount);
  CHECK(error(form, "user=a&user=b") == Error::kTwoValues);
  CHECK(error(form, "user=a;b") == Error::kTwoValues);
  CHECK(error(form, "user=a&pass=b;c") == Error::kNone);
  CHECK(error(form, "user=a&pass=b&pass=c") == Error::kTwoValues);
  CHECK(error(form, "user=a%00b") == Error::kBadBody);
  CHECK(error(form, "user=a", "/login?user=b") == Error::kTwoValues);
  CHECK(error(form, "user=a", "/login?user=a") == Error::kNone);
  CHECK(error(form, "user=a", "/login?next=%zz&user=b") == Error::kTwoValues);
  CHECK(error(form, "user=a", "/login?USER=b") == Error::kTwoValues);
  CHECK(error(form, "user=a", "/login?user=%zz") == Error::kBadBody);
  CHECK(error(form, "user=a", "/login?next=%zz") == Error::kNone);
  CHECK(error({}, "user=a") == Error::kUnknownType);
  CHECK(error({}, "") == Error::kNoAccount);
  CHECK(error({{"Content-Type", "text/plain"}}, R"({"user":"a"})") == Error::kUnknownType);
  CHECK(error({{"Content-Type", "application/x-www-form-urlencoded; charset=ibm037"}}, "user=a") ==
        Error::kUnknownType);
  CHECK(error({{"Content-Type", kForm}, {"Content-Encoding", "gzip"}}, "user=a") == Error::kUnknownType);
  CHECK(error({{"Content-Type", kForm}, {"Content-Encoding", "Identity"}}, "user=a") == Error::kNone);
  CHECK(error({{"Content-Type", kForm}, {"Content-Encoding", "identity"}, {"content-encoding", "br"}},
              "user=a") == Error::kUnknownType);
  CHECK(error({{"Content-Type", kForm}, {"Content-Type", "application/json"}}, "user=a") ==
        Error::kTwoValues);
  CHECK(error({{"Content-Type", "application/json"}}, R"({"user":{"$gt":""}})") == Error::kNoAccount);
  CHECK(error({{"Content-Type", "application/json"}}, "{") == Error::kBadBody);
  CHECK(error({{"Content-Type", "multipart/form-data"}}, "--B") == Error::kBadBody);
}

TEST_CASE("sources are tried in order, the first that yields a value wins", "[gateway][login]") {
  EndpointSettings endpoint = Portal();
  endpoint.account = {{From::kBasic, "user"}, {From::kHeader, "X-User"}, {From::kJson, "u"},
                      {From::kForm, "user"},  {From::kQuery, "q"},       {From::kCookie, "c"}};
  endpoint.password = {{From::kBasic, "password"}, {From::kBody, "pass"}};
  const auto exchange = Make({endpoint});
  const auto account = [&](const Fields& fields, std::string_view body, std::string_view target = "/login") {
    const LoginRead read = ReadLogin(*exchange, fields, body, target);
    return read.error == Error::kNone ? read.claim.account : std::string(Name(read.error));
  };
  CHECK(account({{"Authorization", "Basic YTpi"}, {"X-User", "x"}}, "") == "a");
  CHECK(account({{"X-User", "x"}}, "") == "x");
  CHECK(account({{"Content-Type", "application/json"}}, R"({"u":"j","user":"no"})") == "j");
  CHECK(account({{"Content-Type", kForm}}, "u=no&user=f") == "f");
  CHECK(account({}, "", "/login?q=q%20q") == "q q");
  CHECK(account({{"Cookie", "c=k"}}, "") == "k");
  CHECK(account({{"Cookie", "c=k; c=l"}}, "") == "two_values");
  // A body we cannot read is no answer, and a later source has one.
  CHECK(account({{"Content-Type", "text/plain"}}, "x", "/login?q=q") == "q");
  CHECK(account({{"Content-Type", "text/plain"}}, "x") == "unknown_type");
  CHECK(account({{"Authorization", "Basic !"}, {"X-User", "x"}}, "") == "bad_body");
  CHECK(ReadLogin(*exchange, {{"Authorization", "Basic YTpi"}}, "").claim.password_id ==
        ToHex(SipHash128(kKey, std::string_view("b"))));
}

TEST_CASE("an account is told apart as the application does", "[gateway][login]") {
  EndpointSettings endpoint = Portal();
  endpoint.fold_account_case = true;
  const auto exchange = Make({endpoint});
  CHECK(ReadLogin(*exchange, {{"Content-Type", kForm}}, "user=+AliCe%0A").claim.account == "alice");
  CHECK(ReadLogin(*exchange, {{"Content-Type", kForm}}, "user=%FF").claim.account == "\\xff");
}

TEST_CASE("only sane request ids are kept, and no text is longer than its bound", "[gateway][login]") {
  const auto exchange = Make({Portal()});
  const auto id = [&](std::string_view text) {
    return ReadLogin(*exchange, {{"X-Request-Id", text}}, "").claim.request_id;
  };
  CHECK(id("0b6b7f52-6a53=") == "0b6b7f52-6a53=");
  CHECK(id("a b").empty());
  CHECK(id("<script>").empty());
  CHECK(id(std::string(129, 'a')).empty());
  CHECK(ReadLogin(*exchange, {{"User-Agent", std::string(30000, 'a')}}, "").claim.user_agent.size() <= 1024);
  CHECK_FALSE(ReadLogin(*exchange, {}, "").claim.has_user_agent);
}

TEST_CASE("an endpoint that cannot work is refused by name and key", "[gateway][login]") {
  EndpointSettings endpoint = Portal();
  endpoint.outcomes.emplace_back();
  endpoint.outcomes[0].location = "(";
  const auto exchange = LoginExchange::Create({Portal(), endpoint}, kKey);
  REQUIRE_FALSE(exchange.ok());
  CHECK_THAT(std::string(exchange.status().message()),
             Catch::StartsWith("endpoints[1] (portal).outcomes[0].location: missing )"));
}

}  // namespace
}  // namespace stockade
