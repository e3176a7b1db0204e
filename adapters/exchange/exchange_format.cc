#include "adapters/exchange/exchange_format.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/exchange/crowdsec_decisions.h"
#include "adapters/exchange/plain_list.h"
#include "adapters/exchange/stix.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Enough to meet the first object of any list.
constexpr size_t kLookBytes = size_t{64} << 10;

bool Holds(std::string_view text, std::string_view word) noexcept {
  return text.find(word) != std::string_view::npos;
}

bool HoldsColumn(std::string_view line, std::string_view name) noexcept {
  while (true) {
    const size_t comma = std::min(line.find(','), line.size());
    std::string_view column = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line.substr(0, comma))));
    if (column.size() >= 2 && column.front() == '"' && column.back() == '"')
      column = column.substr(1, column.size() - 2);
    if (absl::EqualsIgnoreCase(ToAbsl(column), ToAbsl(name))) return true;
    if (comma == line.size()) return false;
    line.remove_prefix(comma + 1);
  }
}

absl::StatusOr<Exchanged> ReadNdjson(std::string_view text) {
  RETURN_IF_ERROR(CheckExchangedText(text));
  text = WithoutMark(text);
  Exchanged out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    if (out.decisions.size() >= kExchangedMax) {
      out.Refuse(number, Concat("more than ", kExchangedMax, " decisions; split the file"));
      break;
    }
    absl::StatusOr<NewDecision> decision = ReadNewDecision(line);
    if (!decision.ok()) {
      out.Refuse(number, std::string(FromAbsl(decision.status().message())));
      continue;
    }
    decision->line = number;
    out.decisions.push_back(*std::move(decision));
  }
  return out;
}

}  // namespace

std::optional<ExchangeFormat> ParseExchangeFormat(std::string_view word) noexcept {
  for (size_t i = 0; i < std::size(kExchangeFormatNames); ++i)
    if (kExchangeFormatNames[i] == word) return static_cast<ExchangeFormat>(i);
  return std::nullopt;
}

ExchangeFormat DetectExchangeFormat(std::string_view text) noexcept {
  text = WithoutMark(text).substr(0, kLookBytes);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const std::string_view line = text.substr(0, text.find('\n'));
  if (text.starts_with('{'))
    return Holds(line, "\"action\"") && !Holds(line, "\"objects\"") ? ExchangeFormat::kNdjson
                                                                    : ExchangeFormat::kStix;
  if (text.starts_with('[')) {
    const bool stix = Holds(text, "\"pattern\"") || Holds(text, "\"spec_version\"");
    return stix ? ExchangeFormat::kStix : ExchangeFormat::kCrowdsec;
  }
  const bool csv = HoldsColumn(line, "value") &&
                   (HoldsColumn(line, "duration") || HoldsColumn(line, "scope") || HoldsColumn(line, "type"));
  return csv ? ExchangeFormat::kCrowdsec : ExchangeFormat::kPlain;
}

absl::StatusOr<Exchanged> ReadExchanged(ExchangeFormat format, std::string_view text, int64_t now_ms) {
  switch (format) {
    case ExchangeFormat::kPlain:
      return ReadPlainList(text);
    case ExchangeFormat::kCrowdsec:
      return ReadCrowdsecDecisions(text);
    case ExchangeFormat::kStix:
      return ReadStix(text, now_ms);
    case ExchangeFormat::kNdjson:
      return ReadNdjson(text);
  }
  return absl::InvalidArgumentError("no such format");
}

}  // namespace stockade
