// Public corpora through the readers of login bodies: JSONTestSuite as it is named, and every request body of the OWASP
// CRS regression tests, which are attacks on exactly such readers.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "adapters/gateway/json_body.h"
#include "adapters/gateway/login_exchange.h"
#include "engine/rule/yaml_tree.h"
#include "tests/corpus/corpora.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

TEST_CASE("JSONTestSuite is accepted and refused as its files are named", "[corpus]") {
  if (Missing("json-test-suite")) return;
  int accepted = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(kCorpora / "json-test-suite/test_parsing")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    FoundValue value;
    const bool bad = ReadJsonValue(ReadText(entry.path()), "user", &value) == LoginReadError::kBadBody;
    if (name.starts_with("y_")) {
      CHECK_FALSE(bad);
      ++accepted;
    } else if (name.starts_with("n_")) {
      CHECK(bad);
      ++refused;
    }
  }
  for (const auto& entry : fs::directory_iterator(kCorpora / "json-test-suite/test_transform")) {
    FoundValue value;
    const std::string text = ReadText(entry.path());
    const LoginReadError error = ReadJsonValue(text, "a", &value);
    if (entry.path().filename() == "object_same_key_same_value.json") CHECK(error == LoginReadError::kNone);
  }
  CHECK(accepted > 0);
  CHECK(refused > 0);
  std::printf("JSONTestSuite: %d accepted, %d refused\n", accepted, refused);
}

// The requests of a CRS test file: fields and body, or the raw bytes of one.
struct Request {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string target = "/";
  std::string body;
};
void Collect(const YamlNode& node, std::vector<Request>* requests) {
  for (const YamlNode& item : node.items) Collect(item, requests);
  for (const YamlEntry& entry : node.entries) {
    if (entry.key.text != "input") {
      Collect(entry.value, requests);
      continue;
    }
    Request request;
    if (const YamlNode* headers = entry.value.Find("headers")) {
      for (const YamlEntry& header : headers->entries)
        request.fields.emplace_back(header.key.text, header.value.text);
    }
    if (const YamlNode* uri = entry.value.Find("uri")) request.target = uri->text;
    if (const YamlNode* data = entry.value.Find("data")) request.body = data->text;
    if (const YamlNode* raw = entry.value.Find("encoded_request")) {
      std::string bytes;
      if (absl::Base64Unescape(raw->text, &bytes)) {
        const size_t end = bytes.find("\r\n\r\n");
        for (size_t at = bytes.find("\r\n"); at < end;) {
          const size_t next = bytes.find("\r\n", at + 2);
          const std::string line = bytes.substr(at + 2, next - at - 2);
          const size_t colon = std::min(line.find(": "), line.size());
          request.fields.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
          at = next;
        }
        if (end != std::string::npos) request.body = bytes.substr(end + 4);
      }
    }
    requests->push_back(std::move(request));
  }
}

TEST_CASE("no request of the CRS regression tests is read in two ways", "[corpus]") {
  if (Missing("crs-http-regression")) return;
  int read = 0;
  int bodies = 0;
  int refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpora / "crs-http-regression")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path());
    Findings findings;
    std::vector<Request> requests;
    for (const YamlNode& document : ReadYaml(ReadText(entry.path()), "crs", &findings))
      Collect(document, &requests);
    for (const Request& request : requests) {
      std::vector<HeaderField> fields;
      for (const auto& [name, value] : request.fields) fields.push_back({name, value});
      ++read;
      bodies += request.body.empty() ? 0 : 1;
      // The body as it came, and with the line ends of the wire: files of YAML have LF.
      std::string wire;
      for (const char c : request.body) wire += c == '\n' ? "\r\n" : std::string(1, c);
      for (const std::string& body : {request.body, wire}) {
        for (const char* name : {"file", "pay", "positive", "negative", "var", "post"}) {
          EndpointSettings endpoint;
          endpoint.path = "/*";
          endpoint.account = {{ValueSource::From::kBody, name}};
          const auto exchange = LoginExchange::Create({endpoint}, HashKey{1, 2});
          REQUIRE(exchange.ok());
          const RequestView view{"POST", request.target, fields};
          LoginClaim claim;
          LoginClaim again;
          const LoginReadError error = (*exchange)->ReadRequest(0, view, body, &claim);
          CHECK((*exchange)->ReadRequest(0, view, body, &again) == error);
          CHECK(claim.account == again.account);
          if (error == LoginReadError::kBadBody || error == LoginReadError::kTwoValues) ++refused;
        }
      }
    }
  }
  std::printf("CRS: %d requests, %d with a body, %d readings refused\n", read, bodies, refused);
  CHECK(read > 100);
  CHECK(bodies > 10);
  CHECK(refused > 0);
}

}  // namespace
}  // namespace stockade
