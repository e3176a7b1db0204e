#include "adapters/firewall/list_text.h"

#include <simdjson.h>

#include <utility>

#include "absl/status/statusor.h"
#include "adapters/decision_json.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kHeader = "# Written by Stockade. What is changed here is changed back.";

}  // namespace

bool ListText::CanSay(const OrderKey& key) const {
  // JSON has no other text, and what stood for it would be read back as another name.
  if (format_ == ListFormat::kNdjson) return simdjson::validate_utf8(key.value.data(), key.value.size());
  return key.action == action_ && NamesAddresses(key.scope) && SpellsNetwork(key.scope, key.value) &&
         (format_ == ListFormat::kNginxGeo || VariantOf(key) == kFirstVariant);
}

std::string ListText::SlotOf(const OrderKey& key) const {
  if (format_ != ListFormat::kNdjson) return key.value;
  // Values may hold anything, so they stand last.
  return Concat(Name(key.action), " ", static_cast<int>(VariantOf(key)), " ", Name(key.scope), " ",
                key.value);
}

bool ListText::Carry(const Order& order, Lines* lines) const {
  OrderKey key = OrderKey::Of(*order.decision);
  const std::string slot = SlotOf(key);
  const auto found = lines->find(slot);
  const bool enforce = order.kind == Order::Kind::kEnforce;
  if (format_ == ListFormat::kNdjson) {
    if (!enforce) return lines->erase(slot) > 0;
    std::string json = ToJson(*order.decision);
    if (found != lines->end() && found->second.json == json) return false;
    Line line;
    line.json = std::move(json);
    line.key = std::move(key);
    line.until_ms = order.decision->until_ms;
    lines->insert_or_assign(slot, std::move(line));
    return true;
  }
  const VariantMask before = found == lines->end() ? VariantMask{0} : found->second.mask;
  const VariantMask variant = VariantOf(key);
  const auto mask = static_cast<VariantMask>(enforce ? before | variant : before & ~variant);
  if (mask == before) return false;
  if (mask == 0) {
    lines->erase(found);
  } else {
    (*lines)[slot].mask = mask;
  }
  return true;
}

std::string ListText::Write(const Lines& lines) const {
  std::string text;
  switch (format_) {
    case ListFormat::kNdjson:
      for (const auto& [slot, line] : lines) Append(&text, line.json, "\n");
      break;
    case ListFormat::kPlain:
      for (const auto& [slot, line] : lines) Append(&text, slot, "\n");
      break;
    case ListFormat::kNginxDeny:
      Append(&text, kHeader, "\n");
      for (const auto& [slot, line] : lines) Append(&text, "deny ", slot, ";\n");
      break;
    case ListFormat::kNginxGeo:
      Append(&text, kHeader, "\n");
      for (const auto& [slot, line] : lines) Append(&text, slot, " ", static_cast<int>(line.mask), ";\n");
      break;
  }
  return text;
}

std::optional<std::pair<std::string, ListText::Line>> ListText::ParseLine(std::string_view line) const {
  Line read;
  std::string_view value = line;
  switch (format_) {
    case ListFormat::kNdjson: {
      const absl::StatusOr<Decision> decision = ParseDecision(line);
      if (!decision.ok()) return std::nullopt;
      read.json = line;
      read.key = OrderKey::Of(*decision);
      read.until_ms = decision->until_ms;
      std::string slot = SlotOf(read.key);
      return std::make_pair(std::move(slot), std::move(read));
    }
    case ListFormat::kPlain:
      break;
    case ListFormat::kNginxDeny:
      if (!line.starts_with("deny ") || !line.ends_with(';')) return std::nullopt;
      value = line.substr(5, line.size() - 6);
      break;
    case ListFormat::kNginxGeo: {
      if (line.size() < 4 || !line.ends_with(';') || line[line.size() - 3] != ' ') return std::nullopt;
      const int mask = line[line.size() - 2] - '0';
      const bool two = action_ == Action::kChallenge || action_ == Action::kLock;
      if (mask < kFirstVariant || mask > (two ? kBothVariants : kFirstVariant)) return std::nullopt;
      read.mask = static_cast<VariantMask>(mask);
      value = line.substr(0, line.size() - 3);
      break;
    }
  }
  if (!SpellsNetwork(ScopeOfAddress(value), value)) return std::nullopt;
  return std::make_pair(std::string(value), std::move(read));
}

ListText::Read ListText::Parse(std::string_view text) const {
  Read read;
  const bool has_header = format_ == ListFormat::kNginxDeny || format_ == ListFormat::kNginxGeo;
  for (bool first = true; !text.empty(); first = false) {
    const size_t end = text.find('\n');
    // A last line without its end was cut short.
    if (end == std::string_view::npos) {
      ++read.strange;
      break;
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (first && has_header && line == kHeader) continue;
    auto parsed = ParseLine(line);
    if (!parsed || !read.lines.emplace(std::move(parsed->first), std::move(parsed->second)).second)
      ++read.strange;
  }
  return read;
}

void ListText::AppendStanding(const Lines& lines, std::vector<Enforced>* standing) const {
  for (const auto& [slot, line] : lines) {
    if (format_ == ListFormat::kNdjson) {
      standing->push_back({line.key, line.until_ms});
      continue;
    }
    for (const VariantMask variant : {kFirstVariant, kSecondVariant})
      if ((line.mask & variant) != 0)
        standing->push_back({KeyOf(ScopeOfAddress(slot), action_, variant, slot), 0});
  }
}

}  // namespace stockade
