// Real nginx as a front that ends TLS and forwards the client's certificate: what curl showed is what is read from its
// fields, and the verifier's answer follows; what curl writes into those fields itself does not come through.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "adapters/certificate/from_header.h"
#include "adapters/certificate/verifier.h"
#include "engine/text.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kDeadline = std::chrono::seconds(20);

struct Field {
  std::string_view name, value;
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Listens on a free port.
uint16_t ListenOn(int fd) {
  sockaddr_in address = Loopback(0);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(fd, 16) == 0);
  socklen_t size = sizeof address;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    RequireProgram("nginx");
    RequireProgram("curl");
    auto pki = std::make_unique<Pki>();
    // nginx judges by its own clock, so these are good for long.
    const std::string from = "20200101000000Z", until = "20990101000000Z";
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root", from, until});
    pki->Make("server", {"/CN=localhost", "root", "server", from, until});
    pki->Make("alice", {"/O=Bank/CN=alice", "root", "client", from, until});
    pki->Make("self_signed", {"/CN=alice", "self_signed", "client", from, until});
    return pki;
  }();
  return *made;
}

class Front {
 public:
  // `verify`: the lines that say how nginx judges.
  explicit Front(const std::string& verify) {
    behind_port_ = ListenOn(behind_.fd());
    const Pki& pki = ThePki();
    for (int attempt = 0; attempt < 10 && program_ == nullptr; ++attempt) {
      {
        const Socket free(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        port_ = ListenOn(free.fd());
      }
      std::string temporary;
      for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        Append(&temporary, "  ", std::string_view(kind), "_temp_path ", folder_ / kind, ";\n");
      const std::string config = folder_.Write(
          "nginx.conf",
          Concat("daemon off;\nmaster_process off;\npid ", folder_ / "pid", ";\nerror_log ",
                 folder_ / "error.log", ";\nevents {}\nhttp {\n  access_log off;\n", temporary,
                 "  server {\n    listen 127.0.0.1:", port_, " ssl;\n    ssl_certificate ",
                 pki.pem_file("server"), ";\n    ssl_certificate_key ", pki.key_file("server"), ";\n", verify,
                 "    location / {\n      proxy_pass http://127.0.0.1:", behind_port_,
                 ";\n      proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;\n",
                 "      proxy_set_header X-SSL-Client-Verify $ssl_client_verify;\n    }\n  }\n}\n"));
      auto started = std::make_unique<StartedProgram>(
          std::vector<std::string>{"nginx", "-e", folder_ / "error.log", "-p", folder_.path(), "-c", config});
      if (Answers()) program_ = std::move(started);
    }
    INFO(ReadWholeFile(folder_ / "error.log"));
    REQUIRE(program_ != nullptr);
  }

  // The evidence of one request by curl with this certificate (empty: none).
  CertificateEvidence Ask(const std::string& leaf) {
    std::vector<std::string> curl = {"curl", "-s", "-S", "-k", "--noproxy", "*", "--max-time", "20",
                                     // What a client writes into the fields itself.
                                     "-H", "X-SSL-Client-Cert: forged", "-H", "X-SSL-Client-Verify: SUCCESS"};
    if (!leaf.empty())
      curl.insert(curl.end(), {"--cert", ThePki().pem_file(leaf), "--key", ThePki().key_file(leaf)});
    curl.push_back(Concat("https://127.0.0.1:", port_, "/"));
    StartedProgram asking(curl);
    const auto deadline = Clock::now() + kDeadline;
    REQUIRE(Readable(behind_.fd(), deadline));
    const Socket connection(accept4(behind_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      char buffer[4096];
      REQUIRE(Readable(connection.fd(), deadline));
      const ssize_t size = read(connection.fd(), buffer, sizeof buffer);
      REQUIRE(size > 0);
      head.append(buffer, static_cast<size_t>(size));
    }
    const std::string_view answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    REQUIRE(write(connection.fd(), answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()));
    const auto [code, text] = asking.Finish();
    INFO(text);
    REQUIRE(code == 0);

    std::vector<Field> fields;
    std::string_view rest = head;
    rest.remove_prefix(rest.find("\r\n") + 2);
    while (!rest.starts_with("\r\n")) {
      const size_t end = rest.find("\r\n"), colon = rest.find(": ");
      REQUIRE(colon < end);
      fields.push_back({rest.substr(0, colon), rest.substr(colon + 2, end - colon - 2)});
      rest.remove_prefix(end + 2);
    }
    return ReadCertificateFields(CertificateForm::kNginx, fields);
  }

 private:
  static bool Readable(int fd, Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    return left > 0 && poll(&waiting, 1, static_cast<int>(left)) == 1;
  }
  bool Answers() const {
    for (const auto deadline = Clock::now() + kDeadline; Clock::now() < deadline; poll(nullptr, 0, 10)) {
      const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in address = Loopback(port_);
      if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    }
    return false;
  }

  TemporaryFolder folder_;
  Socket behind_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  uint16_t behind_port_ = 0, port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

TEST_CASE("what curl shows to nginx is the evidence, and nothing that it claims", "[certificate]") {
  const auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
  REQUIRE(verifier.ok());
  const absl::Time now = absl::FromUnixSeconds(1714953600);  // 2024-05-06
  struct Case {
    const char* leaf;
    CertificateStatus status;
  };
  const Case cases[] = {{"", CertificateStatus::kMissing},
                        {"alice", CertificateStatus::kValid},
                        {"self_signed", CertificateStatus::kUntrusted}};
  SECTION("nginx takes any certificate and leaves the judgement to us") {
    Front front("    ssl_verify_client optional_no_ca;\n");
    for (const Case& c : cases) {
      INFO(c.leaf);
      const CertificateEvidence evidence = front.Ask(c.leaf);
      if (*c.leaf != '\0') CHECK(evidence.leaf_der == ThePki().Der(c.leaf));
      const CertificateVerdict verdict = (*verifier)->Verify(evidence, "alice", now);
      INFO(verdict.explanation);
      CHECK(Name(verdict.status) == Name(c.status));
    }
  }
  SECTION("nginx judges too") {
    Front front(Concat("    ssl_verify_client optional_no_ca;\n    ssl_client_certificate ",
                       ThePki().pem_file("root"), ";\n"));
    for (const Case& c : cases) {
      INFO(c.leaf);
      CHECK(Name((*verifier)->Verify(front.Ask(c.leaf), "alice", now).status) == Name(c.status));
    }
  }
}

}  // namespace
}  // namespace stockade
