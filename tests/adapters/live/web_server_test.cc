// nginx and HAProxy as they log to syslog: logins through them are the attempts that come out.
#include "adapters/live/syslog_source.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/live/live_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

// The outcomes and sources of the next attempts.
std::vector<std::string> Attempts(LiveQueue* queue, size_t count) {
  std::vector<std::string> attempts;
  WaitUntil([&] {
    LiveBatch batch;
    while (queue->Pop(&batch))
      for (const Record& record : batch.batch.records)
        attempts.push_back(record.ok() ? std::string(Name(record.event.aftermath.outcome)) + " " +
                                             record.event.attempt.source.ToString() + " " +
                                             std::string(record.event.attempt.path)
                                       : "unreadable");
    return attempts.size() >= count;
  });
  return attempts;
}

// A request; false where nobody answers yet.
bool Request(uint16_t port, const std::string& what) {
  return std::system(("curl -s -o /dev/null " + what + " http://127.0.0.1:" + std::to_string(port) + "/login")
                         .c_str()) == 0;
}

struct WebScene {
  WebScene(const std::string& format, const std::string& program) {
    RequireProgram(program);
    RequireProgram("curl");
    SyslogOptions options;
    options.at.host = "127.0.0.1";
    options.reading.format = format;
    auto made = SyslogSource::Open(options);
    REQUIRE(made.ok());
    source = *std::move(made);
    REQUIRE(source->Start(&queue).ok());
  }
  LiveFolder folder;
  LiveQueue queue;
  std::unique_ptr<SyslogSource> source;
  const uint16_t web = FreePort();
};

TEST_CASE("logins through nginx come by its syslog access log", "[syslog][real]") {
  WebScene scene("combined", "nginx");
  const std::string at = "127.0.0.1:" + std::to_string(scene.web);
  AppendTo(scene.folder / "nginx.conf",
           "daemon off; pid " + (scene.folder / "pid") + "; error_log " + (scene.folder / "error") +
               "; user root; events {} http { access_log syslog:server=127.0.0.1:" +
               std::to_string(scene.source->port()) + " combined; client_body_temp_path " +
               (scene.folder / "body") + "; server { listen " + at +
               "; location /login { if ($http_x_pass = right) { return 302 /home; } return 401; } } }");
  ChildProcess nginx({FindProgram("nginx"), "-e", scene.folder / "error", "-c", scene.folder / "nginx.conf"},
                     scene.folder / "output");
  REQUIRE(WaitUntil([&] { return Request(scene.web, "-X POST"); }));
  REQUIRE(Request(scene.web, "-X POST -H 'X-Pass: right'"));
  REQUIRE(Request(scene.web, "-X OPTIONS"));
  // A 401 is a failure by HTTP Basic, whatever the method.
  CHECK(Attempts(&scene.queue, 3) == std::vector<std::string>{"bad_password 127.0.0.1 /login",
                                                              "success 127.0.0.1 /login",
                                                              "bad_password 127.0.0.1 /login"});
}

TEST_CASE("logins through HAProxy come by its HTTP log", "[syslog][real]") {
  WebScene scene("haproxy", "haproxy");
  AppendTo(scene.folder / "haproxy.cfg",
           "global\n  log 127.0.0.1:" + std::to_string(scene.source->port()) +
               " local0\ndefaults\n  mode http\n  log global\n  option httplog\n  timeout client 5s\n  "
               "timeout server 5s\n"
               "  timeout connect 5s\nfrontend fe\n  bind 127.0.0.1:" +
               std::to_string(scene.web) +
               "\n  http-request return status 200 if { hdr(x-pass) right } METH_POST\n"
               "  http-request return status 403 if METH_POST\n  http-request return status 404\n");
  ChildProcess haproxy({FindProgram("haproxy"), "-db", "-f", scene.folder / "haproxy.cfg"},
                       scene.folder / "output");
  REQUIRE(WaitUntil([&] { return Request(scene.web, "-X POST"); }));
  REQUIRE(Request(scene.web, "-X POST -H 'X-Pass: right'"));
  REQUIRE(Request(scene.web, ""));
  // A form that is shown again answers 200.
  CHECK(Attempts(&scene.queue, 2) ==
        std::vector<std::string>{"bad_password 127.0.0.1 /login", "bad_password 127.0.0.1 /login"});
  scene.source->Stop();
  CHECK(scene.source->counters().unreadable == 0);
}

}  // namespace
}  // namespace stockade
