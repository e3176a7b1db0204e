// stockade cert check over a public-key infrastructure made on the spot: each reason comes at its step, with the exit code
// that scripts rely on.
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/adapters/certificate/ocsp_scene.h"
#include "tests/adapters/certificate/pki.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

struct CertRun {
  int code;
  std::string out;
  std::string err;
};

CertRun Run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"cert", "check"});
  std::ostringstream out, err;
  Console console{out, err};
  const int code = RunProgram(arguments, console);
  return {code, out.str(), err.str()};
}

TEST_CASE("cert check says what the gate would say, and at which step", "[cert]") {
  Pki pki;
  pki.Make("root", {"/CN=Root", "root", "root"});
  pki.Make("other", {"/CN=Other", "other", "root"});
  pki.Make("alice", {"/CN=alice", "root"});
  const std::string anchors = pki.pem_file("root");

  const CertRun good =
      Run({pki.pem_file("alice"), "--anchors", anchors, "--account", " Alice", "--at", "2024-06-01"});
  CHECK(good.code == 0);
  CHECK_THAT(good.out, Catch::Contains("valid: ") && Catch::Contains("CN=alice") &&
                           Catch::Contains("not asked   revocation") && Catch::Contains("certified lane"));

  REQUIRE_FALSE(pki.Der("alice").empty());  // writes alice.der beside alice.pem
  const CertRun late =
      Run({pki.folder() / "alice.der", "--anchors", anchors, "--at", "2025-01-01T00:00:01Z"});
  CHECK(late.code == 1);
  CHECK_THAT(late.out, Catch::Contains("expired: ") && Catch::Contains("no          path"));
  // The last second counts.
  CHECK(Run({pki.pem_file("alice"), "--anchors", anchors, "--at", "2025-01-01T00:00:00Z"}).code == 0);

  const CertRun stranger =
      Run({pki.pem_file("alice"), "--anchors", pki.pem_file("other"), "--at", "2024-06-01", "--json"});
  CHECK(stranger.code == 1);
  CHECK_THAT(stranger.out, Catch::Contains(R"("login.certificate":"untrusted")"));

  const CertRun mismatch =
      Run({pki.pem_file("alice"), "--anchors", anchors, "--account", "bob", "--at", "2024-06-01"});
  CHECK(mismatch.code == 1);
  CHECK_THAT(mismatch.out, Catch::Contains("mismatch: ") && Catch::Contains("no          account"));
  CHECK(mismatch.out.find("bob") == std::string::npos);
}

TEST_CASE("cert check asks revocation lists, and says which are stale", "[cert]") {
  Pki pki;
  pki.Make("root", {"/CN=Root", "root", "root"});
  pki.Make("alice", {"/CN=alice", "root"});
  pki.Make("bob", {"/CN=bob", "root"});
  const std::string list = pki.MakeCrl("root.crl", "root", {"alice"}, "20240501000000Z", "20240601000000Z");
  const auto ask = [&](const std::string& name, const std::string& at) {
    return Run({"--at", at, "--crls", list, "--anchors", pki.pem_file("root"), pki.pem_file(name)});
  };
  CHECK_THAT(ask("alice", "2024-05-15").out,
             Catch::Contains("revoked: ") && Catch::Contains("no          revocation"));
  CHECK(ask("bob", "2024-05-15").code == 0);
  const CertRun stale = ask("bob", "2024-06-15");
  CHECK(stale.code == 1);
  CHECK_THAT(stale.out, Catch::Contains("revocation_unknown: "));
  CHECK_THAT(stale.err, Catch::Contains("stale"));
}

TEST_CASE("cert check asks responders, and reads what would come with a login", "[cert]") {
  const OcspScene& s = OcspScene::The();
  const RealResponder responder("root");
  const std::string settings = s.pki.folder().Write(
      "ocsp.yaml",
      "gateway:\n  listen: 127.0.0.1:1\n  upstreams: 127.0.0.1:2\n  certificates:\n    anchors: " +
          s.pki.pem_file("root") + "\n    ocsp: {responders: {CN=Root: \"" + responder.url() +
          "\"}, time: 30s}\n");
  const CertRun unasked = Run({s.pki.pem_file("alice"), "-c", settings});
  CHECK(unasked.code == 1);
  CHECK_THAT(unasked.out, Catch::Contains("not asked   " + responder.url() + " about CN=alice; --ask asks") &&
                              Catch::Contains("revocation_unknown: "));
  const CertRun good = Run({s.pki.pem_file("alice"), "-c", settings, "--ask"});
  CHECK(good.code == 0);
  CHECK_THAT(good.out, Catch::Contains("asked       " + responder.url() + " about CN=alice: good, until ") &&
                           Catch::Contains("yes         revocation"));
  const CertRun revoked = Run({s.pki.pem_file("bob"), "-c", settings, "--ask", "--json"});
  CHECK(revoked.code == 1);
  CHECK_THAT(revoked.out, Catch::Contains(R"("answer":"revoked at 2024-02-01 00:00:00 UTC")") &&
                              Catch::Contains(R"("login.certificate":"revoked")"));
  CHECK_THAT(Run({s.pki.pem_file("carol"), "-c", settings, "--ask"}).out,
             Catch::Contains("unknown: the responder does not know the certificate"));
  CHECK(Run({s.pki.pem_file("alice"), "-c", settings, "--ask", "--at", "2024-05-05"}).code == 2);

  const std::string response = s.pki.folder().Write("alice.response", s.Response("alice"));
  const std::string anchors = s.pki.pem_file("root");
  CHECK(Run({s.pki.pem_file("alice"), "--anchors", anchors, "--ocsp", response}).code == 0);
  const CertRun other = Run({s.pki.pem_file("dave"), "--anchors", anchors, "--ocsp", response});
  CHECK(other.code == 1);
  CHECK_THAT(other.out, Catch::Contains("what came with it: the response is about other certificates"));
}

TEST_CASE("cert check says what it lacks", "[cert]") {
  Pki pki;
  pki.Make("root", {"/CN=Root", "root", "root"});
  CHECK_THAT(Run({pki.pem_file("root")}).err, Catch::Contains("--anchors"));
  CHECK(Run({pki.pem_file("root")}).code == 2);
  CHECK_THAT(Run({"/no/such/file", "--anchors", pki.pem_file("root")}).err, Catch::Contains("/no/such/file"));
  CHECK_THAT(Run({pki.pem_file("root"), "--anchors", pki.pem_file("root"), "--at", "soon"}).err,
             Catch::Contains("--at"));
  CHECK_THAT(Run({pki.key_file("root"), "--anchors", pki.pem_file("root")}).err,
             Catch::Contains("no certificate"));
}

}  // namespace
}  // namespace stockade
