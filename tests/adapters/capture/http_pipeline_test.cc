// Pipelines of random messages, cut anywhere and mixed in any order that a capture may have, give the list that made them.
// The oracle is that list: it wrote the bytes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/adapters/capture/heard_conversation.h"

namespace stockade {
namespace {

struct Made {
  std::string method, target, body;
  int status = 200;
  std::string answer_body;
  std::string request, answer;  // as sent
};

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  Made Exchange(int index) {
    Made made;
    constexpr const char* kMethods[] = {"GET", "POST", "HEAD", "PUT"};
    made.method = kMethods[Below(4)];
    made.target = "/" + std::to_string(index);
    if (made.method == "POST" || made.method == "PUT") made.body = Text();
    made.request = made.method + " " + made.target + " HTTP/1.1\r\nHost: h\r\n";
    if (Below(3) == 0) made.request += "X-Smuggle: GET /x HTTP/1.1\r\n";
    made.request += Framed(made.body, made.body.empty());
    constexpr int kStatuses[] = {200, 302, 401, 204, 304, 500};
    made.status = kStatuses[Below(6)];
    const bool is_bare = made.status == 204 || made.status == 304;
    if (!is_bare) made.answer_body = Text();
    for (int i = Below(3); i > 0; --i) made.answer += "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    made.answer += "HTTP/1.1 " + std::to_string(made.status) + " Why\r\n";
    std::string framed = is_bare ? "\r\n" : Framed(made.answer_body, false);
    if (made.method == "HEAD") {
      framed.resize(framed.find("\r\n\r\n") == std::string::npos ? 2 : framed.find("\r\n\r\n") + 4);
      made.answer_body.clear();
    }
    made.answer += framed;
    return made;
  }

 private:
  // Bodies that look like messages.
  std::string Text() {
    constexpr const char* kPieces[] = {"user=alice&password=x",
                                       "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\n\r\n",
                                       "0\r\n\r\n",
                                       "\r\n",
                                       "z"};
    std::string text;
    for (int i = Below(5); i > 0; --i) text += kPieces[Below(6)];
    return text;
  }
  // The fields that frame a body, the empty line and the body.
  std::string Framed(const std::string& body, bool may_say_nothing) {
    if (may_say_nothing) return "\r\n";
    if (Below(2) == 0) return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    std::string out = "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t size = std::min<size_t>(body.size() - at, static_cast<size_t>(1 + Below(9)));
      char hex[8];
      std::snprintf(hex, sizeof hex, "%zx", size);
      out += std::string(hex) + (Below(4) == 0 ? ";e=1" : "") + "\r\n" + body.substr(at, size) + "\r\n";
      at += size;
    }
    return out + "0\r\n" + (Below(4) == 0 ? "X-Sum: 1\r\n" : "") + "\r\n";
  }

  std::mt19937 random_;
};

TEST_CASE("random pipelines, cut and mixed, give the list that made them", "[capture][property]") {
  for (uint32_t seed = 1; seed <= 3000; ++seed) {
    Maker maker(seed);
    std::vector<Made> made;
    std::string client, server;
    std::vector<size_t> client_ends;  // answer i may be sent from here on
    std::vector<size_t> server_begins;
    for (int i = 0, n = 1 + maker.Below(8); i < n; ++i) {
      made.push_back(maker.Exchange(i));
      server_begins.push_back(server.size());
      client += made.back().request;
      server += made.back().answer;
      client_ends.push_back(client.size());
    }
    Scene scene;
    size_t sent = 0, answered = 0;
    while (sent < client.size() || answered < server.size()) {
      // As much of the answers as the requests that were sent allow.
      size_t may_answer = server.size();
      for (size_t i = 0; i < made.size(); ++i) {
        if (client_ends[i] > sent) {
          may_answer = server_begins[i];
          break;
        }
      }
      const auto step = static_cast<size_t>(1 + maker.Below(maker.Below(4) == 0 ? 400 : 25));
      if (sent < client.size() && (answered >= may_answer || maker.Below(2) == 0)) {
        scene.Client(client.substr(sent, step));
        sent = std::min(sent + step, client.size());
      } else {
        const size_t size = std::min(step, may_answer - answered);
        scene.Server(server.substr(answered, size));
        answered += size;
      }
    }
    scene.conversation.Stop(true);
    INFO("seed " << seed);
    REQUIRE(scene.conversation.end() == FollowEnd::kFollowed);
    REQUIRE(scene.heard.exchanges.size() == made.size());
    REQUIRE_FALSE(scene.heard.out_of_order);
    for (size_t i = 0; i < made.size(); ++i) {
      const Heard::Exchange& heard = scene.heard.exchanges[i];
      REQUIRE(heard.request == made[i].method + " " + made[i].target);
      REQUIRE(heard.body == made[i].body);
      REQUIRE(heard.status == made[i].status);
      REQUIRE(heard.answer_body == made[i].answer_body);
      REQUIRE(heard.request_end == MessageEnd::kWhole);
      REQUIRE(heard.answer_end == MessageEnd::kWhole);
    }
    REQUIRE(scene.memory.taken() == 0);
  }
}

// A browser's conversation with losses anywhere: what is paired is paired rightly, whatever is missing.
TEST_CASE("losses anywhere never pair a request with another's answer", "[capture][property]") {
  for (uint32_t seed = 1; seed <= 5000; ++seed) {
    Maker maker(seed);
    Scene scene(maker.Below(2) == 0);
    int paired = 0, wrong = 0;
    for (int i = 0, n = 2 + maker.Below(8); i < n; ++i) {
      Made made = maker.Exchange(i);
      // Each answer names its request.
      const size_t line = made.answer.rfind(" Why\r\n");
      made.answer.insert(line + 6, "X-For: " + made.target + "\r\n");
      const auto give = [&](Talker talker, const std::string& bytes) {
        for (size_t at = 0; at < bytes.size();) {
          const size_t size = std::min<size_t>(bytes.size() - at, static_cast<size_t>(1 + maker.Below(60)));
          if (maker.Below(12) == 0) {
            scene.conversation.Gap(talker, size);
          } else {
            scene.conversation.Data(talker, std::string_view(bytes).substr(at, size), 0);
          }
          at += size;
        }
      };
      give(Talker::kClient, made.request);
      const size_t before = scene.heard.exchanges.size();
      give(Talker::kServer, made.answer);
      // Only the request of this turn may have got an answer in it.
      for (size_t k = 0; k < before; ++k) {
        Heard::Exchange& heard = scene.heard.exchanges[k];
        if (heard.status == 0 || heard.time_ns < 0) continue;
        heard.time_ns = -1;  // seen
        ++paired;
        const bool is_this = heard.request == made.method + " " + made.target && heard.status == made.status;
        wrong += is_this ? 0 : 1;
        if (!is_this)
          UNSCOPED_INFO(heard.request << " " << heard.status << " in the turn of " << made.method << " "
                                      << made.target << " " << made.status);
      }
    }
    scene.conversation.Stop(true);
    INFO("seed " << seed << ", " << paired << " paired");
    REQUIRE(wrong == 0);
    REQUIRE_FALSE(scene.heard.out_of_order);
    for (const Heard::Exchange& heard : scene.heard.exchanges) {
      REQUIRE(heard.ends == 1);
      REQUIRE(heard.answer_ends == 1);
    }
    REQUIRE(scene.memory.taken() == 0);
  }
}

}  // namespace
}  // namespace stockade
