#include "tools/stockade/admin_client.h"

#include <sys/un.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <cstdlib>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "adapters/gateway/decision_service.h"
#include "engine/decision/target.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"
#include "tools/stockade/config_file.h"

namespace stockade {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Stream = asio::generic::stream_protocol;
using boost::system::error_code;

constexpr size_t kTokenFileBytesMax = 4096;

absl::StatusOr<Stream::endpoint> Resolve(const Endpoint& at, asio::io_context* context) {
  if (at.is_unix()) {
    if (at.unix_path.size() >= sizeof(sockaddr_un::sun_path))
      return absl::InvalidArgumentError(Concat(ToString(at), ": the path is too long for a socket"));
    return Stream::endpoint(asio::local::stream_protocol::endpoint(at.unix_path));
  }
  error_code failed;
  Tcp::resolver resolver(*context);
  const auto found =
      resolver.resolve(at.host, std::to_string(at.port), Tcp::resolver::numeric_service, failed);
  if (failed || found.empty())
    return absl::UnavailableError(Concat(ToString(at), ": is no address here: ", failed.message()));
  return Stream::endpoint(found.begin()->endpoint());
}

// Runs what was started to its end or to the deadline; false: it took too long, and was given up.
bool RunUntil(std::chrono::steady_clock::time_point deadline, asio::io_context* context,
              Stream::socket* socket) {
  context->restart();
  context->run_until(deadline);
  if (context->stopped()) return true;
  error_code ignored;
  socket->close(ignored);
  // The operations end with it, and with them what they point to may go.
  context->run();
  return false;
}

// Who is at the keyboard; behind sudo, who was.
std::string WhoAsks() {
  for (const char* variable : {"SUDO_USER", "USER", "LOGNAME"}) {
    const char* const name = std::getenv(variable);
    if (name != nullptr && *name != '\0') return CutText(PrintableLine(name), kActorBytesMax);
  }
  return "";
}

absl::StatusOr<std::string> ReadToken(const std::string& file) {
  if (file.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kTokenFileBytesMax));
  std::string token(absl::StripAsciiWhitespace(text));
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.empty() || !printable) return absl::InvalidArgumentError(Concat(file, ": holds no token"));
  return token;
}

}  // namespace

void AddInstanceOptions(CLI::App* app, InstanceOptions* options) {
  app->add_option("-c,--config", options->config_file,
                  "Settings of the instance: gateway.admin says where it answers, and its token")
      ->type_name("FILE");
  app->add_option("--admin", options->address, "Where it answers, instead of -c: 127.0.0.1:9180 or unix:PATH")
      ->type_name("ADDRESS");
  app->add_option("--token-file", options->token_file, "The token of --admin, if it has one")
      ->type_name("FILE");
  app->add_option("--by", options->by, "Who is doing this, for the audit log; else the user who is logged in")
      ->type_name("NAME");
}

absl::StatusOr<AdminClient> AdminClient::Open(const InstanceOptions& options) {
  Endpoint at;
  std::string token_file = options.token_file;
  if (!options.address.empty()) {
    if (!options.config_file.empty()) return absl::InvalidArgumentError("name either -c or --admin");
    absl::StatusOr<Endpoint> parsed = ParseEndpoint(options.address);
    if (!parsed.ok()) return absl::InvalidArgumentError(Concat("--admin: ", parsed.status().message()));
    at = *std::move(parsed);
    if (!IsLoopback(at))
      return absl::InvalidArgumentError(
          Concat("--admin: ", ToString(at), " is not this machine; an instance answers no other"));
  } else {
    if (options.config_file.empty()) {
      return absl::InvalidArgumentError(
          "which instance? name its settings with -c stockade.yaml, or its address with --admin "
          "127.0.0.1:9180");
    }
    ASSIGN_OR_RETURN(const Config config, LoadConfig(options.config_file, GatewayFiles::kNotLookedAt));
    if (!config.gateway || !IsSet(config.gateway->admin.at)) {
      return absl::InvalidArgumentError(
          Concat(options.config_file,
                 ": gateway.admin.address says nowhere to ask; write, under `gateway`:\n"
                 "  admin: {address: \"127.0.0.1:9180\", token_file: admin.token}\n"
                 "and start the instance anew"));
    }
    at = config.gateway->admin.at;
    if (token_file.empty()) token_file = config.gateway->admin.token_file;
  }
  ASSIGN_OR_RETURN(std::string token, ReadToken(token_file));
  // It becomes a field of requests.
  if (PrintableLine(options.by) != options.by || options.by.size() > kActorBytesMax)
    return absl::InvalidArgumentError(
        Concat("--by: is no name of at most ", kActorBytesMax, " printable bytes"));
  return AdminClient(std::move(at), std::move(token), options.by.empty() ? WhoAsks() : options.by);
}

absl::StatusOr<AdminClient::Answer> AdminClient::Exchange(std::string_view method, std::string_view target,
                                                          std::string_view body) const {
  const std::string where = ToString(at_);
  asio::io_context context(1);
  Stream::socket socket(context);
  ASSIGN_OR_RETURN(const Stream::endpoint endpoint, Resolve(at_, &context));
  error_code failed;
  socket.connect(endpoint, failed);
  if (failed) {
    return absl::UnavailableError(
        Concat(where, ": no instance answers there (", failed.message(),
               ")\nIs it running? stockade run -c stockade.yaml, with gateway.admin.address: ", where));
  }
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(absl::ToInt64Milliseconds(kTimeMax));
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(http::field::host, "stockade");
  request.set(http::field::connection, "close");
  if (!token_.empty()) request.set(http::field::authorization, Concat("Bearer ", token_));
  if (!by_.empty()) request.set("By", by_);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/x-ndjson");
    request.body() = std::string(body);
  }
  request.prepare_payload();
  http::async_write(socket, request, [&failed](error_code error, size_t) { failed = error; });
  // What is refused early is answered while it is still being sent: the answer says more than the broken pipe.
  if (!RunUntil(deadline, &context, &socket))
    return absl::UnavailableError(Concat(where, ": takes longer than ", absl::FormatDuration(kTimeMax)));

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBodyBytesMax);
  http::async_read(socket, buffer, parser, [&failed](error_code error, size_t) { failed = error; });
  if (!RunUntil(deadline, &context, &socket)) {
    return absl::UnavailableError(Concat(where, ": takes longer than ", absl::FormatDuration(kTimeMax),
                                         "; what was asked may still be done"));
  }
  if (failed)
    return absl::UnavailableError(
        Concat(where, ": no answer of an instance came from there: ", failed.message()));
  return Answer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

absl::Status AdminClient::Refusal(const Answer& answer) const {
  std::string what(absl::StripAsciiWhitespace(answer.body));
  simdjson::dom::parser parser;
  std::string_view error;
  if (parser.parse(answer.body)["error"].get(error) == simdjson::SUCCESS) what = std::string(error);
  switch (answer.status) {
    case 401:
      return absl::PermissionDeniedError(
          Concat(ToString(at_),
                 ": wants another token; gateway.admin.token_file of its settings names the file, and ",
                 "--token-file gives it"));
    case 404:
      return absl::NotFoundError(Concat(ToString(at_), ": ", what.empty() ? "knows no such path" : what,
                                        "; is it an instance of Stockade, and of this version?"));
    case 400:
    case 413:
      return absl::InvalidArgumentError(what.empty() ? Concat("refused, with status ", answer.status) : what);
    default:
      return absl::UnavailableError(Concat(ToString(at_), ": answers with status ", answer.status,
                                           what.empty() ? "" : ": ", what.substr(0, kReasonBytesMax)));
  }
}

absl::StatusOr<std::string> AdminClient::Ask(std::string_view method, std::string_view target,
                                             std::string_view body) const {
  ASSIGN_OR_RETURN(Answer answer, Exchange(method, target, body));
  if (answer.status != 200) return Refusal(answer);
  return std::move(answer.body);
}

std::string QueryText(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string text;
  const auto append = [&text](std::string_view part) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : part) {
      if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
          c == '~') {
        text.push_back(c);
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      text.push_back('%');
      text.push_back(kHex[byte >> 4]);
      text.push_back(kHex[byte & 15]);
    }
  };
  for (const auto& [name, value] : parameters) {
    if (!text.empty()) text.push_back('&');
    append(name);
    text.push_back('=');
    append(value);
  }
  return text;
}

}  // namespace stockade
