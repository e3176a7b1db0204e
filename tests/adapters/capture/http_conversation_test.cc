// Requests and answers of one connection: what is paired, what is lost, where following ends. Each shape is given whole
// and cut at every byte; nothing is ever paired that a loss or a shape that two readers read in two ways might have moved.
#include "adapters/capture/http_conversation.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/adapters/capture/heard_conversation.h"

namespace stockade {
namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGetB = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPost = "POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nu=a&p=b";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kNo = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

struct Shape {
  std::string_view name;
  std::string client;
  std::string server;
  std::string heard;  // "POST /login u=a&p=b > 200 ok; …"
};

std::string Text(const Heard& heard) {
  std::string text;
  for (const Heard::Exchange& exchange : heard.exchanges) {
    text += text.empty() ? "" : "; ";
    text += exchange.request + (exchange.body.empty() ? "" : " " + exchange.body) + " > " +
            std::to_string(exchange.status) +
            (exchange.answer_body.empty() ? "" : " " + exchange.answer_body);
  }
  return text;
}

// Of whole messages in whole conversations.
const Shape kShapes[] = {
    {"one request", std::string(kGet), std::string(kOk), "GET /a > 200 ok"},
    {"a form", std::string(kPost), std::string(kNo), "POST /login u=a&p=b > 401"},
    {"kept alive", std::string(kGet) + std::string(kPost), std::string(kOk) + std::string(kNo),
     "GET /a > 200 ok; POST /login u=a&p=b > 401"},
    {"an empty line before the second", std::string(kPost) + "\r\n" + std::string(kGet),
     std::string(kNo) + std::string(kOk), "POST /login u=a&p=b > 401; GET /a > 200 ok"},
    {"HEAD has no body, whatever its length says", "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet),
     "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + std::string(kNo), "HEAD /h > 200; GET /a > 401"},
    {"204 and 304", std::string(kGet) + std::string(kGetB) + std::string(kPost),
     "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 50\r\n\r\n" + std::string(kOk),
     "GET /a > 204; GET /b > 304; POST /login u=a&p=b > 200 ok"},
    {"interim answers",
     "POST /login HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" +
         std::string(kGet),
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + std::string(kNo) +
         std::string(kOk),
     "POST /login abc > 401; GET /a > 200 ok"},
    {"chunks both ways, with extensions and trailers",
     "POST /login HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3;x=\"1\"\r\nu=a\r\n4\r\n&p=b\r\n0\r\n\r\n" +
         std::string(kGet),
     "HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nX-T: 1\r\n\r\n" +
         std::string(kOk),
     "POST /login u=a&p=b > 302 he; GET /a > 200 ok"},
    {"a body until the end", std::string(kGet), "HTTP/1.0 200 OK\r\n\r\nall of it", "GET /a > 200 all of it"},
    {"an upgrade that is refused goes on",
     "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + std::string(kGet),
     std::string(kNo) + std::string(kOk), "GET /ws > 401; GET /a > 200 ok"},
    {"an upgrade that is granted ends it",
     "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05GET /",
     "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 no\r\n\r\n",
     "GET /ws > 101"},
    {"CONNECT ends it, what was asked before is answered",
     std::string(kGet) + "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n" + std::string(kGetB),
     std::string(kOk) + std::string(kNo), "GET /a > 200 ok"},
    {"whoever goes on behind a close is answered in order", std::string(kGet) + std::string(kGetB),
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx" + std::string(kNo),
     "GET /a > 200 x; GET /b > 401"},
    {"so is who said close himself",
     "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + std::string(kGet),
     std::string(kOk) + std::string(kNo), "GET /c > 200 ok; GET /a > 401"},
    // Shapes that two readers take for two things: nothing behind them is paired.
    {"two lengths",
     std::string(kGet) +
         "POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" +
         std::string(kGetB),
     std::string(kOk) + std::string(kNo), "GET /a > 200 ok"},
    {"a length and a coding",
     "POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" +
         std::string(kGet),
     std::string(kOk), ""},
    {"a coding that is nearly chunked",
     "POST /l HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + std::string(kGet),
     std::string(kOk), ""},
    {"a folded line", "GET /a HTTP/1.1\r\nHost: h\r\nX: 1\r\n Content-Length: 9\r\n\r\n" + std::string(kGetB),
     std::string(kOk), ""},
    {"a bare LF", "GET /a HTTP/1.1\nHost: h\n\n" + std::string(kGetB), std::string(kOk), ""},
    {"white space before a colon",
     "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length : 9\r\n\r\n" + std::string(kGetB), std::string(kOk), ""},
    {"a chunk extension that hides a line",
     "POST /l HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\n" +
         std::string(kGet),
     std::string(kOk), "POST /l > 200 ok"},
    {"an answer with two lengths", std::string(kGet) + std::string(kGetB),
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" + std::string(kNo),
     "GET /a > 0; GET /b > 0"},
    {"an answer that nobody asked for", std::string(kGet), std::string(kOk) + std::string(kNo),
     "GET /a > 200 ok"},
};

void CheckEnds(const Heard& heard) {
  CHECK_FALSE(heard.out_of_order);
  for (const Heard::Exchange& exchange : heard.exchanges) {
    CHECK(exchange.ends == 1);
    CHECK(exchange.answer_ends == 1);
  }
}

TEST_CASE("each shape gives its exchanges, whole and cut at every byte", "[capture]") {
  for (const Shape& shape : kShapes) {
    INFO(shape.name);
    for (size_t cut = 0; cut <= shape.client.size() + shape.server.size(); ++cut) {
      Scene scene;
      const size_t at = std::min(cut, shape.client.size());
      const size_t behind = cut - at;
      scene.Client(shape.client.substr(0, at)).Client(shape.client.substr(at));
      scene.Server(shape.server.substr(0, behind)).Server(shape.server.substr(behind));
      scene.conversation.Close(Talker::kServer);
      scene.conversation.Stop(true);
      INFO("cut at " << cut);
      CHECK(Text(scene.heard) == shape.heard);
      CheckEnds(scene.heard);
      CHECK(scene.memory.taken() == 0);
    }
    Scene bytewise;
    for (const char c : shape.client) bytewise.Client({&c, 1});
    for (const char c : shape.server) bytewise.Server({&c, 1});
    bytewise.conversation.Close(Talker::kServer);
    bytewise.conversation.Stop(true);
    INFO("byte by byte");
    CHECK(Text(bytewise.heard) == shape.heard);
    CheckEnds(bytewise.heard);
  }
}

TEST_CASE("what ends the following is counted by its reason", "[capture]") {
  const auto end_of = [](std::string_view client, std::string_view server = {}) {
    Scene scene;
    scene.Client(client).Server(server);
    return scene.conversation.end();
  };
  CHECK(end_of(kGet, kOk) == FollowEnd::kFollowed);
  CHECK(end_of("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n") == FollowEnd::kTunnel);
  CHECK(end_of("EHLO mail\r\n") == FollowEnd::kBadRequest);
  CHECK(end_of(std::string_view("\x00\x01\x02", 3)) == FollowEnd::kBadRequest);
  CHECK(end_of(kGet, "ICY 200 OK\r\n") == FollowEnd::kBadAnswer);
  Scene scene;
  scene.Client("GET /a HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n");
  CHECK(scene.shared.counts.head_errors[static_cast<size_t>(HeadError::kSpaceBeforeColon)] == 1);
  CHECK(scene.shared.counts.ended[static_cast<size_t>(FollowEnd::kBadRequest)] == 1);
  CHECK_FALSE(scene.conversation.following());
}

TEST_CASE("a server's farewell is no answer to what comes next", "[capture]") {
  Scene scene;
  scene.Client(kGet, 0).Server(kOk, 1'000'000);
  scene.Server("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
               60'000'000'000);
  scene.Client(kPost, 61'000'000'000);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; POST /login u=a&p=b > 0");
  CHECK(scene.conversation.end() == FollowEnd::kUnsolicited);
}

TEST_CASE("an answer that overtakes its request on a mirrored port is its answer", "[capture]") {
  Scene scene;
  scene.Server(kOk, 5'000'000).Client(kGet, 4'000'000).Server(kNo, 9'000'000).Client(kPost, 8'000'000);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; POST /login u=a&p=b > 401");
}

TEST_CASE("a request is as late as its end", "[capture]") {
  Scene scene;
  scene.Client(kPost.substr(0, 30), 5).Client(kPost.substr(30, 25), 6).Client(kPost.substr(55), 7);
  CHECK(scene.heard.exchanges.at(0).time_ns == 5);
  CHECK(scene.heard.exchanges.at(0).end_ns == 7);
}

TEST_CASE("a final answer before an expected body leaves open whether the body comes", "[capture]") {
  Scene scene;
  scene.Client("POST /login HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 29\r\n\r\n")
      .Server(kNo);
  scene.Client(kGet).Server(kOk);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "POST /login > 401");
  CHECK(scene.heard.exchanges[0].request_end == MessageEnd::kBroken);
  CHECK(scene.conversation.end() == FollowEnd::kUnclearBody);
}

TEST_CASE("a loss inside a body of known length shifts nothing", "[capture]") {
  Scene scene;
  scene.Client("POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nu=a");
  scene.conversation.Gap(Talker::kClient, 12);
  scene.Client("12345").Client(kGet);
  scene.Server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  scene.conversation.Gap(Talker::kServer, 100);
  scene.Server(kNo);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "POST /login u=a12345 > 200; GET /a > 401");
  CHECK(scene.heard.exchanges[0].request_end == MessageEnd::kDamaged);
  CHECK(scene.heard.exchanges[0].answer_end == MessageEnd::kDamaged);
  CHECK(scene.heard.exchanges[1].answer_end == MessageEnd::kWhole);
  CHECK(scene.shared.counts.lost_places == 0);
}

TEST_CASE("a lost request's answer is not taken for another's", "[capture]") {
  Scene scene;
  scene.Client(kGet).Server(kOk);
  scene.conversation.Gap(Talker::kClient, kGet.size());  // GET /lost
  scene.Server(kNo);                                     // answers it
  scene.Client(kPost).Server(kOk);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; POST /login u=a&p=b > 0");
  CHECK(scene.heard.exchanges[1].answer_end == MessageEnd::kUnseen);
  CHECK(scene.shared.counts.lost_places == 1);
}

TEST_CASE("behind a loss that hid several requests nobody gets the answer of another", "[capture]") {
  Scene scene;
  scene.Client(kGet).Server(kOk);
  scene.conversation.Gap(Talker::kClient, kGet.size() + kGetB.size());  // two, pipelined
  scene.Server(kNo).Client(kPost);
  scene.Server(kOk);                // of the second that was lost
  scene.Client(kGetB).Server(kNo);  // of the POST
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; POST /login u=a&p=b > 0; GET /b > 0");
  CHECK(scene.heard.exchanges[1].answer_end == MessageEnd::kUnseen);
  CHECK(scene.heard.exchanges[2].answer_end == MessageEnd::kUnseen);

  Scene before;  // what was asked before the loss has its own answer
  before.Client(kPost);
  before.conversation.Gap(Talker::kClient, kGet.size());
  before.Server(kNo);
  CHECK(Text(before.heard) == "POST /login u=a&p=b > 401");
}

TEST_CASE("after a loss a request counts only once the server has spoken", "[capture]") {
  Scene scene;
  scene.Client(kGet).Server(kOk);
  scene.conversation.Gap(Talker::kClient, kGet.size());
  scene.Client(kPost);            // perhaps behind the lost one, unanswered
  scene.Server(kNo).Server(kOk);  // so these are anybody's
  scene.Client(kGetB).Server(kNo);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; GET /b > 0");
}

TEST_CASE("a lost answer leaves its request without one, and the next exchange is whole", "[capture]") {
  Scene scene;
  scene.Client(kPost);
  scene.conversation.Gap(Talker::kServer, kOk.size());
  scene.Client(kGetB).Server(kNo);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "POST /login u=a&p=b > 0; GET /b > 401");
  CHECK(scene.heard.exchanges[0].answer_end == MessageEnd::kUnseen);
}

TEST_CASE("a loss inside a chunked answer is not bridged by what looks like a head", "[capture]") {
  Scene scene;
  scene.Client(kGet).Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80\r\nabc");
  scene.conversation.Gap(Talker::kServer, 1000);
  scene.Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx");  // of the page
  scene.Client(kPost).Server(kNo);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 abc; POST /login u=a&p=b > 401");
  CHECK(scene.heard.exchanges[0].answer_end == MessageEnd::kDamaged);
}

TEST_CASE("with several requests under way a loss ends it", "[capture]") {
  Scene scene;
  scene.Client(kGet).Client(kPost);
  scene.Server(kOk);
  scene.conversation.Gap(Talker::kServer, 10);
  scene.Server(kNo).Client(kGetB).Server(kOk);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "GET /a > 200 ok; POST /login u=a&p=b > 0");
  CHECK(scene.conversation.end() == FollowEnd::kGapInPipeline);
}

TEST_CASE("in mid-stream requests begin with the next certain one, and no answer is theirs for certain",
          "[capture]") {
  Scene scene(/*from_begin=*/false);
  scene.Client("rest=of&a=body")
      .Server("rest of a page")
      .Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  scene.Client("e: x\r\n\r\nGET /inside HTTP/1.1\r\nHost: h\r\n\r\n");
  scene.Client(kPost).Server(kNo).Client(kGet).Server(kOk);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "POST /login u=a&p=b > 0; GET /a > 0");
  CHECK(scene.heard.exchanges.at(0).answer_end == MessageEnd::kUnseen);
  CHECK(scene.shared.counts.skipped_bytes > 0);
}

TEST_CASE("what looks like a head in mid-stream and is none is passed over", "[capture]") {
  Scene scene(/*from_begin=*/false);
  scene.Client("GET /notes in a body\r\nand more\r\n").Client(kPost);
  scene.Server("HTTP/1.9x\r\n").Server(kNo);  // whatever that was, it may have been the answer
  scene.Client(kGet).Server(kOk);
  scene.conversation.Stop(true);
  CHECK(Text(scene.heard) == "POST /login u=a&p=b > 0; GET /a > 0");
  CHECK(scene.heard.exchanges[0].answer_end == MessageEnd::kUnseen);
}

TEST_CASE("a connection that ends early leaves its requests unanswered", "[capture]") {
  Scene scene;
  scene.Client(kGet).Client("POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nu=");
  scene.conversation.Stop(true);
  CHECK(scene.heard.exchanges.at(0).answer_end == MessageEnd::kNever);
  CHECK(scene.heard.exchanges.at(1).request_end == MessageEnd::kBroken);
  CHECK(scene.heard.exchanges.at(1).answer_end == MessageEnd::kNever);

  Scene unwatched;
  unwatched.Client(kGet);
  unwatched.conversation.Stop(false);
  CHECK(unwatched.heard.exchanges.at(0).answer_end == MessageEnd::kUnseen);
}

TEST_CASE("who waits for the server hears it, whatever has ended", "[capture]") {
  Scene scene;
  scene.heard.waits_for_server = true;
  scene.Client(kGet).Client(kPost);
  scene.conversation.Gap(Talker::kServer, 10);
  REQUIRE(scene.conversation.end() == FollowEnd::kGapInPipeline);
  CHECK(scene.conversation.following());
  CHECK(scene.heard.server_heard == 0);  // what was lost may have been nothing
  scene.Server(kOk);
  CHECK(scene.heard.server_heard == 1);
  scene.conversation.Close(Talker::kServer);
  CHECK(scene.heard.server_heard == 2);
  scene.heard.waits_for_server = false;
  CHECK_FALSE(scene.conversation.following());
  scene.heard.waits_for_server = true;
  scene.conversation.Stop(true);
  CHECK_FALSE(scene.conversation.following());
}

TEST_CASE("a request behind the last that nobody answers was read by nobody", "[capture]") {
  Scene scene;
  scene.Client(kGet)
      .Server("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
      .Client(kPost);
  scene.conversation.Stop(true);
  REQUIRE(scene.heard.exchanges.size() == 2);
  CHECK(scene.heard.exchanges[1].answer_end == MessageEnd::kAfterLast);
}

TEST_CASE("memory is what the share gives", "[capture]") {
  Scene scene(true, size_t{16} << 10);
  const std::string line = "X-Pad: " + std::string(1000, 'x') + "\r\n";
  scene.Client("GET /a HTTP/1.1\r\nHost: h\r\n");
  for (int i = 0; i < 20; ++i) scene.Client(line);
  CHECK(scene.conversation.end() == FollowEnd::kNoRoom);
  CHECK(scene.memory.taken() == 0);

  Scene many;
  for (size_t i = 0; i <= HttpConversation::kWaitingMax; ++i) many.Client(kGet);
  CHECK(many.conversation.end() == FollowEnd::kTooManyWaiting);
  many.Server(kOk);
  CHECK(many.heard.exchanges.at(0).status == 200);

  Scene silent;
  for (int i = 0; i < 70; ++i) silent.Server(std::string(1000, 's'));
  CHECK(silent.conversation.end() == FollowEnd::kUnsolicited);
}

}  // namespace
}  // namespace stockade
