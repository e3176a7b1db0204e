#include "adapters/exchange/crowdsec_decisions.h"

#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/decision_json.h"
#include "adapters/go_duration.h"
#include "engine/decision/target.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

enum Column : uint8_t { kDuration, kReason, kOrigin, kType, kScope, kValue, kColumnCount };
constexpr std::array<std::string_view, kColumnCount> kColumns = {"duration", "reason", "origin",
                                                                 "type",     "scope",  "value"};
// One decision as it came; empty: not there.
using Row = std::array<std::string, kColumnCount>;

bool Is(std::string_view text, std::string_view word) noexcept {
  return absl::EqualsIgnoreCase(ToAbsl(text), ToAbsl(word));
}

absl::StatusOr<NewDecision> FromRow(const Row& row) {
  NewDecision decision;
  std::optional<Scope> scope;
  if (row[kScope].empty() || Is(row[kScope], "ip")) {
    scope = Scope::kIp;
  } else if (Is(row[kScope], "range")) {
    scope = Scope::kRange;
  } else if (Is(row[kScope], "as")) {
    scope = Scope::kAsn;
  } else if (Is(row[kScope], "username")) {
    scope = Scope::kAccount;
  } else {
    return absl::InvalidArgumentError(
        Concat("scope: ", Quoted(row[kScope]), " is none of Ip, Range, AS and username"));
  }
  // A range of one address is one address, and many lists have networks with the scope Ip.
  const bool is_network = NamesAddresses(*scope);
  if (is_network && !Address::Parse(std::string_view(row[kValue]).substr(0, row[kValue].find('/'))))
    return absl::InvalidArgumentError(
        Concat("value: ", Quoted(row[kValue]), " is no address and no network"));
  ASSIGN_OR_RETURN(decision.target, ReadTarget(is_network ? std::nullopt : scope, row[kValue]));
  const std::string_view type = row[kType];
  if (type.empty() || Is(type, "ban")) {
    decision.action = *scope == Scope::kAccount ? Action::kLock : Action::kBlock;
  } else if (Is(type, "captcha")) {
    decision.action = Action::kChallenge;
  } else if (Is(type, "throttle")) {
    decision.action = Action::kThrottle;
  } else {
    return absl::InvalidArgumentError(
        Concat("type: ", Quoted(type), " is none of ban, captcha and throttle"));
  }
  if (!row[kDuration].empty()) {
    decision.for_ms = ParseGoDurationMs(row[kDuration]);
    if (!decision.for_ms)
      return absl::InvalidArgumentError(
          Concat("duration: ", Quoted(row[kDuration]), " is none, as 4h or 3h59m58s"));
    if (*decision.for_ms <= 0)
      return absl::InvalidArgumentError(Concat("duration: ", row[kDuration], ": it is over"));
  }
  decision.reason = CutText(row[kReason], kReasonBytesMax);
  decision.origin = CutText(row[kOrigin], kOriginBytesMax);
  return decision;
}

void Take(const Row& row, size_t line, Exchanged* out) {
  absl::StatusOr<NewDecision> decision = FromRow(row);
  if (!decision.ok()) return out->Refuse(line, std::string(FromAbsl(decision.status().message())));
  decision->line = line;
  out->decisions.push_back(*std::move(decision));
}

// A decision of JSON; what has another type than text is not guessed at.
absl::Status ReadObject(dom::object object, Row* row) {
  for (const auto [key, element] : object) {
    if (key == "simulated") {
      bool simulated = false;
      if (element.get(simulated) == simdjson::SUCCESS && simulated)
        return absl::InvalidArgumentError("simulated: it was never carried out");
      continue;
    }
    // `scenario` is the API's name for it.
    const std::string_view name = key == "scenario" ? "reason" : key;
    for (size_t column = 0; column < kColumnCount; ++column) {
      if (kColumns[column] != name) continue;
      std::string_view text;
      if (element.is_null()) continue;
      if (element.get(text) != simdjson::SUCCESS)
        return absl::InvalidArgumentError(Concat(name, ": is no text"));
      (*row)[column] = std::string(text);
    }
  }
  return absl::OkStatus();
}

void TakeElement(dom::element element, size_t line, Exchanged* out) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return out->Refuse(line, "is no object");
  Row row;
  if (const absl::Status status = ReadObject(object, &row); !status.ok())
    return out->Refuse(line, std::string(FromAbsl(status.message())));
  Take(row, line, out);
}

absl::StatusOr<Exchanged> ReadJson(std::string_view text) {
  dom::parser parser(kExchangeBytesMax);
  if (parser.allocate(text.size(), kExchangeDepthMax) != simdjson::SUCCESS)
    return absl::ResourceExhaustedError("there is not enough memory to read it");
  dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS)
    return absl::InvalidArgumentError(Concat("is no JSON: ", simdjson::error_message(error)));
  Exchanged out;
  if (root.is_null()) return out;  // what cscli writes of no decisions
  dom::array list;
  if (root.get(list) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("is no list of decisions or alerts, as cscli writes it");
  size_t line = 0;
  for (const dom::element entry : list) {
    dom::element held;
    if (out.decisions.size() >= kExchangedMax) {
      out.Refuse(line + 1, Concat("more than ", kExchangedMax, " decisions; split the file"));
      break;
    }
    if (entry.is_object() && entry["decisions"].get(held) == simdjson::SUCCESS) {
      dom::array decisions;
      if (held.is_null()) {
        ++out.passed_over;  // an alert that nothing was decided on
      } else if (held.get(decisions) == simdjson::SUCCESS) {
        for (const dom::element decision : decisions) TakeElement(decision, ++line, &out);
      } else {
        out.Refuse(++line, "decisions: is no list");
      }
      continue;
    }
    TakeElement(entry, ++line, &out);
  }
  return out;
}

// Cuts the next record of CSV (RFC 4180) off: fields in quotes may hold commas, doubled quotes and line breaks. False for a
// quote that is never closed; then all is read.
bool TakeRecord(std::string_view* text, std::vector<std::string>* fields, size_t* lines) {
  fields->clear();
  std::string field;
  bool quoted = false, closed = false;
  size_t i = 0;
  for (;; ++i) {
    const bool at_end = i >= text->size();
    if (quoted && !at_end) {
      if ((*text)[i] == '"' && i + 1 < text->size() && (*text)[i + 1] == '"') {
        field.push_back('"');
        ++i;
      } else if ((*text)[i] == '"') {
        quoted = false;
        closed = true;
      } else {
        *lines += (*text)[i] == '\n' ? 1 : 0;
        field.push_back((*text)[i]);
      }
      continue;
    }
    if (at_end || (*text)[i] == ',' || (*text)[i] == '\n') {
      fields->emplace_back(FromAbsl(absl::StripAsciiWhitespace(ToAbsl(field))));
      field.clear();
      closed = false;
      if (at_end || (*text)[i] == '\n') break;
      continue;
    }
    if ((*text)[i] == '"' && !closed && absl::StripAsciiWhitespace(field).empty()) {
      quoted = true;
      field.clear();
    } else {
      field.push_back((*text)[i]);
    }
  }
  ++*lines;
  text->remove_prefix(std::min(i + 1, text->size()));
  return !quoted;
}

absl::StatusOr<Exchanged> ReadCsv(std::string_view text) {
  Exchanged out;
  std::array<size_t, kColumnCount> places;
  places.fill(SIZE_MAX);
  std::vector<std::string> fields;
  size_t lines = 0;
  bool has_header = false;
  while (!text.empty()) {
    const size_t line = lines + 1;
    const bool closed = TakeRecord(&text, &fields, &lines);
    if (!closed) {
      out.Refuse(line, "a quote is never closed; what follows it is not read");
      break;
    }
    if ((fields.size() == 1 && fields[0].empty()) || fields[0].starts_with('#')) continue;
    if (!has_header) {
      for (size_t i = 0; i < fields.size(); ++i)
        for (size_t column = 0; column < kColumnCount; ++column)
          if (Is(fields[i], kColumns[column]) || (column == kReason && Is(fields[i], "scenario")))
            places[column] = i;
      if (places[kValue] == SIZE_MAX)
        return absl::InvalidArgumentError(
            "has no header with a column `value`, as duration,scope,value; is it a plain list?");
      has_header = true;
      continue;
    }
    if (out.decisions.size() >= kExchangedMax) {
      out.Refuse(line, Concat("more than ", kExchangedMax, " decisions; split the file"));
      break;
    }
    Row row;
    for (size_t column = 0; column < kColumnCount; ++column)
      if (places[column] < fields.size()) row[column] = fields[places[column]];
    Take(row, line, &out);
  }
  return out;
}

}  // namespace

absl::StatusOr<Exchanged> ReadCrowdsecDecisions(std::string_view text) {
  RETURN_IF_ERROR(CheckExchangedText(text));
  text = WithoutMark(text);
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return Exchanged();
  const bool is_json = text[begin] == '[' || text[begin] == '{' || text.substr(begin).starts_with("null");
  return is_json ? ReadJson(text) : ReadCsv(text);
}

std::string WriteCrowdsecDecisions(std::span<const Decision> decisions, int64_t now_ms, size_t* left_out) {
  std::string out = "[";
  *left_out = 0;
  for (const Decision& decision : decisions) {
    const int64_t seconds = (decision.until_ms - now_ms) / 1000;
    const bool is_network = NamesAddresses(decision.scope);
    const bool goes = !decision.shadow && seconds > 0 && decision.action != Action::kLock &&
                      (is_network || decision.scope == Scope::kAsn);
    if (!goes) {
      ++*left_out;
      continue;
    }
    const std::string_view type = decision.action == Action::kBlock      ? "ban"
                                  : decision.action == Action::kThrottle ? "throttle"
                                                                         : "captcha";
    const std::string_view scope = decision.scope == Scope::kIp      ? "Ip"
                                   : decision.scope == Scope::kRange ? "Range"
                                                                     : "AS";
    Append(&out, out.size() > 1 ? ",\n" : "\n", "{\"duration\":\"");
    AppendGoDuration(seconds, &out);
    out += "\",\"origin\":\"stockade\",\"reason\":";
    AppendJsonString(decision.reason, &out);
    Append(&out, ",\"scope\":\"", scope, "\",\"type\":\"", type, "\",\"value\":");
    AppendJsonString(decision.value, &out);
    out += "}";
  }
  out += "\n]\n";
  return out;
}

}  // namespace stockade
