#include "adapters/exchange/plain_list.h"

#include <algorithm>
#include <array>
#include <bit>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 12> kColumnNames = {"ip",      "ips",   "ip_address", "ipaddress",
                                                           "address", "addr",  "cidr",       "network",
                                                           "prefix",  "range", "value",      "src_ip"};

bool IsSpace(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}

// The first column, without quotes and comments; empty for a line that says nothing.
std::string_view FirstColumn(std::string_view line) noexcept {
  while (!line.empty() && IsSpace(line.front())) line.remove_prefix(1);
  if (line.empty() || line.front() == '#' || line.front() == ';') return {};
  if (line.front() == '"' || line.front() == '\'') {
    const size_t end = line.find(line.front(), 1);
    return end == std::string_view::npos ? line : line.substr(1, end - 1);
  }
  return line.substr(0, line.find_first_of(" \t\r,;#"));
}

// "a - b" is spread over three columns of white space.
std::string_view RangeColumn(std::string_view line, std::string_view first) noexcept {
  const auto at = static_cast<size_t>(first.data() - line.data());
  std::string_view rest = line.substr(at + first.size());
  if (first.find('-') != std::string_view::npos && !first.ends_with('-')) return first;
  size_t i = 0;
  while (i < rest.size() && IsSpace(rest[i])) ++i;
  if (!first.ends_with('-')) {
    if (i >= rest.size() || rest[i] != '-') return first;
    ++i;
    while (i < rest.size() && IsSpace(rest[i])) ++i;
  }
  const size_t end = std::min(rest.find_first_of(" \t\r,;#", i), rest.size());
  return line.substr(at, first.size() + end);
}

std::string_view Trim(std::string_view text) noexcept {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

void Add(size_t line, DecisionTarget target, Exchanged* out) {
  NewDecision decision;
  decision.line = line;
  decision.target = std::move(target);
  out->decisions.push_back(std::move(decision));
}

void ReadRange(size_t line, std::string_view text, size_t dash, Exchanged* out) {
  const std::optional<Address> first = Address::Parse(Trim(text.substr(0, dash)));
  const std::optional<Address> last = Address::Parse(Trim(text.substr(dash + 1)));
  if (!first || !last) return out->Refuse(line, Concat(Quoted(text), " is no range of two addresses"));
  if (!first->is_v4() || !last->is_v4())
    return out->Refuse(line, Concat(Quoted(text), " is a range of IPv6; write its networks"));
  if (first->v4() > last->v4()) return out->Refuse(line, Concat(Quoted(text), " ends before it begins"));
  for (const Prefix& network : NetworksOfRange(first->v4(), last->v4())) {
    absl::StatusOr<DecisionTarget> target = ReadTarget(std::nullopt, network.ToString());
    if (!target.ok()) return out->Refuse(line, Concat(Quoted(text), ": ", target.status().message()));
    Add(line, *std::move(target), out);
  }
}

void ReadLine(size_t number, std::string_view line, Exchanged* out) {
  const std::string_view column = FirstColumn(line);
  if (column.empty()) return;
  const std::string_view range = RangeColumn(line, column);
  // An address holds no dash; a name of something else may, and is named as what it is.
  if (const size_t dash = range.find('-');
      dash != std::string_view::npos && Address::Parse(Trim(range.substr(0, dash))))
    return ReadRange(number, range, dash, out);
  // Only of addresses: a list that says AS64500 in its first column is one of something else.
  if (!Address::Parse(column.substr(0, column.find('/'))))
    return out->Refuse(number, Concat(Quoted(column), " is no address and no network"));
  absl::StatusOr<DecisionTarget> target = ReadTarget(std::nullopt, column);
  if (!target.ok()) return out->Refuse(number, Concat(Quoted(column), ": ", target.status().message()));
  Add(number, *std::move(target), out);
}

}  // namespace

std::vector<Prefix> NetworksOfRange(uint32_t first, uint32_t last) {
  std::vector<Prefix> networks;
  uint64_t at = first;
  const uint64_t end = uint64_t{last} + 1;
  while (at < end) {
    // As large as its begin is aligned to and as is left.
    const int aligned = at == 0 ? 32 : std::countr_zero(at);
    const int left = static_cast<int>(std::bit_width(end - at)) - 1;
    const int bits = std::min(aligned, left);
    networks.push_back(Prefix::Around(Address::V4(static_cast<uint32_t>(at)), 32 - bits));
    at += uint64_t{1} << bits;
  }
  return networks;
}

absl::StatusOr<Exchanged> ReadPlainList(std::string_view text) {
  RETURN_IF_ERROR(CheckExchangedText(text));
  text = WithoutMark(text);
  Exchanged out;
  bool seen_any = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!seen_any) {
      const std::string_view column = FirstColumn(line);
      seen_any = !column.empty();
      const bool is_header = std::any_of(
          kColumnNames.begin(), kColumnNames.end(),
          [&](std::string_view name) { return absl::EqualsIgnoreCase(ToAbsl(column), ToAbsl(name)); });
      if (is_header) {
        ++out.passed_over;
        continue;
      }
    }
    if (out.decisions.size() >= kExchangedMax) {
      out.Refuse(number, Concat("more than ", kExchangedMax, " addresses; split the file"));
      break;
    }
    ReadLine(number, line, &out);
  }
  return out;
}

std::string WritePlainList(std::span<const Decision> decisions) {
  std::vector<Prefix> networks;
  for (const Decision& decision : decisions)
    if (!decision.shadow && NamesAddresses(decision.scope)) networks.push_back(decision.prefix);
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  std::string text;
  for (const Prefix& network : networks) text.append(network.ToString()).push_back('\n');
  return text;
}

}  // namespace stockade
