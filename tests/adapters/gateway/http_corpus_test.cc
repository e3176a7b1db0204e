// Public corpora through head_reader and chunk_reader: what must be refused is refused, what is legitimate passes.
//
// llhttp-md: each case whose parser is not made lenient. llhttp asks for no Host, so a case without one is given one;
// where we are stricter than llhttp on purpose, the case and our reason stand in a table below.
// crs-http-regression: requests that the rule set calls legitimate pass; those it expects a server to answer with 400
// are refused, where the fault is one of HTTP and not of a rule.
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "adapters/gateway/chunk_reader.h"
#include "adapters/gateway/head_reader.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> Corpus(const std::string& name) {
  fs::path folder = fs::path(STOCKADE_CORPORA) / name;
  if (fs::is_directory(folder)) return folder;
  std::cout << "skipped: no corpus " << name << "\n";
  return std::nullopt;
}

// Reads message after message until the bytes end or one is refused; the refusal, or "" .
std::string ReadMessages(std::string_view bytes, HeadReader::Kind kind) {
  while (!bytes.empty() && bytes != "\r\n") {
    HeadReader reader(kind, {});
    const HeadProgress progress = reader.Read(bytes);
    if (progress == HeadProgress::kRefused) return std::string(Name(reader.error()));
    if (progress == HeadProgress::kMore) return "";
    const bool is_request = kind == HeadReader::Kind::kRequest;
    const MessageHead& head =
        is_request ? static_cast<const MessageHead&>(reader.request()) : reader.response();
    bytes.remove_prefix(head.bytes);
    if (head.framing == BodyFraming::kLength) {
      bytes.remove_prefix(std::min<size_t>(head.content_length, bytes.size()));
    } else if (head.framing == BodyFraming::kChunked) {
      ChunkReader chunks;
      while (!bytes.empty() && !chunks.done()) {
        const ChunkPiece piece = chunks.Read(bytes);
        bytes.remove_prefix(piece.consumed);
        if (chunks.error() != ChunkError::kNone) return "chunks: " + std::string(Name(chunks.error()));
      }
    } else if (head.framing != BodyFraming::kNone) {
      return "";
    }
    if (!head.keep_alive) return "";
    if (is_request && !reader.request().upgrade.empty()) return "";
  }
  return "";
}

// The input of a case: without its last line end, lines that end in a backslash joined, line ends CRLF, escapes
// replaced.
std::string Unescape(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      out += "\r\n";
    } else if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else {
      const char next = text[++i];
      if (next == '\n') continue;
      if (next == 'r') {
        out += '\r';
      } else if (next == 'n') {
        out += '\n';
      } else if (next == 't') {
        out += '\t';
      } else if (next == 'f') {
        out += '\f';
      } else if (next == 'x') {
        out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else if (next >= '0' && next <= '7') {
        size_t used = 0;
        out += static_cast<char>(std::stoi(text.substr(i, 3), &used, 8));
        i += used - 1;
      } else {
        out += '\\';
        out += next;
      }
    }
  }
  return out;
}

bool HasHost(const std::string& bytes) {
  return bytes.find("Host:") != std::string::npos || bytes.find("HOST:") != std::string::npos;
}

void AddHost(std::string* bytes) {
  for (size_t at = 0; (at = bytes->find("HTTP/1.1\r\n", at)) != std::string::npos;) {
    at += 10;
    bytes->insert(at, "Host: hypnotoad.org\r\n");  // the one that an absolute target among the cases names
  }
}

struct Case {
  std::string name, type, input, log;
};

std::vector<Case> ReadCases(const fs::path& file, const std::string& folder) {
  std::vector<Case> cases;
  std::ifstream in(file);
  std::string heading, type, block, text;
  for (std::string line; std::getline(in, line);) {
    if (!block.empty()) {
      if (line != "```") {
        text += line + "\n";
        continue;
      }
      const std::string name = folder + "/" + file.filename().string() + "#" + heading;
      if (block == "http") cases.push_back({name, type, text, ""});
      if (block == "log" && !cases.empty()) cases.back().log = text;
      block.clear();
      text.clear();
    } else if (line.starts_with("#")) {
      heading = line.substr(line.find(' ') + 1);
    } else if (line.starts_with("<!-- meta=")) {
      const size_t begin = line.find('"', line.find("\"type\"") + 6) + 1;
      type = line.substr(begin, line.find('"', begin) - begin);
    } else if (line == "```http" || line == "```log") {
      block = line.substr(3);
    }
  }
  return cases;
}

// Where llhttp accepts and we do not, and why.
const std::map<std::string, std::string> kStricter = {
    // Nobody's forward proxy, nor a server of another protocol.
    {"request/method.md#CONNECT request", "connect"},
    {"request/method.md#CONNECT with body", "connect"},
    {"request/uri.md#Underscore in hostname", "connect"},
    {"request/method.md#SOURCE request with ICE", "bad_line"},
    {"request/method.md#ANNOUNCE request with RTSP", "bad_line"},
    {"response/sample.md#RTSP response", "bad_line"},
    {"response/sample.md#ICE response", "bad_line"},
    {"response/sample.md#HTTP version 0.9", "unknown_version"},
    // RFC 9112 §3.2.4: only OPTIONS has the asterisk.
    {"request/method.md#M-SEARCH request", "bad_target"},
    // RFC 9110 §4.2.4: user information in a target is an error, and a trap.
    {"request/uri.md#`host:port` and basic auth", "bad_target"},
    // A fragment in the target; it has a list of codings too, which would be refused next.
    {"request/transfer-encoding.md#POST with `chunked` as last transfer-encoding", "bad_target"},
    // RFC 9110 §6.5.1: Content-Type is none of a trailer's fields.
    {"request/transfer-encoding.md#Trailing headers", "chunks: forbidden_trailer"},
    // llhttp reads such a body until the end of the connection; nobody knows what it is.
    {"response/transfer-encoding.md#`chunkedchunked` transfer-encoding does not enable chunked enconding",
     "bad_encoding"},
    // An empty line before a status line, which no server has a reason for.
    {"response/sample.md#Response starting with CRLF", "bad_line"},
    {"response/connection.md#HTTP 304 with Content-Length", "bad_line"},
    {"response/connection.md#HTTP 100 first, then 400", "bad_line"},
};

TEST_CASE("llhttp's cases: what it refuses we refuse, what it accepts passes but for what we name",
          "[corpus]") {
  const auto folder = Corpus("llhttp-md");
  if (!folder) return;
  int refused = 0, passed = 0, stricter = 0;
  for (const std::string side : {"request", "response"}) {
    for (const auto& entry : fs::directory_iterator(*folder / side)) {
      for (const Case& one : ReadCases(entry.path(), side)) {
        if (one.type.find("lenient") != std::string::npos || one.input.find("${") != std::string::npos)
          continue;
        const HeadReader::Kind kind =
            side == "request" ? HeadReader::Kind::kRequest : HeadReader::Kind::kResponse;
        std::string bytes = Unescape(one.input);
        if (side == "request" && !HasHost(bytes)) AddHost(&bytes);
        const bool must_refuse = one.log.find("error code=") != std::string::npos &&
                                 one.log.find("error code=5 ") ==
                                     std::string::npos &&  // bytes behind Connection: close, never read
                                 one.log.find("error code=21 ") == std::string::npos &&  // a pause, asked for
                                 one.log.find("error code=22 ") == std::string::npos;    // an upgrade
        std::string error = ReadMessages(bytes, kind);
        // Some inputs stop at the fault; we speak when the line is there.
        if (must_refuse && error.empty()) error = ReadMessages(bytes + "\r\n\r\n", kind);
        INFO(one.name << "\n" << bytes << "\nours: " << error << "\nllhttp:\n" << one.log);
        if (must_refuse) {
          CHECK(!error.empty());
          ++refused;
        } else if (const auto known = kStricter.find(one.name); known != kStricter.end()) {
          CHECK(error == known->second);
          ++stricter;
        } else {
          CHECK(error.empty());
          ++passed;
        }
      }
    }
  }
  CHECK(refused > 20);
  CHECK(passed > 30);
  std::cout << "llhttp-md: " << refused << " must be refused, " << passed << " pass, " << stricter
            << " pass there and not here, by name\n";
}

// A stage of a test as the bytes it is sent as.
std::string RequestBytes(const YAML::Node& input) {
  const std::string data = input["data"].as<std::string>("");
  std::string bytes = input["method"].as<std::string>("GET") + " " + input["uri"].as<std::string>("/") + " " +
                      input["version"].as<std::string>("HTTP/1.1") + "\r\n";
  bool has_length = false;
  for (const auto& header : input["headers"]) {
    const std::string name = header.first.as<std::string>();
    if (absl::EqualsIgnoreCase(name, "content-length")) has_length = true;
    if (absl::EqualsIgnoreCase(name, "transfer-encoding")) has_length = true;
    bytes += name + ": " + header.second.as<std::string>("") + "\r\n";
  }
  if (!data.empty() && !has_length) bytes += "Content-Length: " + std::to_string(data.size()) + "\r\n";
  return bytes + "\r\n" + data;
}

// Legitimate to one rule of the set, and no HTTP/1.1 all the same.
const std::map<std::string, std::string> kCrsStricter = {
    {"920181-1", "length_and_encoding"},  // legitimate of no HTTP; it only has another rule of the set
    {"920100-4", "connect"},
    {"920100-6", "connect"},
    {"920100-7", "bad_target"},       // a fragment in the target (RFC 9112 §3.2 has none)
    {"920180-4", "unknown_version"},  // HTTP/2.0 written as a line
};

TEST_CASE("what the core rule set calls legitimate passes, what a server must refuse is refused",
          "[corpus]") {
  const auto folder = Corpus("crs-http-regression");
  if (!folder) return;
  int passed = 0, refused = 0, stricter = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*folder)) {
    if (entry.path().extension() != ".yaml") continue;
    const YAML::Node file = YAML::LoadFile(entry.path().string());
    for (const YAML::Node& test : file["tests"]) {
      const std::string name = entry.path().stem().string() + "-" + test["test_id"].as<std::string>();
      for (const YAML::Node& stage : test["stages"]) {
        if (stage["input"]["encoded_request"]) continue;
        const YAML::Node output = stage["output"];
        const std::string bytes = RequestBytes(stage["input"]);
        const std::string error = ReadMessages(bytes, HeadReader::Kind::kRequest);
        INFO(name << "\n" << bytes << "\nours: " << error);
        if (output["status"] && output["status"].as<std::string>() == "400") {
          CHECK(!error.empty());
          ++refused;
        } else if (output["log"] && output["log"]["no_expect_ids"]) {
          const auto known = kCrsStricter.find(name);
          if (known != kCrsStricter.end()) {
            CHECK(error == known->second);
            ++stricter;
          } else {
            CHECK(error.empty());
            ++passed;
          }
        }
      }
    }
  }
  CHECK(passed > 50);
  std::cout << "crs-http-regression: " << passed << " legitimate requests pass, " << refused
            << " must be refused, " << stricter << " legitimate there and not here, by name\n";
}

}  // namespace
}  // namespace stockade
