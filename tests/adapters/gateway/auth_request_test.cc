// Proves that the auth-request dialect works for a real nginx: what is allowed reaches the application with its ticket,
// what is denied does not, and the client sees what nginx was set to say.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "adapters/gateway/verdict_dialects.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/desk_scene.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

// The application: says which ticket nginx handed on.
ServiceReply Application(const ServiceRequest& request) {
  const std::string_view ticket = FindField(request.head.fields, "X-Stockade-Ticket");
  return {200, {}, "application, ticket " + std::string(ticket)};
}

constexpr const char* kNginx = "/usr/sbin/nginx";

std::string NginxSettings(const std::string& folder, uint16_t port, uint16_t service, uint16_t application) {
  const auto text = [](uint16_t number) { return std::to_string(number); };
  return "daemon off;\nmaster_process off;\npid " + folder + "/pid;\nerror_log " + folder + "/error.log;\n" +
         "events { worker_connections 64; }\nhttp {\n  access_log off;\n  client_body_temp_path " + folder +
         "/body;\n  proxy_temp_path " + folder + "/proxy;\n  fastcgi_temp_path " + folder +
         "/f;\n  uwsgi_temp_path " + folder + "/u;\n  scgi_temp_path " + folder +
         "/s;\n  server {\n    listen 127.0.0.1:" + text(port) +
         R"(;
    location = /login {
      auth_request /gate;
      auth_request_set $ticket $upstream_http_x_stockade_ticket;
      auth_request_set $verdict $upstream_http_x_stockade_verdict;
      auth_request_set $reason $upstream_http_x_stockade_reason;
      add_header X-Verdict $verdict always;
      add_header X-Reason $reason always;
      proxy_set_header X-Stockade-Ticket $ticket;
      proxy_pass http://127.0.0.1:)" +
         text(application) + R"(;
    }
    location = /gate {
      internal;
      proxy_pass http://127.0.0.1:)" +
         text(service) + R"(/auth-request;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
)";
}

TEST_CASE("nginx asks before every login, and denies what the gate denies", "[gateway][service][real]") {
  if (!IsInstalled(kNginx)) {
    WARN("skipped: nginx is not installed");
    return;
  }
  DeskScene scene;
  EndpointSettings portal;
  portal.name = "portal";
  portal.path = "/login";
  portal.account = {{ValueSource::From::kCookie, "who"}};
  auto exchange = LoginExchange::Create({portal}, HashKey{1, 2});
  REQUIRE(exchange.ok());
  VerdictCounters counters;
  VerdictParts parts;
  parts.desk = scene.desk.get();
  parts.exchange = std::move(*exchange);
  parts.counters = &counters;
  const VerdictDialects dialects(std::move(parts));
  HttpServiceOptions options;
  options.at.host = "127.0.0.1";
  const auto service =
      HttpService::Start(options, [&dialects](const ServiceRequest& request, const ServiceLater& later) {
        return dialects.Reply(request, later);
      });
  const auto application = HttpService::Start(options, Application);
  REQUIRE(service.ok());
  REQUIRE(application.ok());

  const fs::path folder = fs::temp_directory_path() / ("stockade_nginx_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const uint16_t port = FreePort();
  std::ofstream(folder / "nginx.conf")
      << NginxSettings(folder.string(), port, (*service)->port(), (*application)->port());
  {
    const ChildProcess nginx(
        {kNginx, "-e", (folder / "error.log").string(), "-c", (folder / "nginx.conf").string()},
        (folder / "out").string());
    REQUIRE(WaitUntil([&] { return fs::exists(folder / "pid") && fs::file_size(folder / "pid") > 0; }));
    const auto login = [&] {
      TestClient client(port);
      client.Send(
          "POST /login HTTP/1.1\r\nHost: x\r\nCookie: who=alice\r\nContent-Length: 4\r\nConnection: close\r\n"
          "\r\na=bc");
      return client.ReadAll();
    };
    std::string answer = login();
    INFO(answer << nginx.Output());
    CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 200") && Catch::Contains("application, ticket 1") &&
                           Catch::Contains("X-Verdict: allow"));
    // The application tells by way of /v1/outcome.
    for (uint64_t ticket = 1; ticket <= 5; ++ticket) {
      if (ticket > 1) login();
      TestClient client((*service)->port());
      const std::string body = R"({"ticket":)" + std::to_string(ticket) + R"(,"outcome":"bad_password"})";
      client.Send("POST /v1/outcome HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
      CHECK_THAT(client.ReadAll(), Catch::StartsWith("HTTP/1.1 204"));
    }
    answer = login();
    CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 403") && Catch::Contains("X-Verdict: deny") &&
                           Catch::Contains("X-Reason: One address fails often"));
    CHECK(answer.find("application") == std::string::npos);
  }
  CHECK(scene.desk->figures().outcomes[static_cast<size_t>(Outcome::kBadPassword)] == 5);
  CHECK(scene.books.record.find("\"source.ip\":\"127.0.0.1\",\"user.name\":\"alice\"") != std::string::npos);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace stockade
