// Client certificates on real TLS connections, in memory: our server's context against OpenSSL's client.
#include "adapters/certificate/from_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <memory>

#include "adapters/certificate/verifier.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using From = CertificateEvidence::From;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeConnection {
  void operator()(SSL* connection) const { SSL_free(connection); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Connection = std::unique_ptr<SSL, FreeConnection>;

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root"});
    pki->Make("inter", {"/O=Stockade/CN=Inter", "root", "root"});
    pki->Make("server", {"/CN=localhost", "root", "server"});
    pki->Make("alice", {"/CN=alice", "inter"});
    pki->Make("self_signed", {"/CN=alice", "self_signed"});
    return pki;
  }();
  return *made;
}

Context Server() {
  Context context(SSL_CTX_new(TLS_server_method()));
  REQUIRE(SSL_CTX_use_certificate_file(context.get(), ThePki().pem_file("server").c_str(),
                                       SSL_FILETYPE_PEM) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), ThePki().key_file("server").c_str(), SSL_FILETYPE_PEM) ==
          1);
  const absl::Status asked = AskForClientCertificate(context.get(), {ThePki().pem_file("root")});
  INFO(asked.ToString());
  REQUIRE(asked.ok());
  return context;
}

// A client that shows `leaf` (none: nothing) with what it is sent with.
Context Client(const std::string& leaf, const std::string& with, int version) {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  if (leaf.empty()) return context;
  const std::string chain =
      ThePki().folder().Write("chain.pem", ReadWholeFile(ThePki().pem_file(leaf)) +
                                               (with.empty() ? "" : ReadWholeFile(ThePki().pem_file(with))));
  REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), chain.c_str()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), ThePki().key_file(leaf).c_str(), SSL_FILETYPE_PEM) == 1);
  return context;
}

struct Pair {
  Connection client, server;
};

// Both ends to the end of their handshakes, and one byte of data, so that tickets would have come.
bool Shake(const Context& client_context, const Context& server_context, Pair* pair,
           SSL_SESSION* resume = nullptr) {
  pair->client.reset(SSL_new(client_context.get()));
  pair->server.reset(SSL_new(server_context.get()));
  BIO *one = nullptr, *two = nullptr;
  REQUIRE(BIO_new_bio_pair(&one, 1 << 17, &two, 1 << 17) == 1);
  SSL_set_bio(pair->client.get(), one, one);
  SSL_set_bio(pair->server.get(), two, two);
  SSL_set_connect_state(pair->client.get());
  SSL_set_accept_state(pair->server.get());
  if (resume != nullptr) REQUIRE(SSL_set_session(pair->client.get(), resume) == 1);
  for (int step = 0; step < 20; ++step) {
    SSL_do_handshake(pair->client.get());
    SSL_do_handshake(pair->server.get());
    if (SSL_is_init_finished(pair->client.get()) == 1 && SSL_is_init_finished(pair->server.get()) == 1) {
      char byte = 'x';
      SSL_write(pair->server.get(), &byte, 1);
      return SSL_read(pair->client.get(), &byte, 1) == 1;
    }
  }
  return false;
}

TEST_CASE("whatever a client shows, the handshake ends well and the evidence is what it sent",
          "[certificate]") {
  const Context server = Server();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Pair pair;
    INFO("TLS " << version);
    REQUIRE(Shake(Client("", "", version), server, &pair));
    CHECK(EvidenceOf(pair.server.get()).from == From::kNone);

    REQUIRE(Shake(Client("alice", "inter", version), server, &pair));
    CertificateEvidence evidence = EvidenceOf(pair.server.get());
    CHECK(evidence.from == From::kTls);
    CHECK(evidence.leaf_der == ThePki().Der("alice"));
    CHECK(evidence.chain_der == std::vector<std::string>{ThePki().Der("inter")});

    REQUIRE(Shake(Client("self_signed", "", version), server, &pair));
    evidence = EvidenceOf(pair.server.get());
    CHECK(evidence.from == From::kTls);
    CHECK(evidence.leaf_der == ThePki().Der("self_signed"));
    CHECK(evidence.chain_der.empty());
  }
}

TEST_CASE("the gate's answer follows from what was shown", "[certificate]") {
  const Context server = Server();
  const auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
  REQUIRE(verifier.ok());
  const absl::Time may = absl::FromUnixSeconds(1714953600);
  const auto status = [&](const char* leaf, const char* with) {
    Pair pair;
    REQUIRE(Shake(Client(leaf, with, TLS1_3_VERSION), server, &pair));
    return (*verifier)->Verify(EvidenceOf(pair.server.get()), "alice", may).status;
  };
  CHECK(status("", "") == CertificateStatus::kMissing);
  CHECK(status("alice", "inter") == CertificateStatus::kValid);
  CHECK(status("alice", "") == CertificateStatus::kUntrusted);
  CHECK(status("self_signed", "") == CertificateStatus::kUntrusted);
}

TEST_CASE("no session is resumed, so that no connection is without its chain", "[certificate]") {
  const Context server = Server();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Context client = Client("alice", "inter", version);
    Pair first, second;
    REQUIRE(Shake(client, server, &first));
    SSL_SESSION* session = SSL_get1_session(first.client.get());
    REQUIRE(Shake(client, server, &second, SSL_SESSION_is_resumable(session) == 1 ? session : nullptr));
    SSL_SESSION_free(session);
    CHECK(SSL_session_reused(second.server.get()) == 0);
    const CertificateEvidence evidence = EvidenceOf(second.server.get());
    CHECK(evidence.leaf_der == ThePki().Der("alice"));
    CHECK(evidence.chain_der.size() == 1);
    SSL_shutdown(first.client.get());
  }
}

TEST_CASE("a client that sends more certificates than a login needs fails its handshake", "[certificate]") {
  const Context server = Server();
  const Context client = Client("alice", "", TLS1_3_VERSION);
  X509* inter = nullptr;
  const std::string der = ThePki().Der("inter");
  for (int i = 0; i < 100; ++i) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    inter = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    REQUIRE(SSL_CTX_add_extra_chain_cert(client.get(), inter) == 1);
  }
  Pair pair;
  CHECK_FALSE(Shake(client, server, &pair));
  ERR_clear_error();
}

TEST_CASE("a file of anchors that cannot be read is named", "[certificate]") {
  const Context context(SSL_CTX_new(TLS_server_method()));
  const absl::Status status = AskForClientCertificate(context.get(), {"/nonexistent/anchors.pem"});
  CHECK_FALSE(status.ok());
  CHECK(status.message().find("anchors.pem") != absl::string_view::npos);
  CHECK(ERR_peek_error() == 0);
}

}  // namespace
}  // namespace stockade
