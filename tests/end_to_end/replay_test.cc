// stockade replay over small logs of our own: what it writes, byte for byte, however the log comes; that no
// verdict knows its own outcome; and that nothing that cannot be read or written is passed over in silence.
#include <catch2/catch.hpp>

#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <random>

#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

// A stream in which some addresses fail often and some do not, in order of time.
std::vector<std::string> RandomLog(uint32_t seed, int size) {
  std::mt19937 random(seed);
  std::vector<std::string> lines;
  int second = 0;
  for (int i = 0; i < size; ++i) {
    second += static_cast<int>(random() % 20);
    const std::string source = "203.0.113." + std::to_string(random() % 8);
    const std::string account = "user" + std::to_string(random() % 20);
    lines.push_back(LoginLine(second, source, account, random() % 3 == 0 ? "success" : "bad_password"));
  }
  return lines;
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

template <typename Compressor>
std::string Compress(const std::string& text, Compressor compressor) {
  namespace io = boost::iostreams;
  std::stringstream plain(text);
  std::stringstream packed;
  io::filtering_ostream out;
  out.push(compressor);
  out.push(packed);
  io::copy(plain, out);
  return packed.str();
}

TEST_CASE("the fifth failure of an address stops it, and nobody else", "[replay]") {
  const Scene scene;
  std::string log;
  for (int i = 0; i < 5; ++i) log += LoginLine(i, "203.0.113.9", "user" + std::to_string(i), "bad_password");
  log += LoginLine(5, "203.0.113.9", "alice", "success");
  log += LoginLine(6, "203.0.113.10", "alice", "success");
  log += LoginLine(4 + 900, "203.0.113.9", "alice", "success");  // the order has expired
  const ProgramRun run = scene.Replay({scene.Write("log", log)});
  CHECK(run.exit_code == kExitFine);
  const std::vector<std::string> verdicts = Lines(scene.Read("verdicts"));
  REQUIRE(verdicts.size() == 8);
  for (const unsigned i : {0U, 1U, 2U, 3U, 4U, 6U, 7U}) {
    CHECK(verdicts[i] == "{\"line\":" + std::to_string(i + 1) + ",\"verdict\":\"allow\"}");
  }
  CHECK_THAT(verdicts[5], Catch::StartsWith(R"({"line":6,"verdict":"deny","by":"frequency","reason":")"));
  const std::vector<std::string> decisions = Lines(scene.Read("decisions"));
  REQUIRE(decisions.size() == 1);
  CHECK_THAT(decisions[0], Catch::StartsWith(R"({"time":"2026-11-23T09:00:04.000Z","id":")"));
  CHECK_THAT(decisions[0], Catch::Contains(R"("action":"block","scope":"ip","value":"203.0.113.9",)"
                                           R"("until":"2026-11-23T09:15:04.000Z","rule":"frequency")"));
  CHECK_THAT(scene.Read("alerts"), Catch::Contains(R"("rule":"frequency")"));
  CHECK_THAT(run.out, Catch::Contains("1 stopped attempt had the right password"));
}

TEST_CASE("the same log gives the same bytes, whole or in ten files, packed or plain", "[replay]") {
  const uint32_t seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  const Scene scene;
  const std::vector<std::string> lines = RandomLog(seed, 400);
  const std::string whole = Join(lines);
  const std::string log = scene.Write("log", whole);
  REQUIRE(scene.Replay({log}).exit_code == kExitFine);
  const std::string verdicts = scene.Read("verdicts");
  const std::string decisions = scene.Read("decisions");
  REQUIRE(Lines(verdicts).size() == lines.size());
  REQUIRE_FALSE(decisions.empty());
  const auto same = [&](const std::vector<std::string>& inputs) {
    REQUIRE(scene.Replay(inputs).exit_code == kExitFine);
    CHECK(scene.Read("verdicts") == verdicts);
    CHECK(scene.Read("decisions") == decisions);
  };
  same({log});
  same({scene.Write("log.gz", Compress(whole, boost::iostreams::gzip_compressor()))});
  same({scene.Write("log.zst", Compress(whole, boost::iostreams::zstd_compressor()))});
  std::vector<std::string> parts;
  for (size_t part = 0; part < 10; ++part) {
    const std::vector<std::string> some(lines.begin() + static_cast<std::ptrdiff_t>(part * 40),
                                        lines.begin() + static_cast<std::ptrdiff_t>(part * 40 + 40));
    parts.push_back(scene.Write("part" + std::to_string(part), Join(some)));
  }
  same(parts);
}

TEST_CASE("no verdict depends on the outcome of its own attempt", "[replay]") {
  const Scene scene;
  const std::vector<std::string> lines = RandomLog(7, 250);
  scene.Replay({scene.Write("log", Join(lines))});
  const std::vector<std::string> verdicts = Lines(scene.Read("verdicts"));
  for (size_t flipped = 0; flipped < lines.size(); ++flipped) {
    std::vector<std::string> other = lines;
    const std::string success = R"("reason":"success")";
    const std::string failure = R"("reason":"bad_password")";
    std::string& line = other[flipped];
    if (const size_t at = line.find(success); at != std::string::npos) {
      line.replace(at, success.size(), failure);
    } else {
      line.replace(line.find(failure), failure.size(), success);
    }
    scene.Replay({scene.Write("log", Join(other))});
    const std::vector<std::string> now = Lines(scene.Read("verdicts"));
    REQUIRE(now.size() == verdicts.size());
    for (size_t i = 0; i <= flipped; ++i) {
      if (now[i] != verdicts[i])
        FAIL("line " << i + 1 << " changed when line " << flipped + 1 << " was flipped");
    }
  }
}

TEST_CASE("without --observe a stopped attempt counts for nothing, with it for what it was", "[replay]") {
  const Scene scene;
  std::string log;
  for (int i = 0; i < 20; ++i) log += LoginLine(i, "203.0.113.9", "alice", "bad_password");
  scene.Write("log", log);
  const ProgramRun what_if = scene.Replay({"--json", scene.Path("log")});
  CHECK_THAT(what_if.out, Catch::Contains(R"("reached":5,"stopped":15)"));
  const ProgramRun observed = scene.Replay({"--json", "--observe", scene.Path("log")});
  CHECK_THAT(observed.out, Catch::Contains(R"("reached":20,"stopped":0)"));
  CHECK_THAT(observed.out, Catch::Contains(R"("observe":true)"));
}

TEST_CASE("a challenge that was passed lets the attempt count, one that was failed does not", "[replay]") {
  const Scene scene;
  std::string rules = scene.Read("rules.yml");
  const std::string block = "action: block";
  rules.replace(rules.find(block), block.size(), "action: challenge");
  scene.Write("rules.yml", rules);
  std::string log;
  for (int i = 0; i < 5; ++i) log += LoginLine(i, "203.0.113.9", "alice", "bad_password");
  const std::string passed = R"(,"login":{"challenge":"passed"})";
  const std::string failed = R"(,"login":{"challenge":"failed"})";
  log += LoginLine(5, "203.0.113.9", "alice", "success", passed);
  log += LoginLine(6, "203.0.113.9", "alice", "success", failed);
  log += LoginLine(7, "203.0.113.9", "alice", "success");
  const ProgramRun run = scene.Replay({"--json", scene.Write("log", log)});
  CHECK_THAT(run.out, Catch::Contains(R"("reached":6,"stopped":2)"));
  const std::vector<std::string> verdicts = Lines(scene.Read("verdicts"));
  REQUIRE(verdicts.size() == 8);
  for (size_t i = 5; i < 8; ++i) {
    CHECK_THAT(verdicts[i], Catch::Contains(R"("verdict":"challenge","kind":")"));
  }
}

TEST_CASE("a record that cannot be read costs one line and is named", "[replay]") {
  const Scene scene;
  const std::string log = LoginLine(0, "203.0.113.9", "alice", "success") + "{\"@timestamp\": nonsense\n" +
                          LoginLine(1, "203.0.113.9.1", "alice", "success") +
                          LoginLine(2, "203.0.113.9", "alice", "success");
  const ProgramRun run = scene.Replay({scene.Write("log", log)});
  CHECK(run.exit_code == kExitFine);
  CHECK(scene.Read("verdicts") ==
        "{\"line\":1,\"verdict\":\"allow\"}\n{\"line\":2,\"verdict\":\"unreadable\"}\n"
        "{\"line\":3,\"verdict\":\"unreadable\"}\n{\"line\":4,\"verdict\":\"allow\"}\n");
  CHECK_THAT(run.err, Catch::Contains("log:2: not_json"));
  CHECK_THAT(run.err, Catch::Contains("log:3: bad_address"));
  CHECK_THAT(run.out, Catch::Contains("2 records could not be read"));
}

TEST_CASE("a value outside its vocabulary is named with its field", "[replay]") {
  const Scene scene;
  const std::string line = R"({"@timestamp":"2026-11-23T09:00:00Z",)";
  const std::string log =
      LoginLine(0, "203.0.113.9", "alice", "success") + line + R"("event":{"outcome":"perhaps"}})" + "\n" +
      line + R"("login":{"certificate":"perhaps"}})" + "\n" + line + R"("user":{"name":{}}})" + "\n";
  const ProgramRun run = scene.Replay({scene.Write("log", log)});
  CHECK_THAT(run.err,
             Catch::Contains("log:2: bad_value: event.outcome holds a value outside its vocabulary"));
  CHECK_THAT(run.err, Catch::Contains("log:3: bad_value: login.certificate holds"));
  CHECK_THAT(run.err, Catch::Contains("log:4: bad_value: user.name holds"));
  const std::string csv =
      "time,ip,user,outcome\n2026-11-23T09:00:00Z,192.0.2.1,alice,success\n"
      "2026-11-23T09:00:01Z,192.0.2.1,alice,perhaps\n";
  const ProgramRun columns = scene.Replay({scene.Write("log.csv", csv)});
  CHECK_THAT(columns.err, Catch::Contains("log.csv:3: bad_value: event.outcome holds"));
  CHECK_THAT(columns.out, !Catch::Contains("no login attempt"));  // the header is none of the lines
}

TEST_CASE("no message lets a log drive the terminal", "[replay]") {
  const Scene scene;
  const std::string header = scene.Write("log.csv", "a\x1b]0;owned\x07,b\n1,2\n");
  const std::string settings = scene.Write("settings", "\"mo\\e[31m\\nde\": \"\\x9b31m\"\n");
  for (const ProgramRun& run :
       {scene.Replay({"--format", "csv", header}), scene.Replay({"-c", settings, header}),
        RunStockade({"check", "-c", settings, scene.Path("rules.yml")}),
        scene.Replay({"--format", "\x1b[31m", header})}) {
    CHECK(run.exit_code != kExitFine);
    for (const char* driven : {"\x1b", "\x07", "\xc2\x9b"})
      CHECK_THAT(run.out + run.err, !Catch::Contains(driven));
    CHECK_THAT(run.out + run.err, Catch::Contains("\\x1b"));
  }
}

TEST_CASE("many unreadable records are counted, and only the first are named", "[replay]") {
  const Scene scene;
  std::string log = LoginLine(0, "203.0.113.9", "alice", "success");
  for (int i = 0; i < 100; ++i) log += "{\"@timestamp\":\n";
  const ProgramRun run = scene.Replay({"--format", "ndjson", "--json", scene.Write("log", log)});
  CHECK_THAT(run.out, Catch::Contains(R"("unreadable":100)"));
  CHECK(Lines(run.err).size() <= 7);
}

TEST_CASE("an output that cannot be written is an error, never silence", "[replay]") {
  const Scene scene;
  const std::string log = scene.Write("log", Join(RandomLog(5, 50)));
  const auto replay = [&](const std::string& option, const std::string& path) {
    return RunStockade({"replay", "--rules", scene.Path("rules.yml"), option, path, log});
  };
  const ProgramRun full = replay("--verdicts", "/dev/full");
  CHECK(full.exit_code == kExitUsage);
  CHECK_THAT(full.err, Catch::Contains("/dev/full: cannot be written: No space left on device"));
  const ProgramRun nowhere = replay("--decisions", scene.Path("no/such/folder/d"));
  CHECK(nowhere.exit_code == kExitUsage);
  CHECK_THAT(nowhere.err, Catch::Contains("No such file or directory"));
}

TEST_CASE("an output never overwrites an input or another output", "[replay]") {
  const Scene scene;
  const std::string text = Join(RandomLog(5, 50));
  const std::string log = scene.Write("log", text);
  std::filesystem::create_symlink(log, scene.Path("link"));
  for (const std::string& path : {log, scene.Path("link")}) {
    const ProgramRun run =
        RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--verdicts", path, log});
    CHECK(run.exit_code == kExitUsage);
    CHECK(scene.Read("log") == text);
  }
  const ProgramRun twice = RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--verdicts",
                                        scene.Path("same"), "--decisions", scene.Path("same"), log});
  CHECK(twice.exit_code == kExitUsage);
  CHECK_THAT(twice.err, Catch::Contains("same: is named twice as an output"));
  CHECK_FALSE(std::filesystem::exists(scene.Path("same")));
}

TEST_CASE("what is refused has emptied no file", "[replay]") {
  const Scene scene;
  const std::string log = scene.Write("log", Join(RandomLog(5, 5)));
  const std::string rules = scene.Read("rules.yml");
  scene.Write("verdicts", "of yesterday");
  for (const std::string& second :
       {log, scene.Path("verdicts"), scene.Path("./verdicts"), scene.Path("rules.yml")}) {
    CAPTURE(second);
    const ProgramRun run = RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--verdicts",
                                        scene.Path("verdicts"), "--decisions", second, log});
    CHECK(run.exit_code == kExitUsage);
    CHECK(scene.Read("verdicts") == "of yesterday");
    CHECK(scene.Read("rules.yml") == rules);
  }
}

TEST_CASE(
    "a log of requests without a usual login path says which paths there were, and --login-path reads it",
    "[replay]") {
  const Scene scene;
  std::string log;
  const auto request = [](const std::string& method, const std::string& path) {
    return "203.0.113.9 - - [23/Nov/2026:09:00:00 +0000] \"" + method + " " + path +
           " HTTP/1.1\" 200 512 \"-\" \"curl\"\n";
  };
  for (int i = 0; i < 3; ++i) log += request("POST", "/portal/enter");
  log += request("POST", "/a\x1b[31mb") + request("GET", "/");
  const std::string file = scene.Write("log", log);
  const ProgramRun none = scene.Replay({file});
  CHECK(none.exit_code == kExitFindings);
  CHECK_THAT(none.err, Catch::Contains("5 lines were no login attempt"));
  CHECK_THAT(none.err, Catch::Contains("3  /portal/enter\n"));
  CHECK_THAT(none.err, Catch::Contains("--login-path /your/login"));
  CHECK_THAT(none.err, Catch::Contains("/a\\x1b[31mb") && !Catch::Contains("\x1b"));
  for (const char* path : {"/portal/enter", "/portal/*"}) {
    const ProgramRun named = scene.Replay({"--format", "nginx", "--login-path", path, file});
    CHECK(named.exit_code == kExitFine);
    CHECK_THAT(named.out, Catch::Contains("3 attempts"));
  }
  CHECK(scene.Replay({"--login-path", "enter", file}).exit_code == kExitUsage);
}

TEST_CASE("a log read as the wrong format says which one it looks like", "[replay]") {
  const Scene scene;
  const std::string log = scene.Write("log", Join(RandomLog(5, 20)));
  for (const char* format : {"sshd", "combined"}) {
    const ProgramRun run = scene.Replay({"--format", format, log});
    CHECK(run.exit_code == kExitFindings);
    CHECK_THAT(run.err, Catch::Contains("log: the lines look like ndjson; use --format ndjson"));
  }
}

TEST_CASE("the summary of mode observe does not claim that something was stopped", "[replay]") {
  const Scene scene;
  const std::string log = scene.Write("log", Join(RandomLog(5, 50)));
  const ProgramRun run = scene.Replay({"-c", scene.Write("settings", "mode: observe\n"), log});
  CHECK_THAT(run.out, Catch::Contains("observe, nothing is stopped") && !Catch::Contains("what if"));
}

TEST_CASE("a wrong setting empties no file", "[replay]") {
  const Scene scene;
  scene.Write("verdicts", "of yesterday");
  const ProgramRun run = scene.Replay({"--memory", "few", scene.Write("log", Join(RandomLog(5, 5)))});
  CHECK(run.exit_code == kExitUsage);
  CHECK(scene.Read("verdicts") == "of yesterday");
}

TEST_CASE("a damaged archive gives what was read, and an error", "[replay]") {
  const Scene scene;
  std::string packed = Compress(Join(RandomLog(5, 2000)), boost::iostreams::gzip_compressor());
  packed.resize(packed.size() / 2);
  const ProgramRun run = scene.Replay({scene.Write("log.gz", packed)});
  CHECK(run.exit_code == kExitUsage);
  CHECK_THAT(run.err, Catch::Contains("log.gz"));
  CHECK(Lines(scene.Read("verdicts")).size() > 100);
  CHECK_THAT(run.out, Catch::Contains("Verdicts"));
}

TEST_CASE("an empty log is replayed, said to be empty, and ends with 1 as help says", "[replay]") {
  const Scene scene;
  const ProgramRun run = scene.Replay({"--format", "ndjson", scene.Write("log", "")});
  CHECK(run.exit_code == kExitFindings);
  CHECK(scene.Read("verdicts").empty());
  CHECK_THAT(run.out, Catch::Contains("0 attempts"));
  CHECK_THAT(run.err, Catch::Contains("no login attempt was read: ") && Catch::Contains("log holds no line"));
}

TEST_CASE("without a terminal there is no colour and no progress", "[replay]") {
  const Scene scene;
  const ProgramRun run = scene.Replay({scene.Write("log", Join(RandomLog(5, 2000)))});
  CHECK_THAT(run.out, !Catch::Contains("\033"));
  CHECK(run.err.empty());
}

TEST_CASE("--pace holds events back until it is their time", "[replay]") {
  const Scene scene;
  // A day of log in a tenth of a second: what is proven is that it ends and changes no byte.
  std::string log =
      LoginLine(0, "203.0.113.9", "alice", "success") + LoginLine(36000, "203.0.113.9", "alice", "success");
  scene.Write("log", log);
  REQUIRE(scene.Replay({scene.Path("log")}).exit_code == kExitFine);
  const std::string verdicts = scene.Read("verdicts");
  CHECK(scene.Replay({"--pace", "x1000000", scene.Path("log")}).exit_code == kExitFine);
  CHECK(scene.Read("verdicts") == verdicts);
}

}  // namespace
}  // namespace stockade
