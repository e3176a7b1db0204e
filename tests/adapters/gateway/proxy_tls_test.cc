// TLS towards clients, by curl and openssl as they are: the certificate that is served, a new one after a swap with the
// old connection going on, garbage refused, a client's certificate seen, and TLS towards an upstream.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "engine/text.h"
#include "tests/adapters/gateway/proxy_scene.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char bytes[4096];
  while (const size_t got = fread(bytes, 1, sizeof bytes, pipe)) output.append(bytes, got);
  pclose(pipe);
  return output;
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/stockade-tls-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ / name; }
  // A self-signed certificate of this name; NAME.pem and NAME.key.
  void Certify(const std::string& name) const {
    OutputOf(Concat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=", name,
        " -addext subjectAltName=DNS:", name, ",IP:127.0.0.1 -keyout ", *this / (name + ".key"), " -out ",
        *this / (name + ".pem")));
  }

 private:
  fs::path path_;
};

bool Have(const char* program) {
  if (access((std::string("/usr/bin/") + program).c_str(), X_OK) == 0) return true;
  std::cout << "skipped: no " << program << "\n";
  return false;
}

TlsSettings Tls(const Folder& folder, const std::string& name) {
  TlsSettings tls;
  tls.certificate_file = folder / (name + ".pem");
  tls.key_file = folder / (name + ".key");
  return tls;
}

TEST_CASE(
    "a certificate is swapped while a connection goes on, and garbage is refused while the old one stays",
    "[proxy][tls]") {
  if (!Have("openssl") || !Have("curl")) return;
  Folder folder;
  folder.Certify("one.example");
  folder.Certify("two.example");
  RawUpstream upstream([](const std::string& request) {
    return Ok(request.find("X-Forwarded-Proto: https") != std::string::npos ? "secure" : "plain");
  });
  Scene scene(upstream.port(), [&](GatewaySettings* s) { s->listeners[0].tls = Tls(folder, "one.example"); });
  const std::string port = std::to_string(scene.proxy->port(0));
  const auto subject = [&] {
    return OutputOf("echo | openssl s_client -connect 127.0.0.1:" + port + " | openssl x509 -noout -subject");
  };
  const auto get = [&](const std::string& name) {
    return OutputOf("curl -sS --max-time 20 --cacert " + folder / (name + ".pem") +
                    " https://127.0.0.1:" + port + "/");
  };
  CHECK(get("one.example") == "secure");
  CHECK(subject().find("CN = one.example") != std::string::npos);
  CHECK(OutputOf("curl -sS --max-time 20 -k --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 https://127.0.0.1:" +
                 port + "/") != "secure");

  // One request in hand, the next after the swap, on one connection.
  const std::string script = folder / "ask";
  std::ofstream(script) << "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; while [ ! -e "
                        << folder / "swapped"
                        << " ]; do sleep 0.05; done; printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: "
                           "close\\r\\n\\r\\n'; sleep 1";
  std::string kept;
  std::thread asking([&] {
    kept = OutputOf("timeout 20 sh " + script + " | openssl s_client -quiet -connect 127.0.0.1:" + port);
  });
  CHECK(Eventually([&] { return scene.proxy->counts()[Count::kConnectionsOpen] == 1; }));
  GatewaySettings settings = scene.settings;
  settings.listeners[0].tls = Tls(folder, "two.example");
  CHECK(scene.proxy->SwapSettings(settings, scene.parts).ok());
  std::ofstream(folder / "swapped") << "yes";
  asking.join();
  CHECK(kept.find("secure") != kept.rfind("secure"));
  CHECK(Eventually([&] { return get("two.example") == "secure"; }));

  std::ofstream(folder / "garbage.pem") << "not a certificate";
  settings.listeners[0].tls->certificate_file = folder / "garbage.pem";
  const absl::Status refused = scene.proxy->SwapSettings(settings, scene.parts);
  CHECK(FromAbsl(refused.message()).starts_with("gateway.listen.tls.certificate: " + folder / "garbage.pem"));
  settings.listeners[0].tls = Tls(folder, "two.example");
  settings.listeners[0].tls->key_file = folder / "one.example.key";
  CHECK_FALSE(scene.proxy->SwapSettings(settings, scene.parts).ok());
  CHECK(get("two.example") == "secure");
}

TEST_CASE("a client's certificate is asked for, taken as it is, and handed to the gate", "[proxy][tls]") {
  if (!Have("openssl") || !Have("curl")) return;
  Folder folder;
  folder.Certify("server.example");
  folder.Certify("alice");
  RawUpstream upstream([](const std::string&) { return Ok("x", "X-Outcome: success\r\n"); });
  Scene scene(upstream.port(), [&](GatewaySettings* s) {
    s->listeners[0].tls = Tls(folder, "server.example");
    s->listeners[0].tls->ask_client_certificate = true;
  });
  ProxyParts parts = scene.parts;
  parts.check_certificate = [](const CertificateQuestion& question) {
    if (question.shown.from != CertificateEvidence::From::kTls) return CertificateStatus::kMissing;
    return question.shown.leaf_der.size() > 100 ? CertificateStatus::kValid : CertificateStatus::kMalformed;
  };
  REQUIRE(scene.proxy->SwapSettings(scene.settings, parts).ok());
  const std::string login =
      Concat("curl -sS --max-time 20 -k -d alice:x https://127.0.0.1:", scene.proxy->port(0), "/login");
  CHECK(Eventually([&] {
    CHECK(OutputOf(login) == "x");
    const auto log = scene.desk.log();
    return log[log.size() - 2] == "assess alice 127.0.0.1 missing";
  }));
  CHECK(OutputOf(login + " --cert " + folder / "alice.pem" + " --key " + folder / "alice.key") == "x");
  CHECK(scene.desk.log().end()[-2] == "assess alice 127.0.0.1 valid");
}

TEST_CASE("an upstream behind TLS is asked by its name, and one that shows another certificate is not asked",
          "[proxy][tls]") {
  if (!Have("openssl")) return;
  Folder folder;
  folder.Certify("inside.example");
  folder.Certify("other.example");
  RawUpstream behind([](const std::string&) { return Ok("inside"); });
  // Our own TLS end, as the upstream.
  Scene inner(behind.port(),
              [&](GatewaySettings* s) { s->listeners[0].tls = Tls(folder, "inside.example"); });
  const auto ask = [&](const std::string& ca, const std::string& name) {
    Scene outer(inner.proxy->port(0), [&](GatewaySettings* s) {
      s->upstreams[0].tls = UpstreamTlsSettings{folder / ca, name, true};
    });
    Wire client = outer.Connect();
    client.Send(Get("/") + Get("/"));
    return client.ReadAnswer().substr(9, 3) + client.ReadAnswer().substr(9, 3);
  };
  CHECK(ask("inside.example.pem", "inside.example") == "200200");
  CHECK(ask("inside.example.pem", "") == "200200");  // by its address
  CHECK(ask("inside.example.pem", "other.example") == "502502");
  CHECK(ask("other.example.pem", "inside.example") == "502502");
}

}  // namespace
}  // namespace stockade
