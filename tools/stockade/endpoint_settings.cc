// The list `gateway.endpoints`: which requests are logins, what they claim, what their answers say.
#include <array>
#include <map>
#include <utility>

#include "adapters/certificate/signed_text.h"
#include "adapters/gateway/outcome_table.h"
#include "adapters/gateway/path_match.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"
#include "tools/stockade/gateway_settings.h"

namespace stockade {
namespace {

// A login request is a form; what is larger is no login. An answer is looked at while it passes, up to here.
constexpr SettingsReader::Range<uint64_t> kLoginBytes = {256, uint64_t{16} << 20};
constexpr SettingsReader::Range<uint64_t> kAnswerBytes = {0, uint64_t{16} << 20};
// How far a customer's clock may be off. Nonces are remembered for twice that, and there is only so much room for them.
constexpr SettingsReader::Range<absl::Duration> kWithin = {absl::Seconds(1), absl::Minutes(15)};

using Node = const YamlNode&;
using Path = const std::string&;
using From = ValueSource::From;

constexpr std::array<std::string_view, 7> kFromNames = {"body",  "header", "query", "cookie",
                                                        "basic", "form",   "json"};
constexpr std::array<std::string_view, 2> kBasicParts = {"user", "password"};
constexpr std::array<std::string_view, 2> kFailModes = {"open", "closed"};

class EndpointReader {
 public:
  explicit EndpointReader(SettingsReader* reader) : reader_(*reader) {}

  EndpointSettings Read(Node node, Path path) {
    EndpointSettings endpoint;
    const auto text = [this](std::string_view name, std::string* value) {
      return SettingsReader::Key{name, [this, value](Node item, Path at) {
                                   if (const std::string* read = reader_.ReadText(item, at)) *value = *read;
                                 }};
    };
    const auto sources = [this](std::string_view name, std::vector<ValueSource>* list) {
      return SettingsReader::Key{name, [this, list](Node item, Path at) { ReadSources(item, at, list); }};
    };
    const auto bytes = [this](std::string_view name, SettingsReader::Range<uint64_t> range, size_t* value) {
      return SettingsReader::Key{name, [this, range, value](Node item, Path at) {
                                   if (const auto read = reader_.ReadBytes(item, at, range)) *value = *read;
                                 }};
    };
    const auto mode = [this](std::string_view name, FailMode* value) {
      return SettingsReader::Key{name, [this, value](Node item, Path at) {
                                   if (const auto word = reader_.ReadWord(item, at, kFailModes))
                                     *value = *word == 0 ? FailMode::kOpen : FailMode::kClosed;
                                 }};
    };
    reader_.ReadMap(node, path,
                    {text("name", &endpoint.name),
                     {"methods", [&](Node item, Path at) { ReadMethods(item, at, &endpoint); }},
                     text("path", &endpoint.path),
                     text("path_regex", &endpoint.path_regex),
                     sources("account", &endpoint.account),
                     sources("password", &endpoint.password),
                     sources("device", &endpoint.device),
                     {"signature", [&](Node item, Path at) { ReadSignature(item, at, &endpoint); }},
                     {"bare_certificate", [&](Node item, Path at) { ReadBare(item, at, &endpoint); }},
                     text("channel", &endpoint.channel),
                     bytes("body_bytes", kLoginBytes, &endpoint.body_bytes),
                     {"outcomes", [&](Node item, Path at) { ReadOutcomes(item, at, &endpoint.outcomes); }},
                     bytes("answer_bytes", kAnswerBytes, &endpoint.answer_bytes),
                     mode("on_engine_trouble", &endpoint.on_engine_trouble),
                     mode("on_unreadable", &endpoint.on_unreadable)});
    if (!node.is_map()) {
      if (node.is_null()) reader_.Error(node, path, "must be a map of keys and values");
      return endpoint;
    }
    if (endpoint.name.empty()) endpoint.name = endpoint.path.empty() ? endpoint.path_regex : endpoint.path;
    if (node.Find("account") == nullptr)
      reader_.Error(node, path, "account is missing; name the field it stands in, as account: username");
    if (const auto match = PathMatch::Create(endpoint); !match.ok()) Refuse(node, path, match.status());
    if (const auto table = OutcomeTable::Create(endpoint.outcomes); !table.ok())
      Refuse(node, path, table.status());
    return endpoint;
  }

 private:
  // "outcomes[1].status: what", or "path: what", at the key it speaks of.
  void Refuse(Node node, Path path, const absl::Status& status) {
    const std::string_view message = FromAbsl(status.message());
    const size_t colon = std::min(message.find(": "), message.size());
    const std::string where = Concat(path, ".", message.substr(0, colon));
    const auto place = reader_.places().find(where);
    const std::string_view what = message.substr(std::min(colon + 2, message.size()));
    if (place != reader_.places().end()) {
      reader_.findings().Error(place->second, where, what);
    } else {
      reader_.Error(node, where, what);  // what is missing has no place
    }
  }

  void ReadMethods(Node node, Path path, EndpointSettings* endpoint) {
    endpoint->methods.clear();
    for (const auto& [text, item] : reader_.ReadTexts(node, path)) {
      if (!IsToken(text)) reader_.Error(*item, path, Concat(Quoted(text), " is no method; write POST"));
      endpoint->methods.push_back(text);
    }
    if (endpoint->methods.empty() && node.is_list() && node.items.empty())
      reader_.Error(node, path, "names no method; delete the line for POST");
  }

  // A text is a field of the body; {header: X} and its like are elsewhere.
  void ReadSources(Node node, Path path, std::vector<ValueSource>* list) {
    if (node.is_list() && node.items.empty())
      reader_.Error(node, path, "names nothing; name a field, or {header: X}, {json: a.b}, {basic: user}");
    reader_.ReadList(node, path, [&](Node item, Path at) {
      if (!item.is_map()) {
        if (const std::string* text = reader_.ReadText(item, at)) list->push_back({From::kBody, *text});
        return;
      }
      std::vector<SettingsReader::Key> keys;
      for (size_t i = 0; i < kFromNames.size(); ++i) {
        keys.push_back({kFromNames[i], [this, i, list](Node value, Path below) {
                          ReadSource(static_cast<From>(i), value, below, list);
                        }});
      }
      if (item.entries.size() != 1)
        reader_.Error(item, at, "must be one of these: {header: X}; for several write a list");
      reader_.ReadMap(item, at, keys);
    });
  }
  void ReadSource(From from, Node node, Path path, std::vector<ValueSource>* list) {
    if (from == From::kBasic) {
      if (const auto word = reader_.ReadWord(node, path, kBasicParts))
        list->push_back({from, std::string(kBasicParts[*word])});
      return;
    }
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    if ((from == From::kHeader || from == From::kCookie) && !IsToken(*text))
      reader_.Error(node, path,
                    Concat(Quoted(*text), " is no name of a ", kFromNames[static_cast<size_t>(from)]));
    list->push_back({from, *text});
  }

  void ReadSignature(Node node, Path path, EndpointSettings* endpoint) {
    SignatureSettings& signature = endpoint->signature.emplace();
    const auto sources = [this](std::string_view name, std::vector<ValueSource>* list) {
      return SettingsReader::Key{name, [this, list](Node item, Path at) { ReadSources(item, at, list); }};
    };
    reader_.ReadMap(node, path,
                    {sources("value", &signature.value),
                     {"over",
                      [&](Node item, Path at) {
                        const std::string* text = reader_.ReadText(item, at);
                        if (text == nullptr) return;
                        signature.over = *text;
                        if (const auto form = SignedText::Parse(*text); !form.ok())
                          reader_.Error(item, at, FromAbsl(form.status().message()));
                      }},
                     sources("timestamp", &signature.timestamp),
                     sources("nonce", &signature.nonce),
                     sources("ocsp", &signature.ocsp),
                     {"within", [&](Node item, Path at) {
                        if (const auto span = reader_.ReadSpan(item, at, kWithin)) signature.within = *span;
                      }}});
    for (const std::string_view key : {"value", "timestamp", "nonce"})
      Require(node, path, key, "signature: {value: sig, timestamp: ts, nonce: nonce}");
  }
  void ReadBare(Node node, Path path, EndpointSettings* endpoint) {
    reader_.ReadMap(
        node, path,
        {{"value", [&](Node item, Path at) { ReadSources(item, at, &endpoint->bare_certificate); }}});
    Require(node, path, "value", "bare_certificate: {value: cert}");
  }
  void Require(Node node, Path path, std::string_view key, std::string_view example) {
    if (node.is_map() && node.Find(key) == nullptr)
      reader_.Error(node, path, Concat(key, " is missing; write where it stands, as ", example));
  }

  void ReadOutcomes(Node node, Path path, std::vector<OutcomeRule>* rules) {
    if (!node.is_list()) {
      reader_.Error(node, path,
                    "must be a list of rows, as - {status: 302, location: ^/home, outcome: success}");
      return;
    }
    reader_.ReadList(node, path, [&](Node item, Path at) {
      OutcomeRule rule;
      const auto text = [this](std::string_view name, std::string* value) {
        return SettingsReader::Key{name, [this, value](Node below, Path where) {
                                     if (const std::string* read = reader_.ReadText(below, where))
                                       *value = *read;
                                   }};
      };
      reader_.ReadMap(item, at,
                      {text("status", &rule.status),
                       text("header", &rule.header),
                       text("header_matches", &rule.header_matches),
                       text("location", &rule.location),
                       text("json", &rule.json_path),
                       text("json_equals", &rule.json_equals),
                       text("body", &rule.body_matches),
                       {"outcome", [&](Node below, Path where) {
                          if (const auto word = reader_.ReadWord(below, where, kOutcomeNames))
                            rule.outcome = static_cast<Outcome>(*word);
                        }}});
      if (item.is_map() && item.Find("outcome") == nullptr)
        reader_.Error(item, at,
                      "outcome is missing; write what such an answer means, as outcome: bad_password");
      if (item.is_map() && !rule.header.empty() && !IsToken(rule.header))
        reader_.Error(*item.Find("header"), Concat(at, ".header"), "is no name of a header field");
      rules->push_back(std::move(rule));
    });
  }

  SettingsReader& reader_;
};

}  // namespace

std::vector<EndpointSettings> ReadEndpointSettings(const YamlNode& node, const std::string& path,
                                                   SettingsReader* reader) {
  std::vector<EndpointSettings> endpoints;
  std::map<std::string, size_t> names;
  EndpointReader endpoint_reader(reader);
  if (node.is_text()) {
    reader->Error(node, path, "must be a list, as - {path: /login, account: username, password: password}");
    return endpoints;
  }
  reader->ReadList(node, path, [&](const YamlNode& item, const std::string& at) {
    endpoints.push_back(endpoint_reader.Read(item, at));
    const std::string& name = endpoints.back().name;
    if (!names.emplace(name, endpoints.size() - 1).second) {
      reader->Error(
          item, Concat(at, ".name"),
          Concat(Quoted(name), " is the name of another endpoint too; metrics could not tell them apart"));
    }
  });
  return endpoints;
}

}  // namespace stockade
