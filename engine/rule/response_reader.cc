// `response`: what a match does. Our own key, so nothing in it is taken without being understood.
#include <array>

#include "engine/rule/document_reader.h"
#include "engine/rule/span_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The longest order. A year: whoever must be kept out longer belongs on a list that a person keeps.
constexpr int64_t kResponseMsMax = int64_t{365} * 86'400'000;
// A factor beyond this reaches any ceiling in one step.
constexpr double kEscalateFactorMax = 1000;

}  // namespace

std::optional<Response> DocumentReader::ReadResponse(const YamlNode& response) {
  constexpr std::array<std::string_view, 7> kKeys = {"action",    "target", "for",   "escalate",
                                                     "challenge", "lanes",  "shadow"};
  if (!response.is_map()) {
    Fail(response, "response", "must be a map with action, target and for");
    return std::nullopt;
  }
  Response read;
  bool sound = CheckKeys(response, "response", kKeys);
  const auto require = [&](std::string_view key) {
    const YamlNode* value = response.Find(key);
    if (value == nullptr) sound = Fail(response, Concat("response.", key), "is missing");
    return value;
  };
  std::optional<size_t> action;
  std::optional<size_t> target;
  if (const YamlNode* value = require("action")) {
    action = ReadChoice(*value, "response.action", kActionNames);
    if (action.has_value()) read.action = static_cast<Action>(*action);
  }
  if (const YamlNode* value = require("target")) {
    target = ReadChoice(*value, "response.target", kTargetNames);
    if (target.has_value()) read.target = static_cast<Target>(*target);
  }
  if (const YamlNode* value = require("for")) {
    read.for_ms = ReadSpan(*value, "response.for", kResponseMsMax).value_or(0);
  }
  sound = sound && action.has_value() && target.has_value() && read.for_ms > 0;

  if (action.has_value() && target.has_value()) {
    const YamlNode& at = *response.Find("target");
    if (read.action == Action::kLock && read.target != Target::kUserName) {
      sound = Fail(at, "response.target",
                   Concat("lock closes a lane of an account; write target: user.name, or action: block for ",
                          Name(read.target)),
                   "user.name");
    }
    if (read.action == Action::kBlock && read.target == Target::kUserName) {
      sound = Fail(at, "response.target",
                   "block of an account would shut out its customer; write action: lock, which closes the "
                   "unfamiliar lane",
                   "");
    }
  }
  if (const YamlNode* value = response.Find("challenge")) {
    const std::optional<size_t> kind = ReadChoice(*value, "response.challenge", kChallengeKindNames);
    if (kind.has_value()) read.challenge_kind = static_cast<ChallengeKind>(*kind);
    sound = sound && kind.has_value();
    if (action.has_value() && read.action != Action::kChallenge) {
      sound = Fail(*value, "response.challenge", "goes only with action: challenge");
    }
  }
  if (const YamlNode* value = response.Find("lanes")) {
    constexpr std::array<std::string_view, 2> kLanes = {"unfamiliar", "all"};
    const std::optional<size_t> lanes = ReadChoice(*value, "response.lanes", kLanes);
    read.all_lanes = lanes == std::optional<size_t>(1);
    sound = sound && lanes.has_value();
    if (action.has_value() && read.action != Action::kLock) {
      sound = Fail(*value, "response.lanes", "goes only with action: lock");
    }
  }
  if (const YamlNode* value = response.Find("shadow")) {
    constexpr std::array<std::string_view, 2> kFlags = {"false", "true"};
    const std::optional<size_t> flag = ReadChoice(*value, "response.shadow", kFlags);
    read.shadow = flag == std::optional<size_t>(1);
    sound = sound && flag.has_value();
  }
  if (const YamlNode* value = response.Find("escalate")) sound = ReadEscalation(*value, &read) && sound;
  if (!sound) return std::nullopt;
  return read;
}

bool DocumentReader::ReadEscalation(const YamlNode& escalate, Response* response) {
  constexpr std::array<std::string_view, 2> kKeys = {"factor", "up-to"};
  if (!escalate.is_map()) return Fail(escalate, "response.escalate", "must be a map: {factor: 4, up-to: 7d}");
  bool sound = CheckKeys(escalate, "response.escalate", kKeys);
  const YamlNode* factor = escalate.Find("factor");
  const YamlNode* up_to = escalate.Find("up-to");
  if (factor == nullptr) sound = Fail(escalate, "response.escalate.factor", "is missing");
  if (up_to == nullptr) sound = Fail(escalate, "response.escalate.up-to", "is missing");
  if (factor != nullptr) {
    const std::optional<double> number = ReadNumber(*factor, "response.escalate.factor");
    sound = sound && number.has_value();
    if (number.has_value() && (*number <= 1 || *number > kEscalateFactorMax)) {
      sound = Fail(*factor, "response.escalate.factor",
                   Concat("must be above 1 and at most ", kEscalateFactorMax, ", not ", factor->text));
    }
    response->escalate_factor = number.value_or(1);
  }
  if (up_to != nullptr) {
    const std::optional<int64_t> ms = ReadSpan(*up_to, "response.escalate.up-to", kResponseMsMax);
    sound = sound && ms.has_value();
    response->escalate_up_to_ms = ms.value_or(0);
    if (ms.has_value() && *ms < response->for_ms) {
      sound = Fail(*up_to, "response.escalate.up-to",
                   Concat(up_to->text, " is shorter than `for`, ", SpanText(response->for_ms)));
    }
  }
  return sound;
}

}  // namespace stockade
