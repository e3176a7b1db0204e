#include "adapters/gateway/decision_service.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "adapters/http/service_replies.h"
#include "engine/event/printable_text.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kStateNames[] = {"added", "extended", "covered", "refused"};
constexpr std::string_view kShareNames[] = {"enforced", "pending", "not carried", "refused", "switched off"};
constexpr std::string_view kDecisionPrefix = "/decisions/";

ServiceReply Lines(std::string body) {
  return {200, {{"Content-Type", "application/x-ndjson"}, {"Cache-Control", "no-store"}}, std::move(body)};
}
ServiceReply Object(int status, std::string body) {
  ServiceReply reply = Json(status, std::move(body));
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}
// Of the caller's making, or of a part's that fails.
ServiceReply Failed(const absl::Status& status) {
  ServiceReply reply = JsonError(FromAbsl(status.message()));
  reply.status = absl::IsInvalidArgument(status) ? 400 : 503;
  return reply;
}
ServiceReply NoPart() {
  return Plain(501, "this instance has no such part");
}

void AppendText(std::string_view key, std::string_view text, std::string* out) {
  Append(out, out->empty() || out->back() == '{' ? "\"" : ",\"", key, "\":");
  AppendJsonString(text, out);
}
void AppendTime(std::string_view key, int64_t time_ms, std::string* out) {
  if (time_ms > 0) AppendText(key, FormatTimeMs(time_ms), out);
}

bool IsName(std::string_view text) noexcept {
  if (text.empty() || text.size() > kActorBytesMax) return false;
  while (!text.empty()) {
    const size_t size = ShowableSequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

// Who, by the request's field or what else says so; both may be empty.
absl::Status ReadActor(const ServiceRequest& request, std::string_view by, std::string_view reason,
                       Actor* actor) {
  const std::string_view field = FindField(request.head.fields, "By");
  if (!by.empty() && !field.empty() && by != field)
    return absl::InvalidArgumentError("by: the request names two who ask");
  const std::string_view name = by.empty() ? field : by;
  if (!name.empty() && !IsName(name))
    return absl::InvalidArgumentError(
        Concat("by: is no name of at most ", kActorBytesMax, " printable bytes"));
  if (!name.empty()) actor->by = std::string(name);
  if (reason.size() > kReasonBytesMax)
    return absl::InvalidArgumentError(Concat("reason: is longer than ", kReasonBytesMax, " bytes"));
  actor->reason = std::string(reason);
  return absl::OkStatus();
}

// Takes `by`, `reason` and `flag` out of what is left of a query; anything else there is an error.
struct Manners {
  std::string by, reason;
  bool flag = false;
};
absl::Status ReadManners(const Query& rest, std::string_view flag, Manners* manners) {
  for (const auto& [name, value] : rest) {
    if (name == "by") {
      manners->by = value;
    } else if (name == "reason") {
      manners->reason = value;
    } else if (!flag.empty() && name == flag) {
      if (value != "true") return absl::InvalidArgumentError(Concat(flag, ": is not true"));
      manners->flag = true;
    } else {
      return absl::InvalidArgumentError(Concat(Quoted(name), ": no such parameter"));
    }
  }
  return absl::OkStatus();
}

// New decisions of a body, each read or with what is wrong with it, in their order.
struct ReadLine {
  size_t line = 0;
  absl::StatusOr<NewDecision> decision;
};

absl::StatusOr<std::vector<ReadLine>> ReadList(std::string_view text) {
  dom::parser parser;
  dom::array list;
  if (parser.parse(text.data(), text.size()).get(list) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("the body begins as a list of JSON and is none");
  std::vector<ReadLine> lines;
  for (const dom::element element : list) {
    if (lines.size() == kNewDecisionsMax)
      return absl::InvalidArgumentError(
          Concat("more than ", kNewDecisionsMax, " decisions; send them in parts"));
    // Once more as text: one reader for both forms.
    lines.push_back({lines.size() + 1, ReadNewDecision(simdjson::minify(element))});
  }
  return lines;
}

absl::StatusOr<std::vector<ReadLine>> ReadLines(std::string_view text) {
  std::vector<ReadLine> lines;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    if (lines.size() == kNewDecisionsMax)
      return absl::InvalidArgumentError(
          Concat("more than ", kNewDecisionsMax, " decisions; send them in parts"));
    lines.push_back({number, ReadNewDecision(line)});
  }
  return lines;
}

std::string AnswerLine(size_t line, const AddedDecision& added) {
  std::string out = Concat("{\"line\":", line);
  AppendText("state", kStateNames[static_cast<size_t>(added.state)], &out);
  if (!added.id.empty()) AppendText("id", added.id, &out);
  if (!added.why.empty()) AppendText("why", added.why, &out);
  return out + "}\n";
}

// {"enforcing":false,"reason":"…","by":"…"}
absl::Status ReadSwitch(std::string_view body, bool* enforcing, Manners* manners) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(body.data(), body.size()).get(object) != simdjson::SUCCESS)
    return absl::InvalidArgumentError(
        "the body is no object of JSON, as {\"enforcing\":false,\"reason\":\"…\"}");
  int seen = 0;
  for (const auto [key, element] : object) {
    std::string_view text;
    const bool is_text = element.get(text) == simdjson::SUCCESS;
    if (key == "enforcing" && element.get(*enforcing) == simdjson::SUCCESS) {
      ++seen;
    } else if (key == "reason" && is_text) {
      manners->reason = std::string(text);
    } else if (key == "by" && is_text) {
      manners->by = std::string(text);
    } else {
      return absl::InvalidArgumentError(Concat(Quoted(key), ": no such member, or of another type"));
    }
  }
  return seen == 1 ? absl::OkStatus() : absl::InvalidArgumentError("enforcing: is missing, or stands twice");
}

std::string ToJson(const Enforcement& enforcement) {
  std::string out = Concat("{\"enforcing\":", enforcement.enforcing ? "true" : "false");
  if (enforcement.since_ms > 0) {
    AppendTime("since", enforcement.since_ms, &out);
    AppendText("by", enforcement.actor.by, &out);
    AppendText("reason", enforcement.actor.reason, &out);
  }
  return out + "}\n";
}

std::string ToJson(const FirewallFigures& figures) {
  std::string out = "{";
  AppendText("name", figures.name, &out);
  AppendText("kind", figures.kind, &out);
  Append(&out, ",\"decided\":", figures.decided, ",\"enforced\":", figures.enforced,
         ",\"pending\":", figures.pending, ",\"lag_ms\":", figures.lag_ms, ",\"repaired\":", figures.repaired,
         ",\"left_out\":", figures.left_out);
  if (!figures.last_error.empty()) AppendText("last_error", figures.last_error, &out);
  AppendTime("last_error_at", figures.last_error_ms, &out);
  AppendTime("reconciled_at", figures.reconciled_ms, &out);
  return out + "}\n";
}

}  // namespace

bool DecisionDesk::Knows(std::string_view path) noexcept {
  return path == "/decisions" || path == "/enforcement" || path == "/firewalls" || path == "/audit" ||
         (path.starts_with(kDecisionPrefix) && path.size() > kDecisionPrefix.size());
}

ServiceReply DecisionDesk::Reply(const ServiceRequest& request) const {
  const std::string_view path = request.head.path();
  const std::string_view method = request.head.method;
  const bool reads = method == "GET" || method == "HEAD";
  const std::optional<Query> query = ParseQuery(request.head.query());
  if (!query) return JsonError("the query holds a percent sign that stands for no byte");
  if (path == "/decisions") {
    if (reads) return List(*query);
    if (method == "POST") return Add(request, *query);
    return method == "DELETE" ? Remove(request, *query, "") : MethodNotAllowed("GET, HEAD, POST, DELETE");
  }
  if (path.starts_with(kDecisionPrefix)) {
    const std::string_view id = path.substr(kDecisionPrefix.size());
    if (reads) return query->empty() ? Explain(id) : JsonError("this path takes no parameters");
    return method == "DELETE" ? Remove(request, *query, id) : MethodNotAllowed("GET, HEAD, DELETE");
  }
  if (path == "/enforcement")
    return reads || method == "PUT" ? AnswerEnforcement(request) : MethodNotAllowed("GET, HEAD, PUT");
  if (!reads) return MethodNotAllowed("GET, HEAD");
  return path == "/firewalls" ? ListFirewalls() : ListAudit(*query);
}

ServiceReply DecisionDesk::List(const Query& query) const {
  if (!parts_.decisions) return NoPart();
  Query rest;
  const absl::StatusOr<DecisionFilter> filter = ReadDecisionFilter(query, &rest);
  if (!filter.ok()) return Failed(filter.status());
  if (!rest.empty()) return JsonError(Concat(Quoted(rest[0].first), ": no such parameter"));
  std::string lines;
  for (const Decision& decision : parts_.decisions(*filter)) lines.append(ToJson(decision)).append("\n");
  return Lines(std::move(lines));
}

ServiceReply DecisionDesk::Explain(std::string_view id) const {
  if (!parts_.explain) return NoPart();
  const std::optional<ExplainedDecision> found = parts_.explain(id);
  if (!found) {
    ServiceReply reply = JsonError("no decision with this id stands");
    reply.status = 404;
    return reply;
  }
  std::string out = Concat("{\"decision\":", ToJson(found->decision), ",\"left_ms\":", found->left_ms,
                           ",\"allowlisted\":", found->allowlisted ? "true" : "false", ",\"firewalls\":[");
  for (const FirewallShare& share : found->firewalls) {
    std::string object = "{";
    AppendText("name", share.name, &object);
    Append(&object, ",\"carries\":", share.state == FirewallShare::State::kNotCarried ? "false" : "true");
    AppendText("state", kShareNames[static_cast<size_t>(share.state)], &object);
    Append(&out, out.back() == '[' ? "" : ",", object, "}");
  }
  return Object(200, out + "]}\n");
}

ServiceReply DecisionDesk::Add(const ServiceRequest& request, const Query& query) const {
  if (!parts_.add) return NoPart();
  Manners manners;
  Actor actor;
  absl::Status status = ReadManners(query, "", &manners);
  if (status.ok() && !manners.reason.empty())
    status = absl::InvalidArgumentError("reason: each line has its own");
  if (status.ok()) status = ReadActor(request, manners.by, "", &actor);
  if (!status.ok()) return Failed(status);
  const std::string_view body = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(request.body_text())));
  absl::StatusOr<std::vector<ReadLine>> lines =
      body.starts_with('[') ? ReadList(body) : ReadLines(request.body_text());
  if (!lines.ok()) return Failed(lines.status());
  if (lines->empty()) return JsonError("the body is empty; it is decisions, an object of JSON a line");

  const int64_t now_ms = parts_.now_ms();
  std::vector<NewDecision> good;
  for (ReadLine& line : *lines) {
    if (line.decision.ok()) line.decision.value().line = line.line;
    if (line.decision.ok()) {
      if (absl::Status checked = CheckNewDecision(*line.decision, now_ms); !checked.ok())
        line.decision = std::move(checked);
    }
    if (line.decision.ok()) good.push_back(*line.decision);
  }
  std::vector<AddedDecision> added;
  if (!good.empty()) {
    absl::StatusOr<std::vector<AddedDecision>> taken = parts_.add(good, actor);
    if (!taken.ok()) return Failed(absl::UnavailableError(taken.status().message()));
    added = *std::move(taken);
    STOCKADE_CHECK(added.size() == good.size());
  }
  std::string out;
  size_t next = 0;
  for (const ReadLine& line : *lines) {
    if (line.decision.ok()) {
      out += AnswerLine(line.line, added[next++]);
    } else {
      out += AnswerLine(line.line, {AddedDecision::State::kRefused, "",
                                    std::string(FromAbsl(line.decision.status().message()))});
    }
  }
  return Lines(std::move(out));
}

ServiceReply DecisionDesk::Remove(const ServiceRequest& request, const Query& query,
                                  std::string_view id) const {
  if (!parts_.remove) return NoPart();
  Removal removal;
  Query rest;
  absl::StatusOr<DecisionFilter> filter = ReadDecisionFilter(query, &rest);
  if (!filter.ok()) return Failed(filter.status());
  if (filter->is_page())
    return JsonError("limit and after are of lists; what is to be removed must be named");
  const bool by_id = !id.empty();
  if (by_id && filter->names_some()) return JsonError("an id and filters: write one of them");
  Manners manners;
  absl::Status status = ReadManners(rest, by_id ? "" : "all", &manners);
  if (status.ok()) status = ReadActor(request, manners.by, manners.reason, &removal.actor);
  if (!status.ok()) return Failed(status);
  if (by_id) filter->id = std::string(id);
  if (manners.flag && filter->names_some()) return JsonError("all and filters: write one of them");
  if (!manners.flag && !filter->names_some())
    return JsonError(
        "name what is to be removed: scope, value, rule, action, campaign, id or contains; or all=true");
  removal.filter = *std::move(filter);
  const absl::StatusOr<size_t> removed = parts_.remove(removal);
  if (!removed.ok()) return Failed(absl::UnavailableError(removed.status().message()));
  return Object(by_id && *removed == 0 ? 404 : 200, Concat("{\"removed\":", *removed, "}\n"));
}

ServiceReply DecisionDesk::AnswerEnforcement(const ServiceRequest& request) const {
  if (!parts_.enforcement || !parts_.set_enforcing) return NoPart();
  if (!request.head.query().empty()) return JsonError("this path takes no parameters");
  if (request.head.method == "PUT") {
    bool enforcing = true;
    Manners manners;
    Actor actor;
    absl::Status status = ReadSwitch(request.body_text(), &enforcing, &manners);
    if (status.ok()) status = ReadActor(request, manners.by, manners.reason, &actor);
    // Who finds everything open at night must find out why.
    if (status.ok() && actor.reason.empty())
      status = absl::InvalidArgumentError("reason: is missing: say why");
    if (!status.ok()) return Failed(status);
    if (status = parts_.set_enforcing(enforcing, actor); !status.ok())
      return Failed(absl::UnavailableError(status.message()));
  }
  return Object(200, ToJson(parts_.enforcement()));
}

ServiceReply DecisionDesk::ListFirewalls() const {
  if (!parts_.firewalls) return NoPart();
  std::string lines;
  for (const FirewallFigures& figures : parts_.firewalls()) lines += ToJson(figures);
  return Lines(std::move(lines));
}

ServiceReply DecisionDesk::ListAudit(const Query& query) const {
  if (!parts_.audit) return NoPart();
  uint64_t after = 0;
  size_t limit = 1000;
  for (const auto& [name, value] : query) {
    const bool read = name == "after"   ? absl::SimpleAtoi(value, &after)
                      : name == "limit" ? absl::SimpleAtoi(value, &limit) && limit > 0
                                        : false;
    if (!read) return JsonError(Concat(Quoted(name), ": no such parameter, or no number"));
  }
  const auto lines = parts_.audit(after, std::min(limit, kAuditLinesMax));
  if (!lines.ok()) return Failed(absl::UnavailableError(lines.status().message()));
  std::string out;
  for (const AuditLine& line : *lines) out.append(line.json).append("\n");
  return Lines(std::move(out));
}

}  // namespace stockade
