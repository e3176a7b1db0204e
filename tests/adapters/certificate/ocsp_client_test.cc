// Responders that answer, hang, refuse, lie and cheat: each is asked through the client, each `done` comes once, and what is
// unknown stays unknown, whatever was sent. The true ones are `openssl ocsp`. Nothing here measures time: where a responder
// hangs, that the test ends at all shows the bound.
#include "adapters/certificate/ocsp_client.h"

#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <thread>

#include "adapters/certificate/verifier.h"
#include "tests/adapters/certificate/ocsp_scene.h"

namespace stockade {
namespace {

using Result = OcspResult;

// Long enough that no true answer is late on a loaded machine, and nothing waits for it.
constexpr absl::Duration kLong = absl::Seconds(60);
// For what never comes.
constexpr absl::Duration kShort = absl::Milliseconds(50);

int64_t NowS() {
  return absl::ToUnixSeconds(absl::Now());
}

class Desk {
 public:
  explicit Desk(absl::Duration time = kLong, bool nonce = false, absl::Duration clock_ahead = {}) {
    OcspClientOptions options;
    options.time = time;
    options.nonce = nonce;
    options.response.ahead = kResponderAheadMax;
    options.clock = [clock_ahead] { return absl::Now() + clock_ahead; };
    auto started = OcspClient::Start(std::move(options), memory);
    REQUIRE(started.ok());
    client = *std::move(started);
  }
  void Ask(std::vector<OcspQuestion> questions) {
    std::promise<void> done;
    client->Ask(std::move(questions), [&done] { done.set_value(); });
    done.get_future().wait();
  }
  OcspMemory::Known Ask(const std::string& name, const std::string& url) {
    Ask({OcspScene::The().Question(name, url)});
    return memory->Find(OcspScene::The().KeyOf(name), NowS());
  }
  uint64_t count(Result result) const { return memory->count(result); }

  std::shared_ptr<OcspMemory> memory = std::make_shared<OcspMemory>();
  std::unique_ptr<OcspClient> client;
};

// The same certificate under as many keys as one likes.
std::vector<OcspQuestion> Many(int count, const std::string& url, unsigned char mark) {
  std::vector<OcspQuestion> all(static_cast<size_t>(count), OcspScene::The().Question("alice", url));
  for (size_t i = 0; i < all.size(); ++i)
    all[i].key = {mark, static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8), 1};
  return all;
}

TEST_CASE("openssl's responder says who is good and who is revoked, itself or by its delegate",
          "[certificate]") {
  OcspScene::The();
  for (const char* signer : {"root", "delegate"}) {
    for (const bool nonce : {false, true}) {
      INFO(signer << (nonce ? ", with nonces" : ""));
      const RealResponder responder(signer);
      Desk desk(kLong, nonce);
      const OcspMemory::Known alice = desk.Ask("alice", responder.url());
      CHECK(alice.status == OcspStatus::kGood);
      CHECK(alice.until_s > NowS());
      CHECK(desk.Ask("bob", responder.url()).status == OcspStatus::kRevoked);
      const OcspMemory::Known carol = desk.Ask("carol", responder.url());
      CHECK(carol.status == OcspStatus::kUnknown);
      CHECK_FALSE(carol.ask);
      CHECK(carol.why.find("does not know") != std::string::npos);
      CHECK(desk.count(Result::kGood) == 1);
      CHECK(desk.count(Result::kRevoked) == 1);
      CHECK(desk.count(Result::kUnusable) == 1);
      // What is known is not asked.
      desk.Ask("alice", responder.url());
      CHECK(desk.count(Result::kGood) == 1);
    }
  }
}

struct Liar {
  const char* what;
  ScriptedResponder::Script script;
  Result result;
  bool nonce = false;
  absl::Duration clock_ahead{};
};

std::vector<Liar> Liars() {
  const OcspScene& s = OcspScene::The();
  const auto always = [](std::string answer) {
    return [answer](const std::string&) { return std::optional(answer); };
  };
  const std::string good = s.Response("alice");
  std::string forged = s.Response("bob");
  forged[forged.size() - 1] = static_cast<char>(forged[forged.size() - 1] ^ 1);
  return {
      {"hangs", [](const std::string&) { return std::nullopt; }, Result::kNoAnswer},
      {"closes early", always(""), Result::kNoAnswer},
      {"closes in the head", always("HTTP/1.1 200 OK\r\nContent-"), Result::kNoAnswer},
      {"closes in the body", always(HttpAnswer(good).substr(0, 300)), Result::kNoAnswer},
      {"answers garbage", always("\x30\x03 what?\r\n\r\n"), Result::kNoAnswer},
      {"answers with an error", always(HttpAnswer(good, "500 Sorry")), Result::kNoAnswer},
      {"redirects",
       always("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
       Result::kNoAnswer},
      {"says that it answers too much", always("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + good),
       Result::kNoAnswer},
      {"answers too much without saying so",
       always("HTTP/1.1 200 OK\r\n\r\n" + good + std::string(kOcspResponseBytesMax, 'x')), Result::kNoAnswer},
      {"has a head without end", always("HTTP/1.1 200 OK\r\nX: " + std::string(20000, 'x')),
       Result::kNoAnswer},
      {"answers nothing in good form", always(HttpAnswer("")), Result::kUnusable},
      {"answers no DER", always(HttpAnswer("no response at all")), Result::kUnusable},
      {"puts bytes behind the response", always(HttpAnswer(good + "x")), Result::kUnusable},
      {"answers about another", always(HttpAnswer(s.Response("dave"))), Result::kUnusable},
      {"answers what is stale", always(HttpAnswer(good)), Result::kUnusable, false, absl::Hours(48)},
      {"answers from the future", always(HttpAnswer(good)), Result::kUnusable, false, -absl::Hours(1)},
      {"says no nextUpdate", always(HttpAnswer(s.Response("alice", "root", {}))), Result::kUnusable},
      {"is a stranger", always(HttpAnswer(s.Response("alice", "stranger"))), Result::kUnusable},
      {"was not appointed", always(HttpAnswer(s.Response("alice", "no_delegate"))), Result::kUnusable},
      {"hides its certificate",
       always(HttpAnswer(s.Response("alice", "delegate", {"-ndays", "1", "-resp_no_certs"}))),
       Result::kUnusable},
      {"signs badly", always(HttpAnswer(s.Response("alice", "root", {"-ndays", "1", "-badsig"}))),
       Result::kUnusable},
      {"drops the nonce", always(HttpAnswer(good)), Result::kUnusable, true},
      {"brings another's nonce", always(HttpAnswer(s.Response("alice", "root", {"-ndays", "1"}, true))),
       Result::kUnusable, true},
  };
}

TEST_CASE("who hangs, lies or cheats is no answer, and costs only what the policy says", "[certificate]") {
  const OcspScene& s = OcspScene::The();
  for (const Liar& liar : Liars()) {
    INFO(liar.what);
    const ScriptedResponder responder(liar.script);
    Desk desk(liar.script("") ? kLong : kShort, liar.nonce, liar.clock_ahead);
    desk.Ask({s.Question("alice", responder.url())});
    if (liar.script("")) CHECK(responder.requests() == 1);
    CHECK(desk.count(liar.result) == 1);
    const int64_t now_s = NowS() + absl::ToInt64Seconds(liar.clock_ahead);
    const OcspMemory::Known known = desk.memory->Find(s.KeyOf("alice"), now_s);
    CHECK(known.status == OcspStatus::kUnknown);
    CHECK_FALSE(known.why.empty());
    CHECK_FALSE(known.ask);  // not at every login

    for (const RevocationUnknown policy :
         {RevocationUnknown::kRefuse, RevocationUnknown::kChallenge, RevocationUnknown::kAccept}) {
      CertificateVerifierOptions options;
      options.anchor_files = {s.pki.pem_file("root")};
      options.path.revocation_unknown = policy;
      options.ocsp = OcspSources{desk.memory, {{"CN=Root", responder.url()}}};
      const auto verifier = CertificateVerifier::Create(options);
      REQUIRE(verifier.ok());
      CertificateEvidence evidence;
      evidence.from = CertificateEvidence::From::kTls;
      evidence.leaf_der = s.Der("alice");
      const CertificateVerdict verdict = (*verifier)->Verify(evidence, "alice", absl::FromUnixSeconds(now_s));
      CHECK(verdict.revocation_unknown == policy);
      CHECK((verdict.status == CertificateStatus::kValid) == (policy == RevocationUnknown::kAccept));
      CHECK((verdict.status == CertificateStatus::kUnconfirmed) == (policy == RevocationUnknown::kChallenge));
      CHECK(verdict.ask.empty());
      CHECK_THAT(verdict.explanation, Catch::Contains(known.why));
    }
  }
}

TEST_CASE("a responder without nonces is good enough where none is asked for", "[certificate]") {
  const ScriptedResponder responder(HttpAnswer(OcspScene::The().Response("alice")));
  Desk desk;
  CHECK(desk.Ask("alice", responder.url()).status == OcspStatus::kGood);
}

TEST_CASE("a body may end with the connection, or come in chunks", "[certificate]") {
  const std::string good = OcspScene::The().Response("alice");
  char size[16];
  std::snprintf(size, sizeof size, "%zx", good.size());
  for (const std::string& answer : {"HTTP/1.0 200 OK\r\n\r\n" + good,
                                    std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") +
                                        size + "\r\n" + good + "\r\n0\r\n\r\n"}) {
    const ScriptedResponder responder(answer);
    Desk desk;
    CHECK(desk.Ask("alice", responder.url()).status == OcspStatus::kGood);
  }
}

TEST_CASE("a responder that is not there is no answer, and after three is left in peace", "[certificate]") {
  Desk desk;
  const std::string url = "http://127.0.0.1:" + std::to_string(FreePort()) + "/";
  for (const OcspQuestion& question : Many(kSilencesToRest, url, 1)) desk.Ask({question});
  CHECK(desk.count(Result::kNoAnswer) == kSilencesToRest);
  CHECK(desk.count(Result::kNotAsked) == 0);
  CHECK(desk.Ask("alice", url).why == "its responder has not been answering");
  CHECK(desk.count(Result::kNoAnswer) == kSilencesToRest);
  CHECK(desk.count(Result::kNotAsked) == 1);
  // Others are asked.
  const ScriptedResponder other(HttpAnswer(OcspScene::The().Response("bob")));
  CHECK(desk.Ask("bob", other.url()).status == OcspStatus::kRevoked);
}

TEST_CASE("an answer ends the row of silences", "[certificate]") {
  const std::string good = HttpAnswer(OcspScene::The().Response("alice"));
  std::atomic<int> turn{0};
  const ScriptedResponder responder(
      [&](const std::string&) { return std::optional(++turn % 3 == 0 ? good : ""); });
  Desk desk;
  for (const OcspQuestion& question : Many(9, responder.url(), 1)) desk.Ask({question});
  CHECK(responder.requests() == 9);
  CHECK(desk.count(Result::kNotAsked) == 0);
}

TEST_CASE("a name that nobody has is no answer", "[certificate]") {
  Desk desk;
  CHECK(desk.Ask("alice", "http://responder.invalid/").status == OcspStatus::kUnknown);
  CHECK(desk.count(Result::kNoAnswer) == 1);
}

TEST_CASE("names are looked up", "[certificate]") {
  const ScriptedResponder responder(HttpAnswer(OcspScene::The().Response("alice")));
  std::string url = responder.url();
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  Desk desk;
  CHECK(desk.Ask("alice", url).status == OcspStatus::kGood);
}

TEST_CASE("whoever asks the same shares one request", "[certificate]") {
  const std::string good = HttpAnswer(OcspScene::The().Response("alice"));
  std::promise<void> arrived, go;
  std::shared_future<void> may_go = go.get_future().share();
  const ScriptedResponder responder([&](const std::string&) {
    arrived.set_value();
    may_go.wait();
    return std::optional(good);
  });
  Desk desk;
  const OcspQuestion question = OcspScene::The().Question("alice", responder.url());
  std::promise<void> first, second, third;
  desk.client->Ask({question}, [&] { first.set_value(); });
  arrived.get_future().wait();
  desk.client->Ask({question, question}, [&] { second.set_value(); });
  // Has no open question, and so does not wait for the other two.
  desk.client->Ask({}, [&] { third.set_value(); });
  third.get_future().wait();
  go.set_value();
  first.get_future().wait();
  second.get_future().wait();
  CHECK(responder.requests() == 1);
  CHECK(desk.count(Result::kGood) == 1);
}

TEST_CASE("one that hangs takes no other's place", "[certificate]") {
  const ScriptedResponder hangs([](const std::string&) { return std::nullopt; });
  const ScriptedResponder answers(HttpAnswer(OcspScene::The().Response("alice")));
  Desk desk;
  std::promise<void> stopped;
  // More than there are places in all; it would be a minute until the first is given up.
  desk.client->Ask(Many(kOcspRequestsMax * 3, hangs.url(), 1), [&] { stopped.set_value(); });
  CHECK(desk.Ask("alice", answers.url()).status == OcspStatus::kGood);
  desk.client.reset();
  stopped.get_future().wait();
}

TEST_CASE("more than may wait are not asked", "[certificate]") {
  const ScriptedResponder hangs([](const std::string&) { return std::nullopt; });
  Desk desk;
  std::promise<void> stopped, refused;
  desk.client->Ask(Many(kOcspWaitingMax, hangs.url(), 1), [&] { stopped.set_value(); });
  // 16 have a place by now, and their room is taken again.
  desk.client->Ask(Many(kOcspRequestsPerResponderMax, hangs.url(), 2), [] {});
  desk.client->Ask(Many(5, hangs.url(), 3), [&] { refused.set_value(); });
  refused.get_future().wait();
  CHECK(desk.count(Result::kNotAsked) == 5);
  desk.client.reset();
  stopped.get_future().wait();
}

TEST_CASE("whoever waits is told when the client ends, and blames nobody", "[certificate]") {
  std::promise<void> arrived;
  const ScriptedResponder responder([&](const std::string&) -> std::optional<std::string> {
    arrived.set_value();
    return std::nullopt;
  });
  Desk desk;
  std::promise<void> done;
  desk.client->Ask({OcspScene::The().Question("alice", responder.url())}, [&] { done.set_value(); });
  arrived.get_future().wait();
  desk.client.reset();
  done.get_future().wait();
  CHECK(desk.count(Result::kNoAnswer) == 0);
  CHECK(desk.memory->Find(OcspScene::The().KeyOf("alice"), NowS()).ask);
}

TEST_CASE("the client may end in what it calls", "[certificate]") {
  const ScriptedResponder responder(HttpAnswer(OcspScene::The().Response("alice")));
  Desk desk;
  std::promise<void> done;
  desk.client->Ask({OcspScene::The().Question("alice", responder.url())}, [&] {
    desk.client.reset();
    done.set_value();
  });
  done.get_future().wait();
  CHECK(desk.memory->Find(OcspScene::The().KeyOf("alice"), NowS()).status == OcspStatus::kGood);
}

TEST_CASE("many threads ask, and each is told once", "[certificate]") {
  const OcspScene& s = OcspScene::The();
  const ScriptedResponder alice(HttpAnswer(s.Response("alice"))), bob(HttpAnswer(s.Response("bob")));
  const ScriptedResponder liar("nonsense");
  Desk desk;
  const std::vector<OcspQuestion> questions = {s.Question("alice", alice.url()), s.Question("bob", bob.url()),
                                               s.Question("carol", liar.url())};
  constexpr int kThreads = 4, kRounds = 50;
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        std::promise<void> done;
        std::vector<OcspQuestion> mine = {questions[static_cast<size_t>((i + round) % 3)], questions[0]};
        desk.client->Ask(mine, [&] {
          ++told;
          done.set_value();
        });
        done.get_future().wait();
        static_cast<void>(desk.memory->Find(questions[1].key, NowS()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(told == kThreads * kRounds);
  CHECK(desk.memory->Find(questions[0].key, NowS()).status == OcspStatus::kGood);
  CHECK(desk.memory->Find(questions[1].key, NowS()).status == OcspStatus::kRevoked);
  CHECK(desk.memory->Find(questions[2].key, NowS()).status == OcspStatus::kUnknown);
  CHECK(alice.requests() == 1);
  CHECK(bob.requests() == 1);
}

}  // namespace
}  // namespace stockade
