// Beside real nginx: raw bytes through both, and an upstream behind each that logs what it is asked. The two never
// disagree on where a request ends: what one forwards is what the other forwards, until one of them refuses. And nginx
// as our upstream, asked by curl.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>

#include "engine/text.h"
#include "tests/adapters/gateway/proxy_scene.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> FindProgram(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"})
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  std::cout << "skipped: no " << name << "\n";
  return std::nullopt;
}

uint16_t FreePort() {
  RawUpstream taken([](const std::string&) { return std::string(); });
  return taken.port();
}

// nginx of our own, with one server of this body, until the test is over.
class Nginx {
 public:
  Nginx(const std::string& program, const std::string& http) : port_(FreePort()) {
    char name[] = "/tmp/stockade-nginx-XXXXXX";
    folder_ = mkdtemp(name);
    std::ofstream(folder_ / "nginx.conf") << Concat(
        "daemon off; master_process off; worker_processes 1; pid ", folder_.string(), "/pid; error_log ",
        folder_.string(), "/error.log crit;\nevents { worker_connections 1024; }\nhttp { access_log off; ",
        "client_body_temp_path ", folder_.string(), "/body; proxy_temp_path ", folder_.string(),
        "/proxy; fastcgi_temp_path ", folder_.string(), "/f; uwsgi_temp_path ", folder_.string(),
        "/u; scgi_temp_path ", folder_.string(), "/s;\n", "server { listen 127.0.0.1:", port_,
        " default_server; root ", folder_.string(), "/root; ", http, " } }\n");
    fs::create_directory(folder_ / "root");
    process_ = fork();
    if (process_ == 0) {
      // A test that dies takes it along.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 0);
      dup2(null, 1);
      dup2(null, 2);
      const std::string conf = (folder_ / "nginx.conf").string();
      execl(program.c_str(), "nginx", "-c", conf.c_str(), "-p", folder_.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    REQUIRE(Eventually([&] { return Wire::Connect(port_).descriptor() >= 0; }));
  }
  ~Nginx() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    fs::remove_all(folder_);
  }
  uint16_t port() const { return port_; }
  const fs::path& folder() const { return folder_; }

 private:
  uint16_t port_;
  fs::path folder_;
  pid_t process_ = -1;
};

// What an application understands of a request: method, target, and the body without its framing.
std::string Meaning(const std::string& request) {
  HeadReader reader(HeadReader::Kind::kRequest, {});
  if (reader.Read(request) != HeadProgress::kDone) return "unreadable " + request;
  const RequestHead& head = reader.request();
  std::string meaning = Concat(head.view.method, " ", head.view.target, "\n");
  std::string_view body = std::string_view(request).substr(head.bytes);
  if (head.framing != BodyFraming::kChunked) return meaning.append(body);
  ChunkReader chunks;
  while (!body.empty() && !chunks.done()) {
    const ChunkPiece piece = chunks.Read(body);
    meaning.append(piece.data);
    body.remove_prefix(piece.consumed);
    if (chunks.error() != ChunkError::kNone) return "unreadable " + request;
  }
  return meaning;
}

// The bytes through one proxy, and what its upstream understood.
std::vector<std::string> Through(uint16_t port, RawUpstream* upstream, const std::string& bytes) {
  const size_t before = upstream->requests().size();
  Wire client = Wire::Connect(port);
  client.Send(bytes);
  client.ReadToEnd();
  std::vector<std::string> meanings;
  const auto all = upstream->requests();
  for (size_t i = before; i < all.size(); ++i) meanings.push_back(Meaning(all[i]));
  return meanings;
}

std::string Join(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) Append(&text, "  [", one, "]\n");
  return text;
}

// Ends every connection, so that neither proxy waits for more.
const std::string kEnd = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const std::string kPost = "POST /p HTTP/1.1\r\nHost: a\r\n";

// Each smuggles GET /evil past one reader or another. None but the last five may bring it anywhere.
const std::vector<std::string> kSmuggling = {
    kPost +
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: "
        "a\r\n\r\n",
    kPost +
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1e\r\nGET /evil HTTP/1.1\r\nHost: "
        "a\r\n\r\n0\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    kPost +
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: "
        "a\r\n\r\n",
    kPost + "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    kPost +
        "Transfer-Encoding:\x0b"
        "chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    kPost +
        "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content-Length: 0\r\nContent-Length: 34\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content-Length: 0, 34\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content-Length: +34\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content-Length: 0x22\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content-Length: 18446744073709551616\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Content_Length: 34\r\nContent-Length\t: 0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n0\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
    kPost +
        "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: "
        "a\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    kPost + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
    "POST /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /p HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET http://b/p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p\r\n",
    "GET /p HTTP/1.1\r\n\r\n",
    "\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n",
    // Fine, all of them, with a body or a line that only looks like a request.
    kPost + "Content-Length: 34\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n---",
    kPost + "Transfer-Encoding: chunked\r\n\r\n1f\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "\r\nGET /p HTTP/1.1\r\nHost: a\r\nX: GET /evil HTTP/1.1\r\n\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\n\r\n" + kPost + "Content-Length: 1\r\n\r\nx",
};
constexpr size_t kFine = 5;

TEST_CASE("nginx and the proxy never disagree on where a request ends", "[proxy][real]") {
  const auto program = FindProgram("nginx");
  if (!program) return;
  const auto answer = [](const std::string&) { return Ok("x"); };
  RawUpstream behind_nginx(answer), behind_ours(answer);
  Nginx nginx(*program, Concat("client_header_timeout 150ms; client_body_timeout 150ms; lingering_close off; "
                               "location / { proxy_http_version 1.1; proxy_set_header Connection ''; ",
                               "proxy_pass http://127.0.0.1:", behind_nginx.port(), "; }"));
  Scene scene(behind_ours.port(), [](GatewaySettings* s) {
    s->limits.header_time = s->limits.body_idle_time = s->limits.idle_time = absl::Milliseconds(150);
  });
  constexpr uint32_t seed = 20'261'126;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  constexpr size_t kMutations = 150;
  int both = 0, ours_only = 0, nginx_only = 0;
  for (size_t i = 0; i < kSmuggling.size() + kMutations; ++i) {
    std::string bytes = kSmuggling[i < kSmuggling.size() ? i : random() % kSmuggling.size()] + kEnd;
    if (i >= kSmuggling.size()) {
      for (size_t damage = 1 + random() % 3; damage > 0; --damage) {
        const size_t at = random() % (bytes.size() - kEnd.size());
        const char byte = "\r\n \t:;,0159aA\0_-+\x80"[random() % 19];
        switch (random() % 3) {
          case 0:
            bytes[at] = byte;
            break;
          case 1:
            bytes.insert(at, 1, byte);
            break;
          default:
            bytes.erase(at, 1);
        }
      }
    }
    const auto theirs = Through(nginx.port(), &behind_nginx, bytes);
    const auto ours = Through(scene.proxy->port(0), &behind_ours, bytes);
    INFO(bytes << "\nnginx:\n" << Join(theirs) << "ours:\n" << Join(ours));
    const size_t common = std::min(theirs.size(), ours.size());
    for (size_t k = 0; k < common; ++k) REQUIRE(theirs[k] == ours[k]);
    both += theirs.size() == ours.size() ? 1 : 0;
    ours_only += ours.size() > theirs.size() ? 1 : 0;
    nginx_only += ours.size() < theirs.size() ? 1 : 0;
    if (i >= kSmuggling.size()) continue;
    for (const std::string& meaning : ours) CHECK(meaning.find("GET /evil") != 0);
    if (i >= kSmuggling.size() - kFine) {
      CHECK(ours.size() == theirs.size());
      REQUIRE(!ours.empty());
      CHECK(ours.back() == "GET /end\n");
    } else {
      CHECK(ours.empty());
    }
  }
  std::cout << kSmuggling.size() + kMutations << " byte sequences through nginx and ours: " << both
            << " go equally far, " << nginx_only << " further through nginx, " << ours_only
            << " through ours\n";
}

std::string Run(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  char bytes[4096];
  while (const size_t got = fread(bytes, 1, sizeof bytes, pipe)) output.append(bytes, got);
  pclose(pipe);
  return output;
}

TEST_CASE("curl gets from nginx through the proxy what it gets from nginx", "[proxy][real]") {
  const auto nginx_program = FindProgram("nginx");
  const auto curl = FindProgram("curl");
  if (!nginx_program || !curl) return;
  Nginx nginx(
      *nginx_program,
      "client_max_body_size 100m; location = /moved { return 302 /file; } location = /empty { return 204; } "
      "location = /small { return 200 'small $request_method $http_x_test'; }");
  std::string content;
  for (int i = 0; i < 200'000; ++i) Append(&content, i, "\n");
  std::ofstream(nginx.folder() / "root" / "file") << content;
  Scene scene(nginx.port());
  const auto ask = [&](uint16_t port, const std::string& arguments) {
    std::string with_port = arguments;
    for (size_t at = 0; (at = with_port.find("URL", at)) != std::string::npos;)
      with_port.replace(at, 3, Concat("http://127.0.0.1:", port));
    return Run(*curl + " -sS --max-time 20 " + with_port);
  };
  for (const std::string arguments : {
           "URL/file",
           "-r 100-4999 URL/file",
           "-o /dev/null -w '%{http_code} %{redirect_url}' URL/moved",
           "-w '%{http_code}' URL/empty",
           "-w '%{http_code} %{num_connects}' URL/small URL/small",
           "-I -o /dev/null -w '%{http_code} %header{content-length}' URL/file",
           "-H 'X-Test: yes' URL/small",
           "-0 URL/small",
           "-d a=b -w '%{http_code}' URL/file -o /dev/null",
           "-H 'Transfer-Encoding: chunked' -d a=b -w '%{http_code}' URL/small",
           "-H 'Expect: 100-continue' -d a=b -w '%{http_code}' URL/small",
       }) {
    INFO(arguments);
    std::string direct = ask(nginx.port(), arguments);
    std::string proxied = ask(scene.proxy->port(0), arguments);
    const std::string port = std::to_string(scene.proxy->port(0));
    if (const size_t at = proxied.find(port);
        arguments.find("moved") != std::string::npos && at != std::string::npos)
      proxied.replace(at, port.size(), std::to_string(nginx.port()));
    CHECK(direct == proxied);
  }
}

}  // namespace
}  // namespace stockade
