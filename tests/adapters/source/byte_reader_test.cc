// Lines out of files, archives and memory: ends, numbers, borders of blocks, and errors that cost nothing
// before them.
#include "adapters/source/byte_reader.h"

#include <zlib.h>
#ifdef STOCKADE_HAS_ZSTD
#include <zstd.h>
#endif

#include <catch2/catch.hpp>
#include <random>

#include "engine/text.h"
#include "tests/gzip_text.h"

namespace stockade {
namespace {

// Without libzstd: gzip again, so that every case below still holds.
std::string Zstd(const std::string& text) {
#ifdef STOCKADE_HAS_ZSTD
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
#else
  return Gzip(text);
#endif
}

struct ReadLines {
  std::vector<std::string> lines;  // "<too long>" for the token of one
  absl::Status status;
};

ReadLines Read(std::string text) {
  ReadLines out;
  auto reader = ByteReader::OverText(std::move(text), "test");
  if (!reader.ok()) {
    out.status = reader.status();
    return out;
  }
  Batch batch;
  while (true) {
    const auto more = (*reader)->NextBlock(&batch);
    if (!more.ok()) out.status = more.status();
    if (!more.ok() || !*more) return out;
    stockade::Line line;
    while ((*reader)->NextLine(&line)) {
      REQUIRE(line.number == out.lines.size() + 1);
      out.lines.push_back(line.too_long ? "<too long>" : std::string(line.text));
    }
  }
}

using Lines = std::vector<std::string>;

TEST_CASE("line ends are LF, CR LF or the end of the input", "[byte_reader]") {
  CHECK(Read("").lines.empty());
  CHECK(Read("a").lines == Lines{"a"});
  CHECK(Read("a\n").lines == Lines{"a"});
  CHECK(Read("a\r\n\r\n\nb").lines == Lines{"a", "", "", "b"});
  CHECK(Read(std::string("a\0b\nc", 5)).lines == Lines{std::string("a\0b", 3), "c"});
  CHECK(Read("\xEF\xBB\xBF"
             "a\nb\n")
            .lines == Lines{"a", "b"});
}

TEST_CASE("UTF-16 and other archives are refused with what to do", "[byte_reader]") {
  CHECK(std::string(Read(std::string("\xFF\xFE{\0", 4)).status.message()).find("iconv") != std::string::npos);
  CHECK(std::string(Read("BZh91AY").status.message()).find("bzip2") != std::string::npos);
}

TEST_CASE("lines of any length come out as they went in, packed or not", "[byte_reader]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 6; ++round) {
    Lines lines;
    std::string text;
    for (int i = 0; i < 200; ++i) {
      const size_t size = random() % 20 == 0 ? random() % 300000 : random() % 200;
      std::string line(size, '\0');
      for (char& c : line) c = static_cast<char>('a' + random() % 26);
      text += line + (random() % 2 == 0 ? "\n" : "\r\n");
      lines.push_back(std::move(line));
    }
    CHECK(Read(text).lines == lines);
    for (const std::string& packed : {Gzip(text), Zstd(text)}) {
      const ReadLines read = Read(packed);
      CHECK(read.lines == lines);
      CHECK(read.status.ok());
    }
    const size_t half = random() % text.size();
    CHECK(Read(Gzip(text.substr(0, half)) + Gzip(text.substr(half))).lines == lines);
    CHECK(Read(Zstd(text.substr(0, half)) + Zstd(text.substr(half))).lines == lines);
  }
}

TEST_CASE("a line too long is one token and costs only itself", "[byte_reader]") {
  for (const size_t size : {kLineBytesMax, kLineBytesMax + 1, kLineBytesMax + 2, kLineBytesMax * 5}) {
    const std::string token = size > kLineBytesMax ? "<too long>" : std::string(size, 'x');
    CAPTURE(size);
    CHECK((Read("a\n" + std::string(size, 'x') + "\nb\n").lines == Lines{"a", token, "b"}));
    CHECK((Read("a\n" + std::string(size, 'x')).lines == Lines{"a", token}));
    CHECK((Read(std::string(size, 'x') + "\r\n" + std::string(size, 'x') + "\nb").lines ==
           Lines{token, token, "b"}));
  }
}

TEST_CASE("an archive that ends early gives its whole lines, then the error", "[byte_reader]") {
  std::string text;
  for (int i = 0; i < 50000; ++i) Append(&text, "line ", i * 7919 % 50000, "\n");
  for (const std::string& packed : {Gzip(text), Zstd(text)}) {
    for (const size_t size : {packed.size() / 2, packed.size() - 1, packed.size() - 5}) {
      CAPTURE(size);
      const ReadLines read = Read(packed.substr(0, size));
      CHECK_FALSE(read.status.ok());
      const std::string message(read.status.message());
      CHECK(message.find("ends early") != std::string::npos);
      CHECK(message.find(absl::StrCat("after line ", read.lines.size())) != std::string::npos);
      CHECK(read.lines.size() > 1000);
      std::string again;
      for (const std::string& line : read.lines) again += line + "\n";
      CHECK(text.starts_with(again));
    }
    std::string broken = packed;
    broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x55);
    CHECK_FALSE(Read(broken).status.ok());
    CHECK_FALSE(Read(packed + "junk").status.ok());
    INFO(Read(packed + std::string(512, '\0')).status.ToString());
    CHECK(Read(packed + std::string(512, '\0')).status.ok());
  }
}

TEST_CASE("a missing file and a folder are errors that name them", "[byte_reader]") {
  CHECK(std::string(ByteReader::Open("no/such/file").status().message()).find("no/such/file") !=
        std::string::npos);
  CHECK_FALSE(ByteReader::Open(".").ok());
}

}  // namespace
}  // namespace stockade
