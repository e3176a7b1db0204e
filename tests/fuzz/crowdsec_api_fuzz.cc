// Any request to our CrowdSec server: a method, a target, where a body comes compressed, and the body. The first line is
// "METHOD TARGET CREDENTIAL CODING", the rest the body; CREDENTIAL is key, token or whatever. Whatever comes, the reply has a
// status that the API gives and a body that is JSON or empty, and no more than what was asked for fails.
#include <simdjson.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/firewall/crowdsec_api.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int64_t kNow = 1'790'000'000'000;

class Server {
 public:
  Server() {
    // The file stays as long as the process: the server looks at it with every request.
    char name[] = "/tmp/crowdsec_api_fuzz.XXXXXX";
    STOCKADE_CHECK(mkdtemp(name) != nullptr);
    folder_ = name;
    key_ = *AddApiKey(File(), "edge", ApiKeyRole::kBouncer, kNow);
    const std::string machine_key = *AddApiKey(File(), "agent", ApiKeyRole::kMachine, kNow);
    keys_.emplace(File());
    CrowdsecApi::Parts parts{&view_, &*keys_,
                             [](const std::vector<ImportedDecision>&) { return absl::OkStatus(); },
                             [] { return kNow; }};
    api_.emplace(std::move(parts));
    const std::string login = Ask("POST", "/v1/watchers/login", "", "",
                                  Concat("{\"machine_id\":\"agent\",\"password\":\"", machine_key, "\"}"))
                                  .body;
    const size_t token = login.find("\"token\":\"");
    STOCKADE_CHECK(token != std::string::npos);
    bearer_ = Concat("Bearer ", std::string_view(login).substr(token + 9, 64));
    for (const char* const value : {"203.0.113.9", "203.0.113.0/24", "2001:db8::/64"}) {
      Decision decision;
      decision.prefix = *Prefix::Parse(value);
      decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
      decision.value = value;
      decision.until_ms = kNow + 3'600'000;
      decision.rule = "rule";
      const Order order{Order::Kind::kEnforce, &decision};
      STOCKADE_CHECK(view_.Apply({&order, 1}, kNow).ok());
    }
  }
  ~Server() {
    for (const char* const end : {"", ".lock"}) unlink((File() + end).c_str());
    rmdir(folder_.c_str());
  }

  ServiceReply Ask(std::string_view method, std::string_view target, std::string_view credential,
                   std::string_view coding, std::string body) {
    std::vector<HeaderField> fields = {{"User-Agent", "crowdsec-firewall-bouncer/v0.0.25"}};
    if (credential == "key") {
      fields.push_back({"X-Api-Key", key_});
    } else if (credential == "token") {
      fields.push_back({"Authorization", bearer_});
    } else if (!credential.empty()) {
      fields.push_back({"X-Api-Key", credential});
    }
    if (!coding.empty()) fields.push_back({"Content-Encoding", coding});
    ServiceRequest request;
    request.head = {method, target, fields};
    request.body = body;
    return api_->Reply(request);
  }

 private:
  std::string File() const { return folder_ + "/keys"; }

  std::string folder_;
  std::string key_;
  std::string bearer_;
  CrowdsecView view_{kNow};
  std::optional<ApiKeys> keys_;
  std::optional<CrowdsecApi> api_;
};

std::string_view Word(std::string_view* line) {
  const std::string_view word = line->substr(0, line->find(' '));
  line->remove_prefix(std::min(line->size(), word.size() + 1));
  return word;
}

}  // namespace
}  // namespace stockade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  static Server server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view line = text.substr(0, text.find('\n'));
  const std::string_view body = text.substr(std::min(size, line.size() + 1));
  const std::string_view method = Word(&line);
  const std::string_view target = Word(&line);
  const std::string_view credential = Word(&line);
  const ServiceReply reply = server.Ask(method, target, credential, line, std::string(body));
  switch (reply.status) {
    case 200:
    case 201:
    case 400:
    case 401:
    case 403:
    case 404:
    case 405:
    case 413:
    case 415:
    case 422:
    case 501:
      break;
    default:
      STOCKADE_CHECK(reply.status == 200);  // none that the API gives
  }
  // Nothing of worth without a credential.
  if (credential != "key" && credential != "token" && target.starts_with("/v1/"))
    STOCKADE_CHECK(reply.status >= 400);
  if (!reply.body.empty()) {
    simdjson::dom::parser parser;
    STOCKADE_CHECK(parser.parse(reply.body).error() == simdjson::SUCCESS);
  }
  if (reply.sent) reply.sent();
  return 0;
}
