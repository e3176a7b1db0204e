// Thousands of customers with certificates, a PKI made on the spot, stockade run in front of their application, and one who
// has every password and whatever else can be stolen, forged or copied. Who reaches the password check is exactly who
// should, before and after the authority's list is swapped in the middle of it; and no account is nearer to its lock by any
// attempt that was refused.
//
// STOCKADE_CUSTOMERS=10000 (a multiple of ten) makes it more of the same: by sanitizers each costs some 13 ms, in five logins.
#include <openssl/ssl.h>
#include <sys/time.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/adapters/certificate/issued.h"
#include "tests/adapters/certificate/signatures.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

// Of each fate three hundred: the list that revokes is swapped while hundreds of each are on their way.
const size_t kCustomers = [] {
  const char* const given = std::getenv("STOCKADE_CUSTOMERS");
  return given == nullptr ? size_t{3000} : static_cast<size_t>(std::strtoul(given, nullptr, 10));
}();
constexpr size_t kClients = 4;
constexpr int64_t kDayS = 86'400;
// 127.0.0.2: from here, certificates are forwarded.
constexpr uint32_t kProxyAddress = 0x7f000002;

// What happens to a customer, by his number; every tenth to the last digit.
enum Fate : size_t {
  kMistypes,     // he himself, with his certificate and a wrong password
  kBare,         // his password is stolen, and nothing else
  kAnothers,     // tried with the certificate of another customer
  kExpired,      // he has not renewed
  kRevoked,      // his key is stolen, he has said so
  kWrongIssuer,  // an authority of the same name made the thief one
  kSelfSigned,   //
  kNoKey,        // his certificate is stolen without its key
  kReplayed,     // his login is copied and sent again
  kTwoAtOnce,    // another's certificate and his copied signature, or two headers of a proxy, one of them his
};

struct Customer {
  std::string account;
  Holder own;
  size_t fate = 0;
};

struct Attempt {
  std::string account, password;
  std::string body;                    // what the form has besides
  std::string fields;                  // of the head
  bool by_proxy = false;               // from the address of the proxy that forwards certificates
  const Holder* connection = nullptr;  // TLS client certificate
  bool reaches = false;
};

class Bank {
 public:
  Bank() : now_s_(absl::ToUnixSeconds(absl::Now())) {
    root_ = Authority("Customers CA", 1);
    impostor_ = Authority("Customers CA", 1);
    customers_.resize(kCustomers);
    for (size_t i = 0; i < kCustomers; ++i) {
      Customer& customer = customers_[i];
      customer.account = Concat("c", i);
      customer.fate = i % 10;
      const bool over = customer.fate == kExpired;
      customer.own = Client(customer.account, static_cast<long>(1000 + i), root_, over ? -kDayS : kDayS);
    }
    thief_key_ = MakeKey();
    server_.key = MakeKey();
    Issuing server{"localhost",       2,
                   server_.key.get(), root_.certificate.get(),
                   root_.key.get(),   Issuing::Kind::kServer,
                   now_s_ - kDayS,    now_s_ + kDayS};
    server_.certificate = Issue(server);
  }

  const std::vector<Customer>& customers() const { return customers_; }
  const Holder& root() const { return root_; }
  const Holder& server() const { return server_; }

  std::string List(const std::vector<size_t>& fates) const {
    std::vector<long> serials;
    for (size_t i = 0; i < kCustomers; ++i)
      if (std::find(fates.begin(), fates.end(), customers_[i].fate) != fates.end())
        serials.push_back(static_cast<long>(1000 + i));
    return PemOf(MakeCrl(root_, serials, now_s_ - kDayS, now_s_ + kDayS).get());
  }

  // A login that the customer signs himself.
  Attempt Own(const Customer& customer, const std::string& password, const std::string& nonce) const {
    Attempt attempt{customer.account, password, {}, {}, false, nullptr, true};
    attempt.body = Signed(customer.account, nonce, customer.own.certificate.get(), customer.own.key.get());
    return attempt;
  }
  Attempt OwnByTls(const Customer& customer, const std::string& password) const {
    return {customer.account, password, {}, {}, false, &customer.own, true};
  }

  // As the proxy says that he showed his certificate to it.
  Attempt OwnByProxy(const Customer& customer, const std::string& password) const {
    return {customer.account, password, {}, Forwarded(customer.own.certificate.get()), true, nullptr, true};
  }

  // What is done to him. `copied`: a login of his that somebody saw.
  Attempt Against(size_t i, const Attempt& copied) const {
    const Customer& customer = customers_[i];
    const std::string nonce = Concat("attack-", i);
    // A neighbour whose certificate is good.
    const Customer& other = customers_[(i / 10 * 10 + 10 + kBare) % kCustomers];
    Attempt attempt{customer.account, "stolen", {}, {}, false, nullptr, false};
    X509* const certificate = customer.own.certificate.get();
    switch (customer.fate) {
      case kAnothers:
        if (i % 20 == kAnothers) {
          attempt.connection = &other.own;
        } else {
          attempt.body = Signed(customer.account, nonce, other.own.certificate.get(), other.own.key.get());
        }
        break;
      case kExpired:
      case kRevoked:
        attempt.body = Signed(customer.account, nonce, certificate, customer.own.key.get());
        break;
      case kWrongIssuer:
        attempt.body =
            SignedByThief(customer.account, nonce, static_cast<long>(1000 + i), &impostor_, nullptr);
        break;
      case kSelfSigned:
        attempt.body = SignedByThief(customer.account, nonce, static_cast<long>(1000 + i), nullptr, nullptr);
        break;
      case kNoKey:
        attempt.body =
            SignedByThief(customer.account, nonce, static_cast<long>(1000 + i), &impostor_, certificate);
        break;
      case kReplayed:
        attempt.body = copied.body;
        break;
      case kTwoAtOnce:
        if (i % 20 < 10) {
          attempt.connection = &other.own;
          attempt.body = copied.body;
          attempt.fields = Header(certificate);
        } else {
          attempt.by_proxy = true;
          attempt.fields = Forwarded(certificate) + Forwarded(other.own.certificate.get());
        }
        break;
      default:
        // Nothing but a password, and now and then a field that says what a proxy would say.
        if (i % 20 < 10) attempt.fields = Header(certificate);
        break;
    }
    return attempt;
  }

 private:
  Holder Authority(const std::string& name, long serial) const {
    Holder holder;
    holder.key = MakeKey();
    holder.certificate = Issue({name, serial, holder.key.get(), nullptr, nullptr, Issuing::Kind::kAuthority,
                                now_s_ - 10 * kDayS, now_s_ + 10 * kDayS});
    return holder;
  }
  Holder Client(const std::string& name, long serial, const Holder& issuer, int64_t valid_s) const {
    Holder holder;
    holder.key = MakeKey();
    holder.certificate = Issue({name, serial, holder.key.get(), issuer.certificate.get(), issuer.key.get(),
                                Issuing::Kind::kClient, now_s_ - 2 * kDayS, now_s_ + valid_s});
    return holder;
  }
  std::string Fields(const std::string& time, const std::string& nonce, const std::string& cms) const {
    return Concat("&ts=", time, "&nonce=", nonce, "&sig=", EncodeBase64(cms, 0, true));
  }
  std::string Signed(const std::string& account, const std::string& nonce, X509* certificate,
                     EVP_PKEY* key) const {
    const std::string time = std::to_string(absl::ToUnixSeconds(absl::Now()));
    return Fields(time, nonce, SignCms(certificate, key, Concat(account, "\n", time, "\n", nonce)));
  }
  // By the thief's key, with a certificate of his own making, or beside the customer's.
  std::string SignedByThief(const std::string& account, const std::string& nonce, long serial,
                            const Holder* issuer, X509* shown) const {
    const OwnedX509 made =
        Issue({account, serial, thief_key_.get(), issuer == nullptr ? nullptr : issuer->certificate.get(),
               issuer == nullptr ? nullptr : issuer->key.get(), Issuing::Kind::kClient, now_s_ - kDayS,
               now_s_ + kDayS});
    const std::string time = std::to_string(absl::ToUnixSeconds(absl::Now()));
    return Fields(time, nonce,
                  SignCms(made.get(), thief_key_.get(), Concat(account, "\n", time, "\n", nonce), shown));
  }
  // As HAProxy forwards it (from_header.h).
  static std::string Forwarded(const X509* certificate) {
    std::string der;
    REQUIRE(EncodeDer(certificate, &der));
    return Concat("X-SSL-Client-DER: ", EncodeBase64(der),
                  "\r\nX-SSL-Client-Used: 1\r\nX-SSL-Client-Verify: 0\r\n");
  }
  static std::string Header(const X509* certificate) {
    std::string der;
    REQUIRE(EncodeDer(certificate, &der));
    const std::string text = EncodeBase64(der);
    return Concat("Client-Cert: :", text, ":\r\nX-SSL-Client-DER: ", text, "\r\nX-SSL-Client-Verify: 0\r\n");
  }

  const int64_t now_s_;
  Holder root_, impostor_, server_;
  OwnedKey thief_key_;
  std::vector<Customer> customers_;
};

// Where passwords are checked, and accounts locked for wrong ones.
class Application {
 public:
  Application() {
    HttpServiceOptions options;
    options.at.host = "127.0.0.1";
    options.connections_max = 4096;
    auto started =
        HttpService::Start(options, [this](const ServiceRequest& request) { return Answer(request); });
    REQUIRE(started.ok());
    service_ = std::move(*started);
  }
  uint16_t port() const { return service_->port(); }
  // By account and password: how often it came here.
  std::map<std::pair<std::string, std::string>, int> reached() const {
    const std::lock_guard lock(mutex_);
    return reached_;
  }
  std::map<std::string, int> wrong() const {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  static std::string Part(std::string_view body, std::string_view name) {
    const size_t at = body.find(name);
    if (at == std::string_view::npos) return "";
    const std::string_view rest = body.substr(at + name.size());
    return std::string(rest.substr(0, rest.find('&')));
  }
  ServiceReply Answer(const ServiceRequest& request) {
    const std::string account = Part(request.body_text(), "user="),
                      password = Part(request.body_text(), "pass=");
    const std::lock_guard lock(mutex_);
    ++reached_[{account, password}];
    if (password != "wrong") return {302, {{"Location", "/orders"}}, ""};
    ++wrong_[account];
    return {200, {}, "wrong password"};
  }

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, int> reached_;
  std::map<std::string, int> wrong_;
  std::unique_ptr<HttpService> service_;
};

using OwnedContext = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using OwnedTls = std::unique_ptr<SSL, FreeBy<SSL_free>>;

// One HTTPS connection; with `holder`, by his certificate. A gate that says nothing for ten seconds fails the test.
class HttpsClient {
 public:
  HttpsClient(uint16_t port, const Holder* holder, bool by_proxy = false)
      : file_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in from = {};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(by_proxy ? kProxyAddress : INADDR_LOOPBACK);
    if (bind(file_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return;
    const timeval patience = {10, 0};
    setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    static const OwnedContext context(SSL_CTX_new(TLS_client_method()));
    tls_.reset(SSL_new(context.get()));
    if (holder != nullptr) {
      SSL_use_certificate(tls_.get(), holder->certificate.get());
      SSL_use_PrivateKey(tls_.get(), holder->key.get());
    }
    SSL_set_fd(tls_.get(), file_);
    good_ = connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
            SSL_connect(tls_.get()) == 1;
  }
  ~HttpsClient() { close(file_); }
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  // The status of the answer; 0 where none came.
  int Post(const Attempt& attempt) {
    const std::string body = Concat("user=", attempt.account, "&pass=", attempt.password, attempt.body);
    const std::string request = Concat(
        "POST /login HTTP/1.1\r\nHost: x\r\n", attempt.fields,
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
    if (!good_ || SSL_write(tls_.get(), request.data(), static_cast<int>(request.size())) <= 0) return 0;
    std::string answer;
    size_t whole = 0;
    while (whole == 0 || answer.size() < whole) {
      char bytes[4096];
      const int got = SSL_read(tls_.get(), bytes, sizeof bytes);
      if (got <= 0) return 0;
      answer.append(bytes, static_cast<size_t>(got));
      const size_t end = answer.find("\r\n\r\n");
      if (whole > 0 || end == std::string::npos) continue;
      const size_t length = answer.find("Content-Length: ");
      whole = end + 4 + (length < end ? static_cast<size_t>(std::stoul(answer.substr(length + 16))) : 0);
    }
    return std::stoi(answer.substr(9, 3));
  }

 private:
  int file_;
  OwnedTls tls_;
  bool good_ = false;
};

class Gate {
 public:
  Gate(const Bank& bank, uint16_t application) {
    port_ = FreePort();
    folder_.Write("ca.pem", PemOf(bank.root().certificate.get()));
    folder_.Write("server.pem", PemOf(bank.server().certificate.get()));
    folder_.Write("server.key", PemOf(bank.server().key.get()));
    PutList(bank.List({kRevoked}));
    // Two failures on an account would lock it: nobody comes to two.
    folder_.Write("rules.yml", R"(
title: A failed login
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a01
name: failed
logsource: {category: authentication}
detection: {failure: {event.outcome: failure}, condition: failure}
---
title: An account fails twice
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a02
name: twice
correlation: {type: event_count, rules: [failed], group-by: [user.name], timespan: 1h, condition: {gte: 2}}
response: {action: lock, lanes: all, target: user.name, for: 1h}
)");
    folder_.Write(
        "stockade.yaml",
        Concat("rules: [rules.yml]\ncertificates: required\nmemory: 64MiB\ngateway:\n  trusted_proxies: "
               "[127.0.0.2]\n  listen: [{address: "
               "\"127.0.0.1:",
               port_,
               "\", tls: {certificate: server.pem, key: server.key, client_certificates: optional}}]\n"
               "  upstreams: [\"127.0.0.1:",
               application,
               "\"]\n  certificates: {anchors: ca.pem, crls: [ca.crl], from_header: haproxy}\n"
               "  endpoints:\n    - path: /login\n      account: user\n      password: pass\n"
               "      signature: {value: sig, timestamp: ts, nonce: nonce, within: 10m}\n"
               "      outcomes:\n        - {status: 302, outcome: success}\n"
               "        - {body: wrong password, outcome: bad_password}\n"));
    gate_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{STOCKADE_PROGRAM, "run", "-c", folder_.Path("stockade.yaml"), "--decisions",
                                 folder_.Path("decisions")},
        folder_.Path("output"));
    REQUIRE(WaitUntil([&] { return Output().find("Ctrl-C stops it") != std::string::npos; }));
  }
  void PutList(const std::string& pem) const {
    folder_.Write("new.crl", pem);
    std::filesystem::rename(folder_.Path("new.crl"), folder_.Path("ca.crl"));
  }
  void Reload() {
    gate_->Signal(SIGHUP);
    REQUIRE(WaitUntil([&] { return Output().find("reloaded: ") != std::string::npos; }));
  }
  std::string Output() const { return gate_->Output(); }
  std::string Decisions() const { return folder_.Read("decisions"); }
  uint16_t port() const { return port_; }

 private:
  Scene folder_;
  uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> gate_;
};

// All of them, by several clients at once; those without a certificate on the connection share connections. What came
// otherwise than expected is returned.
std::vector<std::string> Play(const std::vector<Attempt>& attempts, uint16_t port) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::vector<std::string> odd;
  const auto client = [&] {
    auto shared = std::make_unique<HttpsClient>(port, nullptr);
    for (size_t i = next++; i < attempts.size(); i = next++) {
      const Attempt& attempt = attempts[i];
      int status = 0;
      if (attempt.connection != nullptr || attempt.by_proxy) {
        status = HttpsClient(port, attempt.connection, attempt.by_proxy).Post(attempt);
      } else if (status = shared->Post(attempt); status == 0) {
        shared = std::make_unique<HttpsClient>(port, nullptr);
        status = shared->Post(attempt);
      }
      const bool reached = status == 302 || status == 200;
      if (reached == attempt.reaches && (reached || status == 403)) continue;
      const std::lock_guard lock(mutex);
      odd.push_back(
          Concat(attempt.account, " got ", status, attempt.reaches ? ", should pass" : ", should not"));
    }
  };
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kClients; ++i) clients.emplace_back(client);
  for (std::thread& one : clients) one.join();
  return odd;
}

TEST_CASE("of thousands of customers and every theft, exactly who should reaches the password check",
          "[run]") {
  const Bank bank;
  Application application;
  Gate gate(bank, application.port());
  std::map<std::pair<std::string, std::string>, int> expected;
  std::mt19937 random(20261126);
  const auto shuffle = [&](std::vector<Attempt>* attempts) {
    std::shuffle(attempts->begin(), attempts->end(), random);
  };
  const auto expect = [&](const std::vector<Attempt>& attempts) {
    for (const Attempt& attempt : attempts)
      if (attempt.reaches) ++expected[{attempt.account, attempt.password}];
  };
  const auto play = [&](const std::vector<Attempt>& attempts) {
    expect(attempts);
    const std::vector<std::string> odd = Play(attempts, gate.port());
    INFO(odd.size() << " of " << attempts.size() << ", the first: " << (odd.empty() ? "" : odd[0]));
    CHECK(odd.empty());
  };

  // In the morning everybody logs in: by signature, every fifth by TLS.
  std::vector<Attempt> morning, attack;
  for (size_t i = 0; i < kCustomers; ++i) {
    const Customer& customer = bank.customers()[i];
    if (customer.fate == kExpired || customer.fate == kRevoked) {
      morning.push_back(bank.Against(i, {}));
      continue;
    }
    const std::string password = customer.fate == kMistypes ? "wrong" : "right";
    const bool copied = customer.fate == kReplayed || customer.fate == kTwoAtOnce;
    morning.push_back(!copied && i / 10 % 5 == 0 ? bank.OwnByTls(customer, password)
                                                 : bank.Own(customer, password, Concat("morning-", i)));
    attack.push_back(bank.Against(i, morning.back()));
  }
  shuffle(&morning);
  play(morning);
  CHECK(application.reached() == expected);

  // The attack; in the middle of it the authority revokes those whose logins were copied.
  shuffle(&attack);
  const std::vector<Attempt> first(attack.begin(),
                                   attack.begin() + static_cast<std::ptrdiff_t>(attack.size() / 2));
  const std::vector<Attempt> second(attack.begin() + static_cast<std::ptrdiff_t>(attack.size() / 2),
                                    attack.end());
  std::vector<std::string> odd;
  std::thread attacker([&] { odd = Play(first, gate.port()); });
  gate.PutList(bank.List({kRevoked, kReplayed}));
  gate.Reload();
  attacker.join();
  INFO((odd.empty() ? "" : odd[0]));
  CHECK(odd.empty());
  play(second);
  CHECK(application.reached() == expected);

  // Customers again, after the new list.
  std::vector<Attempt> evening;
  for (size_t i = 0; i < kCustomers; i += 3) {
    const Customer& customer = bank.customers()[i];
    if (customer.fate == kMistypes || customer.fate == kExpired) continue;
    evening.push_back(i / 3 % 20 == 0    ? bank.OwnByTls(customer, "right")
                      : i / 3 % 20 == 10 ? bank.OwnByProxy(customer, "right")
                                         : bank.Own(customer, "right", Concat("evening-", i)));
    evening.back().reaches = customer.fate != kRevoked && customer.fate != kReplayed;
  }
  shuffle(&evening);
  play(evening);
  CHECK(application.reached() == expected);

  // Whose password was wrong is who mistyped it himself, once; nobody is locked, there or here.
  const std::map<std::string, int> wrong = application.wrong();
  CHECK(wrong.size() == kCustomers / 10);
  CHECK(std::all_of(wrong.begin(), wrong.end(), [](const auto& one) { return one.second == 1; }));
  CHECK(gate.Decisions().empty());
  CHECK(gate.Output().find(" error: ") == std::string::npos);
}

}  // namespace
}  // namespace stockade
