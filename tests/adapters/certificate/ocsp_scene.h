// A public-key infrastructure with what its responders say: `openssl ocsp` itself, responses that it made on the spot, and
// responders that do as they are told.
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/openssl_owned.h"
#include "tests/adapters/certificate/pki.h"
#include "tests/adapters/loopback.h"

namespace stockade {

inline OwnedX509 ReadDer(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return OwnedX509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

// Certificates of one authority: alice is good, bob is revoked, and the authority has never heard of carol.
class OcspScene {
 public:
  static constexpr char kEarly[] = "20200101000000Z", kLate[] = "20400101000000Z";

  OcspScene() {
    pki.Make("root", {"/CN=Root", "root", "root", kEarly, kLate});
    pki.Make("other", {"/CN=Root", "other", "root", kEarly, kLate});  // same name, another key
    pki.Make("delegate", {"/CN=Responder", "root", "responder", kEarly, kLate});
    pki.Make("no_delegate", {"/CN=No Responder", "root", "client", kEarly, kLate});
    pki.Make("stranger", {"/CN=Responder", "other", "responder", kEarly, kLate});
    for (const char* name : {"alice", "bob", "carol"})
      pki.Make(name, {std::string("/CN=") + name, "root", "client", kEarly, kLate});
    pki.Make("inter", {"/CN=Inter", "root", "root", kEarly, kLate});
    pki.Make("erin", {"/CN=erin", "inter", "client", kEarly, kLate});
    pki.Make("dave", {"/CN=dave", "root", "client_of_responder", kEarly, kLate});
    index_ = pki.folder().Write("ocsp_index", Line('V', "alice") + Line('R', "bob") + Line('V', "dave"));
    pki.folder().Write("ocsp_index.attr", "unique_subject = no\n");
    for (const char* name : {"root", "stranger", "alice", "bob", "carol", "dave", "inter", "erin"})
      ders_[name] = pki.Der(name);
  }

  // The one for a test program.
  static const OcspScene& The() {
    static const std::unique_ptr<const OcspScene> scene = [] {
      RequireProgram("openssl");
      return std::make_unique<OcspScene>();
    }();
    return *scene;
  }

  // Without starting a program each time.
  const std::string& Der(const std::string& name) const { return ders_.at(name); }

  OcspQuestion Question(const std::string& name, const std::string& url) const {
    OcspQuestion question;
    question.url = url;
    question.about = name;
    question.certificate_der = Der(name);
    question.issuer_der = Der("root");
    question.key = KeyOf(name);
    return question;
  }
  OcspMemory::Key KeyOf(const std::string& name, const std::string& issuer_name = "root") const {
    const OwnedX509 certificate = ReadDer(Der(name)), issuer = ReadDer(Der(issuer_name));
    const auto key = OcspMemory::KeyOf(certificate.get(), issuer.get());
    REQUIRE(key.has_value());
    return *key;
  }

  // What the program answers about `name`, signed by `signer`, DER; `more`: further options of it.
  std::string Response(const std::string& name, const std::string& signer = "root",
                       const std::vector<std::string>& more = {"-ndays", "1"}, bool nonce = false) const {
    const std::string request = pki.folder() / "made.request", response = pki.folder() / "made.response";
    Must({"openssl", "ocsp", "-issuer", pki.pem_file("root"), "-cert", pki.pem_file(name),
          nonce ? "-nonce" : "-no_nonce", "-reqout", request});
    std::vector<std::string> answer = Responder(signer);
    answer.insert(answer.end(), {"-reqin", request, "-respout", response});
    answer.insert(answer.end(), more.begin(), more.end());
    Must(answer);
    return ReadWholeFile(response);
  }
  // The program as a responder, but for where it listens.
  std::vector<std::string> Responder(const std::string& signer) const {
    return {"openssl",  "ocsp",
            "-index",   index_,
            "-CA",      pki.pem_file("root"),
            "-rsigner", pki.pem_file(signer),
            "-rkey",    pki.key_file(signer)};
  }

  Pki pki;

 private:
  std::string Line(char status, const std::string& name) const {
    return std::string(1, status) + "\t400101000000Z\t" + (status == 'R' ? "240201000000Z" : "") + "\t" +
           pki.serial(name) + "\tunknown\t/CN=" + name + "\n";
  }
  static void Must(const std::vector<std::string>& command) {
    const auto [code, text] = RunProgram(command);
    INFO(text);
    REQUIRE(code == 0);
  }

  std::string index_;
  std::map<std::string, std::string> ders_;
};

// `openssl ocsp` as a server, until the object goes.
class RealResponder {
 public:
  explicit RealResponder(const std::string& signer)
      : program_([&] {
          std::vector<std::string> command = OcspScene::The().Responder(signer);
          command.insert(command.end(), {"-port", "0", "-ndays", "1"});
          return command;
        }()) {
    // "ACCEPT [::]:35315 PID=517"
    const std::string said = program_.ReadUntil("PID=");
    std::smatch found;
    REQUIRE(std::regex_search(said, found, std::regex(R"(ACCEPT \S*:(\d+) )")));
    url_ = "http://127.0.0.1:" + found[1].str() + "/";
  }
  const std::string& url() const { return url_; }

 private:
  StartedProgram program_;
  std::string url_;
};

inline std::string HttpAnswer(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/ocsp-response\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// Listens, reads a request a connection, and sends what the script makes of it, then closes; nothing: it stays silent and
// keeps the connection open. The script is called on the responder's thread.
class ScriptedResponder {
 public:
  using Script = std::function<std::optional<std::string>(const std::string& request)>;

  explicit ScriptedResponder(Script script) : script_(std::move(script)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_.fd(), 256) == 0);
    REQUIRE(getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/ocsp";
    thread_ = std::thread([this] { Serve(); });
  }
  explicit ScriptedResponder(std::string always)
      : ScriptedResponder(
            [always = std::move(always)](const std::string&) { return std::optional(always); }) {}
  ~ScriptedResponder() {
    eventfd_write(stop_.fd(), 1);
    thread_.join();
  }

  const std::string& url() const { return url_; }
  int requests() const { return requests_; }

 private:
  void Serve() {
    std::vector<Socket> held;
    while (WaitFor(listener_.fd())) {
      Socket connection(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      if (!ReadRequest(connection, &request)) continue;
      ++requests_;
      const std::optional<std::string> answer = script_(request);
      if (answer) {
        static_cast<void>(send(connection.fd(), answer->data(), answer->size(), MSG_NOSIGNAL));
        shutdown(connection.fd(), SHUT_WR);
      } else {
        held.push_back(std::move(connection));
      }
    }
  }
  // False where the end comes first.
  bool WaitFor(int fd) const {
    pollfd waiting[2] = {{stop_.fd(), POLLIN, 0}, {fd, POLLIN, 0}};
    return poll(waiting, 2, -1) > 0 && waiting[0].revents == 0;
  }
  bool ReadRequest(const Socket& connection, std::string* request) const {
    char bytes[4096];
    for (;;) {
      const size_t head = request->find("\r\n\r\n");
      std::smatch length;
      if (head != std::string::npos &&
          std::regex_search(*request, length, std::regex("Content-Length: ([0-9]+)")) &&
          request->size() >= head + 4 + std::stoul(length[1].str()))
        return true;
      if (!WaitFor(connection.fd())) return false;
      const ssize_t size = read(connection.fd(), bytes, sizeof bytes);
      if (size <= 0) return false;
      request->append(bytes, static_cast<size_t>(size));
    }
  }

  const Script script_;
  Socket listener_ = Socket::Tcp();
  Socket stop_{eventfd(0, EFD_CLOEXEC)};
  std::string url_;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

}  // namespace stockade
