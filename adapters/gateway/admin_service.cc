#include "adapters/gateway/admin_service.h"

#include <iterator>

#include "absl/strings/ascii.h"
#include "adapters/gateway/json_body.h"
#include "adapters/http/endpoint_address.h"
#include "engine/text.h"

namespace stockade {
namespace {

ServiceReply Text(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          Concat(text, "\n")};
}
ServiceReply Typed(std::string_view type, std::string body) {
  return {200, {{"Content-Type", std::string(type)}, {"Cache-Control", "no-store"}}, std::move(body)};
}

std::optional<Mode> ParseMode(std::string_view word) {
  for (size_t i = 0; i < std::size(kModeNames); ++i)
    if (kModeNames[i] == word) return static_cast<Mode>(i);
  return std::nullopt;
}

}  // namespace

std::optional<Mode> ParseModeRequest(std::string_view body) {
  const std::string_view text = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(body)));
  if (!text.starts_with('{')) return ParseMode(text);
  FoundValue value;
  if (ReadJsonValue(text, "mode", &value) != LoginReadError::kNone || !value.found) return std::nullopt;
  return ParseMode(value.text.view());
}

absl::Status ValidateAdminAddress(const Endpoint& at) {
  if (IsLoopback(at)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Concat("gateway.admin.address: ", ToString(at),
             " can be reached from elsewhere; write 127.0.0.1:9180 or unix:PATH"));
}

bool AdminDesk::MayAsk(const ServiceRequest& request) const noexcept {
  if (!request.is_local) return false;
  // A page in a browser on this machine may send here whatever it likes, and says so with this; nobody else does.
  if (CountFields(request.head.fields, "Origin") > 0) return false;
  if (parts_.token.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view said = FindField(request.head.fields, "Authorization");
  return said.starts_with(kBearer) && EqualSecrets(said.substr(kBearer.size()), parts_.token);
}

ServiceReply AdminDesk::AnswerMode(const ServiceRequest& request) const {
  if (request.head.method == "PUT") {
    const std::optional<Mode> mode = ParseModeRequest(request.body_text());
    if (!mode) return Text(400, "mode: is none of observe, protect, certificate-only, established-only");
    parts_.set_mode(*mode);
  }
  return Typed("application/json", Concat("{\"mode\":\"", Name(parts_.mode()), "\"}\n"));
}

ServiceReply AdminDesk::Reply(const ServiceRequest& request) const {
  const std::string_view path = request.head.path();
  const std::string_view method = request.head.method;
  const bool reads = method == "GET" || method == "HEAD";
  const bool is_mode = path == "/mode";
  const bool of_decisions = DecisionDesk::Knows(path);
  if (!is_mode && path != "/livez" && path != "/readyz" && path != "/metrics" && !of_decisions)
    return Text(404, "no such path");
  if (!of_decisions && !reads && !(is_mode && method == "PUT")) {
    ServiceReply reply = Text(405, "this path takes another method");
    reply.headers.emplace_back("Allow", is_mode ? "GET, HEAD, PUT" : "GET, HEAD");
    return reply;
  }
  if (path == "/livez") return Text(200, "alive");
  if (path == "/readyz") {
    const std::string why = parts_.not_ready();
    return why.empty() ? Text(200, "ready") : Text(503, Concat("not ready: ", why));
  }
  if (!MayAsk(request)) {
    ServiceReply reply = Text(401, "a bearer token is needed");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    return reply;
  }
  if (is_mode) return AnswerMode(request);
  if (of_decisions) return decisions_.Reply(request);
  if (!parts_.metrics) return Text(501, "this instance has no such part");
  return Typed("text/plain; version=0.0.4; charset=utf-8", parts_.metrics());
}

}  // namespace stockade
