#include <map>
#include <vector>

#include "adapters/decision_json.h"
#include "adapters/exchange/stix.h"
#include "adapters/exchange/stix_pattern.h"
#include "engine/decision/target.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

// The text of a member; empty where it is not there. False if it is something else than text.
bool Text(dom::object object, std::string_view key, std::string_view* out) {
  dom::element element;
  if (object[key].get(element) != simdjson::SUCCESS) return true;
  return element.get(*out) == simdjson::SUCCESS;
}

absl::Status Wrong(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Concat(member, ": ", what));
}

// Names of identities by their ids.
using Identities = std::map<std::string, std::string, std::less<>>;

absl::StatusOr<std::optional<int64_t>> Time(dom::object object, std::string_view key) {
  std::string_view text;
  if (!Text(object, key, &text)) return Wrong(key, "is no text");
  if (text.empty()) return std::nullopt;
  const std::optional<int64_t> time_ms = ParseDecisionTimeMs(text);
  if (!time_ms) return Wrong(key, Concat(Quoted(text), " is no time as 2026-11-23T09:00:00Z"));
  return time_ms;
}

// Whether the indicator stands, and speaks of something bad.
absl::Status CheckStands(dom::object object, int64_t now_ms, std::optional<int64_t>* until_ms) {
  dom::element element;
  if (object["revoked"].get(element) == simdjson::SUCCESS) {
    bool revoked = false;
    if (element.get(revoked) != simdjson::SUCCESS) return Wrong("revoked", "is neither true nor false");
    if (revoked) return Wrong("revoked", "its author has taken it back");
  }
  ASSIGN_OR_RETURN(const std::optional<int64_t> from_ms, Time(object, "valid_from"));
  ASSIGN_OR_RETURN(*until_ms, Time(object, "valid_until"));
  if (from_ms && *from_ms > now_ms)
    return Wrong("valid_from", Concat(FormatTimeMs(*from_ms), ": is still to come"));
  if (*until_ms && **until_ms <= now_ms)
    return Wrong("valid_until", Concat(FormatTimeMs(**until_ms), ": is over"));
  if (object["indicator_types"].get(element) == simdjson::SUCCESS) {
    dom::array types;
    if (element.get(types) != simdjson::SUCCESS) return Wrong("indicator_types", "is no list");
    for (const dom::element type : types) {
      std::string_view word;
      if (type.get(word) == simdjson::SUCCESS && word == "benign")
        return Wrong("indicator_types", "benign: its author vouches for it");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadIndicator(dom::object object, int64_t now_ms, const Identities& identities, size_t line,
                           Exchanged* out) {
  std::string_view pattern, type, name, description, author;
  if (!Text(object, "pattern", &pattern)) return Wrong("pattern", "is no text");
  if (pattern.empty()) return Wrong("pattern", "is missing");
  if (!Text(object, "pattern_type", &type)) return Wrong("pattern_type", "is no text");
  // STIX 2.0 knew no other and had no such member.
  if (!type.empty() && type != "stix") return Wrong("pattern_type", Concat(Quoted(type), " is not stix"));
  std::optional<int64_t> until_ms;
  RETURN_IF_ERROR(CheckStands(object, now_ms, &until_ms));
  ASSIGN_OR_RETURN(const std::vector<std::string> values, ReadAddressPattern(pattern));
  if (!Text(object, "name", &name) || !Text(object, "description", &description) ||
      !Text(object, "created_by_ref", &author))
    return Wrong("name, description or created_by_ref", "is no text");
  const auto known = identities.find(author);
  NewDecision decision;
  decision.line = line;
  decision.until_ms = until_ms;
  decision.reason = CutText(description.empty() ? name : description, kReasonBytesMax);
  decision.origin =
      CutText(known != identities.end() ? std::string_view(known->second) : author, kOriginBytesMax);
  // All or none of a pattern: what its author said together is not taken apart.
  std::vector<DecisionTarget> targets;
  targets.reserve(values.size());
  for (const std::string& value : values) {
    absl::StatusOr<DecisionTarget> target = ReadTarget(std::nullopt, value);
    if (!target.ok()) return Wrong("pattern", Concat(Quoted(value), ": ", target.status().message()));
    if (!NamesAddresses(target->scope)) return Wrong("pattern", Concat(Quoted(value), " is no address"));
    targets.push_back(*std::move(target));
  }
  if (out->decisions.size() + targets.size() > kExchangedMax)
    return Wrong("pattern", Concat("more than ", kExchangedMax, " addresses in all; split the bundle"));
  for (DecisionTarget& target : targets) {
    decision.target = std::move(target);
    out->decisions.push_back(decision);
  }
  return absl::OkStatus();
}

absl::Status ObjectsOf(dom::element root, std::vector<dom::element>* objects) {
  dom::array list;
  dom::object object;
  if (root.get(list) == simdjson::SUCCESS) {
    for (const dom::element element : list) objects->push_back(element);
    return absl::OkStatus();
  }
  if (root.get(object) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("is no STIX: neither object nor list");
  std::string_view type;
  dom::element held;
  const bool typed = Text(object, "type", &type) && !type.empty();
  if (object["objects"].get(held) == simdjson::SUCCESS) return ObjectsOf(held, objects);
  if (typed && type == "bundle") return absl::OkStatus();  // one without objects
  if (!typed) return absl::InvalidArgumentError("is no STIX: it has neither `type` nor `objects`");
  objects->push_back(root);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Exchanged> ReadStix(std::string_view text, int64_t now_ms) {
  RETURN_IF_ERROR(CheckExchangedText(text));
  text = WithoutMark(text);
  dom::parser parser(kExchangeBytesMax);
  if (parser.allocate(text.size(), kExchangeDepthMax) != simdjson::SUCCESS)
    return absl::ResourceExhaustedError("there is not enough memory to read it");
  dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS)
    return absl::InvalidArgumentError(Concat("is no JSON: ", simdjson::error_message(error)));
  std::vector<dom::element> objects;
  RETURN_IF_ERROR(ObjectsOf(root, &objects));
  Identities identities;
  for (const dom::element element : objects) {
    dom::object object;
    std::string_view type, id, name;
    if (element.get(object) == simdjson::SUCCESS && Text(object, "type", &type) && type == "identity" &&
        Text(object, "id", &id) && Text(object, "name", &name) && !name.empty())
      identities.emplace(id, name);
  }
  Exchanged out;
  size_t line = 0;
  for (const dom::element element : objects) {
    ++line;
    dom::object object;
    std::string_view type;
    if (element.get(object) != simdjson::SUCCESS || !Text(object, "type", &type) || type.empty()) {
      out.Refuse(line, "is no STIX object: it has no `type`");
      continue;
    }
    if (type != "indicator") {
      ++out.passed_over;
      continue;
    }
    if (const absl::Status status = ReadIndicator(object, now_ms, identities, line, &out); !status.ok()) {
      std::string_view id;
      static_cast<void>(Text(object, "id", &id));
      out.Refuse(line, Concat(id, id.empty() ? "" : ": ", status.message()));
    }
  }
  return out;
}

}  // namespace stockade
