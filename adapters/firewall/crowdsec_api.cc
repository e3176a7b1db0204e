#include "adapters/firewall/crowdsec_api.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "adapters/firewall/crowdsec_wire.h"
#include "adapters/http/gzip_body.h"
#include "adapters/http/service_replies.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

// The firewall bouncer of every version, which strips the length off networks.
constexpr std::string_view kFirewallBouncer = "crowdsec-firewall-bouncer";

// An error as the real server words it.
ServiceReply Message(int status, std::string_view message) {
  std::string body = status == 401 ? "{\"code\":401,\"message\":" : "{\"message\":";
  AppendJsonString(message, &body);
  return Json(status, body + "}");
}
ServiceReply Message(int status, const absl::Status& error) {
  return Message(status, FromAbsl(error.message()));
}

// As Go's strconv.ParseBool.
std::optional<bool> ParseGoBool(std::string_view text) {
  for (const char* const word : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == word) return true;
  for (const char* const word : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == word) return false;
  return std::nullopt;
}

absl::Status ReadFlag(const Query& query, std::string_view name, bool* flag) {
  const std::string* const said = FindInQuery(query, name);
  if (said == nullptr || said->empty()) return absl::OkStatus();
  const std::optional<bool> value = ParseGoBool(*said);
  if (!value)
    return absl::InvalidArgumentError(
        Concat("invalid ", name, " value: ", *said, " is neither true nor false"));
  *flag = *value;
  return absl::OkStatus();
}
template <typename Number>
absl::Status ReadNumber(const Query& query, std::string_view name, Number* number) {
  const std::string* const said = FindInQuery(query, name);
  if (said == nullptr || said->empty() || absl::SimpleAtoi(*said, number)) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("invalid ", name, " value: ", *said, " is no number"));
}

std::vector<std::string> ReadWords(const Query& query, std::string_view name) {
  const std::string* const said = FindInQuery(query, name);
  if (said == nullptr) return {};
  return absl::StrSplit(absl::AsciiStrToLower(*said), ',', absl::SkipEmpty());
}

CrowdsecFilter ReadFilter(const Query& query, uint8_t scopes) {
  CrowdsecFilter filter;
  filter.scopes = scopes;
  if (const std::string* const said = FindInQuery(query, "scopes"); said != nullptr && !said->empty())
    filter.scopes = CrowdsecScopes(*said);
  if (const std::vector<std::string> origins = ReadWords(query, "origins"); !origins.empty())
    filter.our_origin = std::find(origins.begin(), origins.end(), kCrowdsecOrigin) != origins.end();
  filter.scenarios_containing = ReadWords(query, "scenarios_containing");
  filter.scenarios_not_containing = ReadWords(query, "scenarios_not_containing");
  return filter;
}

// A network whose address may have bits behind its length, as Go's ParseCIDR takes it.
std::optional<Prefix> ReadNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<Address> address = Address::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix::Around(*address, address->bits());
  int length;
  if (!absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &length) || length < 0) return std::nullopt;
  // A mapped address was folded, and its length counts from the IPv6 it was written as.
  if (address->is_v4() && text.find(':') != std::string_view::npos) length -= 96;
  if (length < 0 || length > address->bits()) return std::nullopt;
  return Prefix::Around(*address, length);
}

absl::StatusOr<CrowdsecQuestion> ReadQuestion(const Query& query) {
  CrowdsecQuestion question;
  question.filter = ReadFilter(query, 0xff);
  bool ignored = true;  // none of our decisions is simulated
  RETURN_IF_ERROR(ReadFlag(query, "simulated", &ignored));
  RETURN_IF_ERROR(ReadFlag(query, "contains", &question.contains));
  RETURN_IF_ERROR(ReadFlag(query, "dedup", &question.dedup));
  RETURN_IF_ERROR(ReadNumber(query, "limit", &question.limit));
  RETURN_IF_ERROR(ReadNumber(query, "offset", &question.offset));
  RETURN_IF_ERROR(ReadNumber(query, "id_gt", &question.id_above));
  const auto said = [&](std::string_view name) -> std::string {
    const std::string* const value = FindInQuery(query, name);
    return value == nullptr ? std::string() : *value;
  };
  if (const std::string scope = said("scope"); !scope.empty()) question.filter.scopes = CrowdsecScopes(scope);
  question.filter.type = said("type");
  std::string network = said("ip");
  if (network.empty()) network = said("range");
  if (!network.empty()) {
    question.network = ReadNetwork(network);
    if (!question.network)
      return absl::InvalidArgumentError(Concat("unable to convert '", network, "' to an address or a range"));
  }
  if (std::string value = said("value"); !value.empty()) {
    // However the address was written.
    const std::optional<Prefix> prefix = ReadNetwork(value);
    question.value = prefix ? prefix->ToString() : std::move(value);
  }
  return question;
}

absl::StatusOr<std::string> BodyOf(const ServiceRequest& request) {
  const std::string_view coding = FindField(request.head.fields, "Content-Encoding");
  if (coding.empty() || absl::EqualsIgnoreCase(ToAbsl(coding), "identity"))
    return std::string(request.body_text());
  if (!absl::EqualsIgnoreCase(ToAbsl(coding), "gzip"))
    return absl::UnimplementedError(Concat("Content-Encoding ", coding, " is not read; gzip is"));
  return GunzipBody(request.body_text(), CrowdsecApi::kUnpackedBytesMax);
}
ServiceReply BadBody(const absl::Status& error) {
  if (absl::IsUnimplemented(error)) return Message(415, error);
  return Message(absl::IsResourceExhausted(error) ? 413 : 400, error);
}

}  // namespace

HttpServiceOptions CrowdsecHttpOptions(const CrowdsecOptions& options) {
  HttpServiceOptions http;
  http.at = options.at;
  http.body_bytes_max = options.body_bytes;
  http.connections_max = options.connections;
  http.request_time = options.transfer_time;
  return http;
}

absl::Status ValidateCrowdsec(const CrowdsecOptions& options) {
  if (!IsSet(options.at))
    return absl::InvalidArgumentError(
        "firewalls.crowdsec.address: is missing; write 127.0.0.1:8080 or unix:PATH");
  if (options.keys_file.empty())
    return absl::InvalidArgumentError(
        "firewalls.crowdsec.keys_file: is missing; `stockade bouncers add` fills it");
  if (options.connections < 1)
    return absl::InvalidArgumentError("firewalls.crowdsec.connections: is less than 1");
  if (options.body_bytes < 1024 || options.body_bytes > size_t{50} << 20)
    return absl::InvalidArgumentError("firewalls.crowdsec.body_bytes: is not within 1KiB to 50MiB");
  if (options.transfer_time < absl::Seconds(1))
    return absl::InvalidArgumentError("firewalls.crowdsec.transfer_time: is less than 1s");
  return absl::OkStatus();
}

struct CrowdsecApi::Caller {
  std::string name;  // of its key; empty where none is needed
  bool is_machine = false;
  CrowdsecBouncers::Id bouncer;
  Query query;
};

struct CrowdsecApi::Route {
  std::string_view path;
  bool below;                // the path and one more part
  std::string_view methods;  // separated by ", "
  enum class Key { kNone, kKey, kToken, kEither } key;
  ServiceReply (CrowdsecApi::*reply)(const ServiceRequest&, const Caller&);
};

const CrowdsecApi::Route CrowdsecApi::kRoutes[] = {
    {"/health", false, "GET, HEAD", Route::Key::kNone, &CrowdsecApi::Health},
    {"/v1/decisions", false, "GET, HEAD", Route::Key::kKey, &CrowdsecApi::FindDecisions},
    {"/v1/decisions", false, "DELETE", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/decisions/stream", false, "GET, HEAD", Route::Key::kKey, &CrowdsecApi::StreamDecisions},
    {"/v1/decisions/", true, "DELETE", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/usage-metrics", false, "POST", Route::Key::kEither, &CrowdsecApi::TakeUsage},
    {"/v1/watchers", false, "POST", Route::Key::kNone, &CrowdsecApi::Register},
    {"/v1/watchers/login", false, "POST", Route::Key::kNone, &CrowdsecApi::LogIn},
    {"/v1/watchers/self", false, "DELETE", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/refresh_token", false, "GET", Route::Key::kToken, &CrowdsecApi::RefreshToken},
    {"/v1/heartbeat", false, "GET", Route::Key::kToken, &CrowdsecApi::Heartbeat},
    {"/v1/alerts", false, "POST", Route::Key::kToken, &CrowdsecApi::TakeAlerts},
    {"/v1/alerts", false, "GET, HEAD, DELETE", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/alerts/", true, "GET, HEAD, DELETE", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/allowlists", false, "GET, HEAD", Route::Key::kToken, &CrowdsecApi::NoAllowlists},
    {"/v1/allowlists/check", false, "POST", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/allowlists/check/", true, "GET, HEAD", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
    {"/v1/allowlists/", true, "GET, HEAD", Route::Key::kToken, &CrowdsecApi::DoneElsewhere},
};

CrowdsecApi::CrowdsecApi(Parts parts) : parts_(std::move(parts)) {
  STOCKADE_CHECK(parts_.view != nullptr && parts_.keys != nullptr && parts_.now_ms != nullptr);
}

std::optional<CrowdsecApi::Caller> CrowdsecApi::Identify(const ServiceRequest& request, bool by_key,
                                                         bool by_token) {
  Caller caller;
  const std::string_view key = FindField(request.head.fields, "X-Api-Key");
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view said = FindField(request.head.fields, "Authorization");
  if (by_key && !key.empty()) {
    const std::optional<ApiKeys::Owner> owner = parts_.keys->Find(key);
    if (!owner || owner->role != ApiKeyRole::kBouncer) return std::nullopt;
    caller.name = owner->name;
    caller.bouncer = {owner->name, request.peer.ToString()};
    bouncers_.Note(caller.bouncer, FindField(request.head.fields, "User-Agent"), parts_.now_ms());
    return caller;
  }
  if (!by_token || !said.starts_with(kBearer)) return std::nullopt;
  const std::optional<std::string> machine =
      sessions_.MachineOf(said.substr(kBearer.size()), parts_.now_ms());
  if (!machine || !parts_.keys->Stands(*machine, ApiKeyRole::kMachine)) return std::nullopt;
  caller.name = *machine;
  caller.is_machine = true;
  return caller;
}

ServiceReply CrowdsecApi::Reply(const ServiceRequest& request) {
  try {
    return Answer(request);
  } catch (const std::exception& error) {
    // No memory for a list: better none than a part of it, which a bouncer would take for all.
    ++failed_;
    return Message(500, Concat("the reply cannot be made: ", error.what()));
  }
}

ServiceReply CrowdsecApi::Answer(const ServiceRequest& request) {
  const std::string_view path = request.head.path();
  std::string allowed;
  for (const Route& route : kRoutes) {
    const bool is_it = route.below ? path.size() > route.path.size() && path.starts_with(route.path) &&
                                         path.find('/', route.path.size()) == std::string_view::npos
                                   : path == route.path;
    if (!is_it) continue;
    const std::vector<absl::string_view> methods = absl::StrSplit(ToAbsl(route.methods), ", ");
    if (std::find(methods.begin(), methods.end(), ToAbsl(request.head.method)) == methods.end()) {
      Append(&allowed, allowed.empty() ? "" : ", ", route.methods);
      continue;
    }
    std::optional<Caller> caller = Caller();
    if (route.key != Route::Key::kNone) {
      caller = Identify(request, route.key != Route::Key::kToken, route.key != Route::Key::kKey);
      if (!caller) {
        ++forbidden_;
        return route.key == Route::Key::kToken
                   ? Message(401, "a machine's token is needed; POST /v1/watchers/login gives one")
                   : Message(403, "access forbidden");
      }
    }
    std::optional<Query> query = ParseQuery(request.head.query());
    if (!query) return Message(400, "the query has a percent sign that stands for no byte");
    caller->query = *std::move(query);
    return (this->*route.reply)(request, *caller);
  }
  if (allowed.empty()) return Message(404, "Page or Method not found");
  ServiceReply reply = Message(405, "this path takes another method");
  reply.headers.emplace_back("Allow", allowed);
  return reply;
}

ServiceReply CrowdsecApi::Health(const ServiceRequest&, const Caller&) {
  return Json(200, "{\"status\":\"up\"}");
}

ServiceReply CrowdsecApi::FindDecisions(const ServiceRequest&, const Caller& caller) {
  const absl::StatusOr<CrowdsecQuestion> question = ReadQuestion(caller.query);
  if (!question.ok()) return Message(400, question.status());
  return Json(200, parts_.view->Decisions(*question, parts_.now_ms()));
}

ServiceReply CrowdsecApi::StreamDecisions(const ServiceRequest& request, const Caller& caller) {
  if (request.head.method == "HEAD") return Json(200, "");
  const std::string* const said = FindInQuery(caller.query, "startup");
  const bool startup = said != nullptr && *said == "true";
  bool dedup = true;
  if (const absl::Status read = ReadFlag(caller.query, "dedup", &dedup); !read.ok())
    return Message(400, read);
  const CrowdsecFilter filter =
      ReadFilter(caller.query, Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange));
  const bool expand = FindField(request.head.fields, "User-Agent").starts_with(kFirewallBouncer);
  const int64_t now_ms = parts_.now_ms();
  CrowdsecView::Told told = parts_.view->Stream(
      filter, startup ? CrowdsecCursor() : bouncers_.CursorOf(caller.bouncer), dedup, expand, now_ms);
  ServiceReply reply = Json(200, std::move(told.body));
  reply.sent = [this, bouncer = caller.bouncer, cursor = std::move(told.cursor), now_ms] {
    bouncers_.Handed(bouncer, cursor, now_ms);
  };
  return reply;
}

ServiceReply CrowdsecApi::TakeUsage(const ServiceRequest& request, const Caller& caller) {
  const absl::StatusOr<std::string> body = BodyOf(request);
  if (!body.ok()) return BadBody(body.status());
  const absl::StatusOr<std::vector<CrowdsecFigure>> figures = ParseUsageReport(*body);
  if (!figures.ok()) return Message(absl::IsOutOfRange(figures.status()) ? 422 : 400, figures.status());
  if (!caller.is_machine) bouncers_.AddFigures(caller.bouncer, *figures);
  return Json(201, "");
}

ServiceReply CrowdsecApi::Register(const ServiceRequest&, const Caller&) {
  return Message(403,
                 "machines do not register themselves here: `stockade bouncers add --machine NAME` makes a "
                 "key, which is "
                 "the machine's password");
}

ServiceReply CrowdsecApi::LogIn(const ServiceRequest& request, const Caller&) {
  // Nobody has shown a key yet: what is unpacked or parsed here is small.
  constexpr size_t kLoginBytesMax = size_t{64} << 10;
  if (request.body.size() > kLoginBytesMax) return Message(413, "a login is no more than 64 KiB");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view machine;
  std::string_view password;
  if (parser.parse(request.body.data(), request.body.size()).get(root) != simdjson::SUCCESS ||
      root["machine_id"].get(machine) != simdjson::SUCCESS ||
      root["password"].get(password) != simdjson::SUCCESS)
    return Message(401, "missing: machine_id and password, in JSON");
  const std::optional<ApiKeys::Owner> owner = parts_.keys->Find(password);
  if (!owner || owner->role != ApiKeyRole::kMachine || owner->name != machine) {
    ++forbidden_;
    return Message(401, "incorrect Username or Password");
  }
  return RefreshToken(request, {owner->name, true, {}, {}});
}

ServiceReply CrowdsecApi::RefreshToken(const ServiceRequest&, const Caller& caller) {
  const int64_t now_ms = parts_.now_ms();
  const absl::StatusOr<std::string> token = sessions_.Begin(caller.name, now_ms);
  if (!token.ok()) return Message(503, token.status());
  return Json(200, Concat("{\"code\":200,\"expire\":\"", FormatTimeMs(now_ms + MachineSessions::kSessionMs),
                          "\",\"token\":\"", *token, "\"}"));
}

ServiceReply CrowdsecApi::Heartbeat(const ServiceRequest&, const Caller&) {
  return Json(200, "");
}

ServiceReply CrowdsecApi::TakeAlerts(const ServiceRequest& request, const Caller& caller) {
  if (!parts_.take)
    return Message(
        501,
        "this server takes no alerts; firewalls.crowdsec.take_alerts: true lets machines hand in decisions");
  const absl::StatusOr<std::string> body = BodyOf(request);
  if (!body.ok()) return BadBody(body.status());
  absl::StatusOr<ImportedAlerts> alerts = ParseCrowdsecAlerts(*body, caller.name);
  if (!alerts.ok()) return Message(400, alerts.status());
  const size_t decisions = alerts->decisions.size();
  if (decisions > 0) {
    if (const absl::Status taken = parts_.take(std::move(alerts->decisions)); !taken.ok())
      return Message(503, taken);
  }
  imported_ += decisions;
  import_skipped_ += alerts->skipped;
  std::string ids;
  for (size_t i = 0; i < alerts->alerts; ++i) Append(&ids, i == 0 ? "\"" : ",\"", ++alerts_, "\"");
  return Json(201, Concat("[", ids, "]"));
}

// Stockade's allowlists hold wherever decisions come from; agents are told of none to apply themselves.
ServiceReply CrowdsecApi::NoAllowlists(const ServiceRequest&, const Caller&) {
  return Json(200, "[]");
}

ServiceReply CrowdsecApi::DoneElsewhere(const ServiceRequest&, const Caller&) {
  return Message(501,
                 "Stockade does this on its own command line: stockade decisions list, add, delete, explain");
}

std::vector<CrowdsecSample> CrowdsecApi::Samples() {
  std::vector<CrowdsecSample> samples;
  const CrowdsecView::Counts counts = parts_.view->counts(parts_.now_ms());
  for (size_t action = 0; action < std::size(counts.standing); ++action)
    samples.push_back({"crowdsec_decisions",
                       {{"action", std::string(kActionNames[action])}},
                       static_cast<double>(counts.standing[action])});
  const auto add = [&](std::string name, uint64_t value) {
    samples.push_back({std::move(name), {}, static_cast<double>(value)});
  };
  add("crowdsec_ended_remembered", counts.ended);
  add("crowdsec_ended_forgotten_total", counts.forgotten);
  add("crowdsec_ranges_unexpanded", counts.unexpanded);
  add("crowdsec_state_failures_total", counts.state_failures);
  add("crowdsec_forbidden_total", forbidden_);
  add("crowdsec_replies_failed_total", failed_);
  add("crowdsec_alerts_total", alerts_);
  add("crowdsec_imported_decisions_total", imported_);
  add("crowdsec_import_skipped_total", import_skipped_);
  add("crowdsec_keys_file_troubled", parts_.keys->trouble().empty() ? 0 : 1);
  bouncers_.AppendSamples(&samples);
  return samples;
}

}  // namespace stockade
