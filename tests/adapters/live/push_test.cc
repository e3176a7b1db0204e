// Events pushed by curl: with and without the key, packed, broken, too many, and when nobody takes them.
#include "adapters/live/push_source.h"

#include "tests/adapters/live/live_scene.h"
#include "tests/adapters/programs.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

class PushScene {
 public:
  explicit PushScene(size_t body_bytes = size_t{1} << 20) {
    RequireProgram("curl");
    PushOptions options;
    options.at.host = "127.0.0.1";
    options.key = "0123456789abcdef";
    options.body_bytes = body_bytes;
    auto made = PushSource::Open(options);
    INFO(made.status());
    REQUIRE(made.ok());
    source = *std::move(made);
  }
  // The status and the body.
  std::string Post(const std::string& body, const std::string& with = "",
                   const std::string& key = "0123456789abcdef") {
    { std::ofstream(folder / "body", std::ios::trunc) << body; }
    return PostFile(folder / "body", with, key);
  }
  std::string PostFile(const std::string& file, const std::string& with = "",
                       const std::string& key = "0123456789abcdef") {
    const std::string command = "curl -s -o " + (folder / "answer") + " -D " + (folder / "head") +
                                " -w '%{http_code} ' --data-binary @" + file + " -H 'Authorization: Bearer " +
                                key + "' " + with + " http://127.0.0.1:" + std::to_string(source->port()) +
                                "/v1/events > " + (folder / "status");
    REQUIRE(std::system(command.c_str()) == 0);
    std::string answer;
    for (const char* part : {"status", "answer"}) {
      answer += ReadText(folder / part);
    }
    return answer;
  }

  LiveFolder folder;
  LiveTaker taker;
  std::unique_ptr<PushSource> source;
};

TEST_CASE("events are taken and counted, and broken lines named", "[push][real]") {
  PushScene scene;
  REQUIRE(scene.source->Start(&scene.taker.queue()).ok());
  CHECK(scene.Post(LoginLine("0") + "nonsense\n" + LoginLine("1"))
            .starts_with("200 {\"accepted\":2,\"rejected\":1,\"errors\":[{\"line\":2,\"error\":\"not_json"));
  std::string last = LoginLine("2");
  last.pop_back();
  CHECK(scene.Post(last) == "200 {\"accepted\":1,\"rejected\":0,\"errors\":[]}\n");
  CHECK(scene.taker.Until(4) == std::vector<std::string>{"0", "!", "1", "2"});
  CHECK(scene.source->counters().received == 4);
  CHECK(scene.source->counters().unreadable == 1);
}

TEST_CASE("without the key nothing is taken", "[push][real]") {
  PushScene scene;
  REQUIRE(scene.source->Start(&scene.taker.queue()).ok());
  CHECK(scene.Post(LoginLine("0"), "", "0123456789abcdeg").starts_with("401 "));
  CHECK(scene.Post(LoginLine("0"), "", "").starts_with("401 "));
  CHECK(scene.Post(LoginLine("0"), "-X PUT").starts_with("405 "));
  CHECK(scene.taker.queue().records() == 0);
  CHECK(scene.source->counters().refused == 2);
}

TEST_CASE("a packed body is unpacked, and is no way to more than a plain one may hold", "[push][real]") {
  RequireProgram("gzip");
  PushScene scene(64 << 10);
  REQUIRE(scene.source->Start(&scene.taker.queue()).ok());
  const auto post_packed = [&](const std::string& body) {
    { std::ofstream(scene.folder / "plain", std::ios::trunc) << body; }
    REQUIRE(std::system(
                ("gzip -c " + (scene.folder / "plain") + " > " + (scene.folder / "packed")).c_str()) == 0);
    return scene.PostFile(scene.folder / "packed", "-H 'Content-Encoding: gzip'");
  };
  CHECK(post_packed(LoginLines(0, 50)).starts_with("200 {\"accepted\":50,"));
  CHECK(post_packed(std::string(10 << 20, ' ')).starts_with("413 "));
  CHECK(scene.Post("no gzip", "-H 'Content-Encoding: gzip'").starts_with("400 "));
  CHECK(scene.Post("x", "-H 'Content-Encoding: br'").starts_with("415 "));
  CHECK(scene.taker.Until(50) == Numbers(0, 50));
}

TEST_CASE("the largest body that may be asked for is taken, where the queue is empty", "[push][real]") {
  PushScene scene(size_t{4} << 20);
  REQUIRE(scene.source->Start(&scene.taker.queue()).ok());
  std::string body;
  const std::string line = LoginLine(std::string(200, 'p'));
  while (body.size() + line.size() <= kPushBodyBytesMax) body += line;
  body.append(kPushBodyBytesMax - body.size(), '\n');
  CHECK(scene.Post(body).starts_with("200 "));
  body.push_back('\n');
  CHECK(scene.Post(body).starts_with("413 "));
}

TEST_CASE("what the queue has no room for is sent back whole", "[push][real]") {
  PushScene scene;
  CHECK(scene.Post(LoginLine("0")).starts_with("503 "));  // not started yet
  LiveQueue queue;
  REQUIRE(scene.source->Start(&queue).ok());
  const std::string body = LoginLines(0, 5000);
  int taken = 0;
  std::string answer;
  while (taken < 100 && (answer = scene.Post(body)).starts_with("200 {\"accepted\":5000,")) ++taken;
  CHECK(answer.starts_with("503 "));
  CHECK(ReadText(scene.folder / "head").find("Retry-After: 1") != std::string::npos);
  CHECK(queue.records() == static_cast<size_t>(taken) * 5000);
  LiveBatch batch;
  while (queue.Pop(&batch)) queue.GiveBack(std::move(batch));
  CHECK(scene.Post(body).starts_with("200 "));
  scene.source->Stop();  // before the queue goes
}

}  // namespace
}  // namespace stockade
