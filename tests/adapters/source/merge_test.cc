// Several inputs: the order, the positions, and that a log cut into parts reads like the log in one piece.
#include "adapters/source/merge.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

class TemporaryFiles {
 public:
  TemporaryFiles()
      : folder_(std::filesystem::temp_directory_path() /
                absl::StrCat("stockade_merge_", ++count_, "_", ::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~TemporaryFiles() { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& text) {
    const auto path = folder_ / std::to_string(files_++);
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

 private:
  static inline int count_ = 0;
  std::filesystem::path folder_;
  int files_ = 0;
};

std::string Event(int64_t second, std::string_view account) {
  return Concat("{\"@timestamp\":", 1714558272 + second, ",\"user.name\":\"", account, "\"}\n");
}

TEST_CASE("a log in ten parts has the same records at the same positions as in one", "[merge]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (const bool csv : {false, true}) {
    std::vector<std::string> lines;
    if (csv) lines.emplace_back("@timestamp,user.name\n");
    int64_t second = 0;
    for (int i = 0; i < 30000; ++i) {
      const auto kind = random() % 50;
      second += static_cast<int64_t>(random() % 3);
      if (kind == 0) {
        lines.emplace_back("\n");
      } else if (kind == 1) {
        lines.emplace_back(csv ? "a,b,c\n" : "broken\n");
      } else {
        lines.push_back(csv ? Concat(1714558272 + second, ",u", i, "\n")
                            : Event(second, absl::StrCat("u", i)));
      }
    }
    std::string whole;
    for (const auto& line : lines) whole += line;
    TemporaryFiles files;
    std::vector<std::string> parts;
    size_t from = 0;
    for (int part = 1; part <= 10; ++part) {
      const size_t to = part == 10 ? lines.size() : from + random() % (lines.size() - from) / 3;
      std::string text;
      for (size_t i = from; i < to; ++i) text += lines[i];
      parts.push_back(files.Write(text));
      from = to;
    }
    const auto one = test::ReadFiles({files.Write(whole)});
    const auto ten = test::ReadFiles(parts);
    REQUIRE(one.status.ok());
    INFO(ten.status.ToString());
    REQUIRE(ten.status.ok());
    REQUIRE(one.records.size() == ten.records.size());
    for (size_t i = 0; i < one.records.size(); ++i) {
      REQUIRE(one.records[i].position == ten.records[i].position);
      REQUIRE(one.records[i].error == ten.records[i].error);
      REQUIRE(one.records[i].attempt().account == ten.records[i].attempt().account);
    }
    CHECK(one.counters.lines == ten.counters.lines);
    CHECK(one.counters.records == ten.counters.records);
    CHECK(one.counters.errors == ten.counters.errors);
  }
}

// Position and account of every record.
std::vector<std::string> AttemptsOf(const std::vector<std::string>& files, SourceCounters* counters) {
  SourceOptions options = Format("sshd");
  options.year = 2017;
  auto opened = OpenInputs(files, options);
  REQUIRE(opened.ok());
  std::vector<std::string> attempts;
  Batch batch;
  while (opened->source->Read(&batch).value()) {
    for (const Record& record : batch.records) {
      attempts.push_back(Concat(record.position, " ", Name(record.error), " ", record.event.attempt.account,
                                " ", Name(record.event.aftermath.outcome)));
    }
  }
  *counters = opened->source->counters();
  return attempts;
}

TEST_CASE("sshd's connections that a rotation cuts apart have the attempts that they have in one file",
          "[merge][sshd]") {
  std::ifstream in(std::string(STOCKADE_SOURCE_DIR) + "/tests/data/linux-auth-log/auth.log",
                   std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  REQUIRE(lines.size() > 200);
  // One whose "Failed" stands for an attempt that is announced, and for two more.
  for (const char* const message :
       {"Invalid user ann from 192.0.2.7 port 22\n",
        "message repeated 3 times: [ Failed password for invalid user ann from 192.0.2.7 port 22 ssh2]\n",
        "Connection closed by invalid user ann 192.0.2.7 port 22 [preauth]\n"})
    lines.push_back(Concat(std::string_view(lines.back()).substr(0, 15), " host sshd[7]: ", message));
  const auto joined = [&](size_t from, size_t to) {
    std::string text;
    for (size_t i = from; i < to; ++i) text += lines[i];
    return text;
  };
  TemporaryFiles files;
  SourceCounters whole;
  const std::vector<std::string> expected = AttemptsOf({files.Write(joined(0, lines.size()))}, &whole);
  CHECK(expected.size() > 30);
  for (size_t cut = 1; cut < lines.size(); ++cut) {
    INFO("cut behind line " << cut);
    SourceCounters counters;
    REQUIRE(AttemptsOf({files.Write(joined(0, cut)), files.Write(joined(cut, lines.size()))}, &counters) ==
            expected);
    REQUIRE(counters.records == whole.records);
    REQUIRE(counters.other == whole.other);
  }
}

TEST_CASE("inputs are merged by time, ties by name, and never reordered in themselves", "[merge]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    struct Item {
      int64_t due;  // the oracle's key
      size_t input, index;
      std::string account;
    };
    std::vector<Item> expected;
    TemporaryFiles files;
    std::vector<std::string> names;
    for (size_t input = 0; input < 4; ++input) {
      std::string text;
      std::vector<Item> items;
      int64_t second = 0;
      for (size_t i = 0; i < random() % 40; ++i) {
        second += static_cast<int64_t>(random() % 3);
        const bool readable = random() % 4 != 0;
        const std::string account = readable ? absl::StrCat(input, "-", i) : "";
        text += readable ? Event(second, account) : "x\n";
        items.push_back(Item{readable ? second : -1, input, i, account});
      }
      int64_t next = std::numeric_limits<int64_t>::min();
      for (size_t i = items.size(); i-- > 0;) {
        if (items[i].due == -1) {
          items[i].due = next;
        } else {
          next = items[i].due;
        }
      }
      // Those at the end go at once: right behind the one before them.
      for (size_t i = 1; i < items.size(); ++i) items[i].due = std::max(items[i].due, items[i - 1].due);
      expected.insert(expected.end(), items.begin(), items.end());
      names.push_back(files.Write(text));
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const Item& a, const Item& b) { return a.due < b.due; });
    SourceOptions options = test::Format("ndjson");
    const auto result = test::ReadFiles(names, options);
    REQUIRE(result.records.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(result.records[i].input == expected[i].input);
      CHECK(result.records[i].attempt().account == expected[i].account);
      CHECK(result.records[i].position == i + 1);
    }
  }
}

TEST_CASE("an input that fails costs only itself and is told at the end", "[merge]") {
  TemporaryFiles files;
  const std::string good = files.Write(Event(0, "a") + Event(5, "b"));
  const std::string bad = files.Write(std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03garbage", 17));
  SourceOptions options = test::Format("ndjson");
  const auto result = test::ReadFiles({bad, good}, options);
  CHECK(result.records.size() == 2);
  CHECK_FALSE(result.status.ok());
}

TEST_CASE("detection says what it chose and why, or lists the formats", "[registry]") {
  const auto describe = [](std::string_view text) {
    const auto opened = OpenText(text, "test", SourceOptions());
    return opened.ok() ? Concat(opened->inputs[0].format, ": ", opened->inputs[0].why)
                       : std::string(FromAbsl(opened.status().message()));
  };
  CHECK(describe(Event(0, "a") + Event(1, "b")) ==
        "ndjson: the first 2 lines are JSON objects with @timestamp");
  CHECK(describe("@timestamp,source.ip\n1,192.0.2.1\n") ==
        "csv: the first 2 lines begin with a header of 2 columns, 2 of them known");
  CHECK(describe("May  1 10:11:12 h sshd[1]: x\nMay  1 10:11:12 h CRON[1]: x\n") ==
        "sshd: the first 2 lines are syslog lines, 1 of them sshd's");
  CHECK(describe("192.0.2.1 - - [01/May/2024:12:11:12 +0200] \"GET / HTTP/1.1\" 200 5\n") ==
        "combined: of one line, all are an access log in common format");
  CHECK(describe("") == "ndjson: the input is empty");
  CHECK(describe("what\nis this\n").find("ndjson, csv, combined, haproxy, sshd") != std::string::npos);
}

TEST_CASE("options are validated whole", "[options]") {
  SourceOptions options;
  options.format = "pdf";
  CHECK_FALSE(Validate(options).ok());
  options = {};
  options.columns = {{"nonsense", "x"}};
  CHECK_FALSE(Validate(options).ok());
  options = {};
  options.field_paths = {{"user.name", "a..b"}};
  CHECK_FALSE(Validate(options).ok());
  options = {};
  options.access_log.outcomes = {{"2x", Outcome::kSuccess}};
  CHECK_FALSE(Validate(options).ok());
  options = {};
  options.access_log.login_paths = {{AccessLogOptions::PathMatch::kRegex, "("}};
  CHECK_FALSE(Validate(options).ok());
  CHECK(Validate(SourceOptions()).ok());
  CHECK_FALSE(OpenInputs(std::vector<std::string>(), SourceOptions()).ok());
}

}  // namespace
}  // namespace stockade
