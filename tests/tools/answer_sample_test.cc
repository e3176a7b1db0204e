// stockade check --answer: what would be read of a sample, and never the password.
#include "tools/stockade/answer_sample.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/text.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr char kRequest[] =
    "POST /login HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\n\n"
    "user=alice&password=correct+horse\n";

TEST_CASE("a sample is a request and its answer, or the answer alone", "[sample]") {
  const std::string text = std::string(kRequest) + "\nHTTP/1.1 302 Found\r\nLocation: /home\r\n\r\nbye\n";
  const auto sample = ReadAnswerSample(text);
  REQUIRE(sample.ok());
  CHECK(sample->method == "POST");
  CHECK(sample->target == "/login");
  CHECK(sample->request_body == "user=alice&password=correct+horse");
  CHECK(sample->status == 302);
  CHECK(FindField(sample->fields, "location") == "/home");
  CHECK(sample->body == "bye\n");

  const std::string early =
      "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/2 200 \nA: b\n\n{}";
  const auto answer = ReadAnswerSample(early);
  REQUIRE(answer.ok());
  CHECK_FALSE(answer->has_request);
  CHECK(answer->status == 200);
  CHECK(answer->fields.size() == 1);
  CHECK(answer->body == "{}");

  const std::string followed = "HTTP/1.1 302 Found\n\nHTTP/1.1 200 OK\n\nhome";
  CHECK(ReadAnswerSample(followed)->status == 302);
  CHECK(ReadAnswerSample(followed)->body.empty());

  const std::string exact = "PUT /a\nContent-Length: 9\n\nHTTP/1.1 \n\nHTTP/1.1 200 OK\n\n";
  CHECK(ReadAnswerSample(exact)->request_body == "HTTP/1.1 ");
  CHECK(ReadAnswerSample(exact)->status == 200);

  for (const char* bad :
       {"", "nonsense", "HTTP/1.1 OK\n\n", "HTTP/1.1 200 OK\nno field\n\n", "HTTP/1.1 99 x\n\n",
        "POST /login HTTP/1.1\nContent-Length: 1\n\nxyz", "POST  HTTP/1.1\n\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(ReadAnswerSample(bad).ok());
  }
}

struct Ran {
  int code;
  std::string out, err;
};
Ran Check(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  const int code = RunCheck(arguments, console);
  return {code, out.str(), err.str()};
}

TEST_CASE("check shows what would be read of a sample, and the unknown is a finding", "[sample]") {
  std::string folder = (std::filesystem::temp_directory_path() / "stockade-sample-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  };
  const std::string config = write("stockade.yaml", R"(hash_key: 000102030405060708090a0b0c0d0e0f
gateway:
  listen: 127.0.0.1:1
  upstreams: 127.0.0.1:2
  endpoints:
    - name: portal
      path: /login
      account: user
      password: password
      outcomes:
        - {status: 302, location: ^/home, outcome: success}
        - {status: 200, body: wrong password, outcome: bad_password}
)");
  const std::string request = write("login.http", kRequest);
  const std::string ok = write("ok.http", "HTTP/1.1 302 Found\nLocation: /home\n\n");
  const std::string odd = write("odd.http", "HTTP/1.1 302 Found\nLocation: /maintenance\n\n");
  const std::string wrong =
      write("wrong.http", std::string(kRequest) + "\nHTTP/1.1 200 OK\n\n<p>wrong password</p>");
  const std::string other = write("other.http", "POST /logins HTTP/1.1\n\nHTTP/1.1 200 OK\n\n");

  const Ran good = Check({"-c", config, "--request", request, "--answer", ok, wrong});
  INFO(good.out << good.err);
  CHECK(good.code == kExitFine);
  for (const char* part : {"ok.http\n", "  request   POST /login\n", "  endpoint  portal\n",
                           "  account   alice\n", "  password  found, not shown\n", "  status    302\n",
                           "  row       1: status 302, location ^/home\n", "  outcome   success\n",
                           "  row       2: status 200, body wrong password\n", "  outcome   bad_password\n"})
    CHECK_THAT(good.out, Catch::Contains(part));
  CHECK_THAT(good.out, !Catch::Contains("horse"));

  const Ran unknown = Check({"-c", config, "--answer", odd, other});
  CHECK(unknown.code == kExitFindings);
  CHECK_THAT(unknown.out, Catch::Contains("odd.http: warning: the outcome is unknown: no row holds"));
  CHECK_THAT(unknown.out, Catch::Contains("other.http: warning: POST /logins is no endpoint"));

  const Ran json = Check({"-c", config, "--json", "--answer", wrong, odd});
  CHECK(json.code == kExitFindings);
  CHECK_THAT(json.out,
             Catch::Contains(R"("samples":[{"file":")" + wrong +
                             R"(","request":"POST /login","endpoint":"portal","account":"alice",)"
                             R"("password_found":true,"status":200,"row":2,"outcome":"bad_password"},)"));
  CHECK_THAT(json.out, Catch::Contains(R"("status":302,"outcome":"unknown"}]})"));
  CHECK_THAT(json.out, !Catch::Contains("horse"));

  CHECK(Check({"--answer", ok}).code == kExitUsage);
  CHECK(Check({"-c", config, "--request", request}).code == kExitUsage);
  CHECK(Check({"-c", config, "--answer", folder + "/nosuch"}).code == kExitFindings);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace stockade
