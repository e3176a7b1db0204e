// Replies that several services of ours give.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/service_message.h"
#include "engine/decision/decision.h"
#include "engine/text.h"

namespace stockade {

inline ServiceReply Plain(int status, std::string_view text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, Concat(text, "\n")};
}
inline ServiceReply Json(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}
inline ServiceReply JsonError(std::string_view what) {
  std::string body = "{\"error\":";
  AppendJsonString(what, &body);
  return Json(400, body + "}\n");
}
inline ServiceReply MethodNotAllowed(std::string_view allowed) {
  ServiceReply reply = Plain(405, "this path takes another method");
  reply.headers.emplace_back("Allow", std::string(allowed));
  return reply;
}

}  // namespace stockade
