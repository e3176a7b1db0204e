#include "adapters/client_hello/stack_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/known_stacks.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kHeadLine = "ja4,stack,client,source,licence";
constexpr size_t kColumns = 5;
// Of a JA4: two digits of count, and the part that is hashed of the ciphers.
constexpr size_t kCountAt = 4;
constexpr size_t kCiphersAt = 11;
constexpr size_t kCiphersBytes = 12;

std::string_view CiphersOf(std::string_view ja4) noexcept {
  const int count = (ja4[kCountAt] - '0') * 10 + (ja4[kCountAt + 1] - '0');
  return count < kStackCiphersMin ? std::string_view() : ja4.substr(kCiphersAt, kCiphersBytes);
}

bool IsStackName(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The fields of a line; false: not as many as there are columns.
bool Split(std::string_view line, std::array<std::string_view, kColumns>* fields) noexcept {
  for (size_t i = 0; i < kColumns; ++i) {
    const size_t comma = line.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == kColumns)) return false;
    (*fields)[i] = line.substr(0, comma);
    if (comma != std::string_view::npos) line.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace

absl::StatusOr<StackTable> StackTable::Parse(std::string_view text, std::string_view name) {
  StackTable table;
  bool has_head = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.front() == '#') continue;
    const auto refuse = [&](std::string_view what) {
      return absl::InvalidArgumentError(Concat(name, ":", number, ": ", what));
    };
    if (!has_head) {
      if (line != kHeadLine) return refuse(Concat("is not the line of names; write ", kHeadLine));
      has_head = true;
      continue;
    }
    std::array<std::string_view, kColumns> fields;
    if (!Split(line, &fields)) return refuse(Concat("has not ", kColumns, " fields; write ", kHeadLine));
    const auto [ja4, stack, client, source, licence] = fields;
    if (!IsJa4(ja4)) return refuse(Concat("ja4: \"", ja4, "\" is none"));
    if (!IsStackName(stack)) return refuse(Concat("stack: \"", stack, "\" is no name; write a-z, 0-9 and _"));
    if (client.empty() || source.empty() || licence.empty())
      return refuse("client, source and licence must be said of every row");
    if (++table.row_count_ > kStackRowsMax)
      return refuse(Concat("is row ", table.row_count_, "; a table has at most ", kStackRowsMax));
    table.whole_.push_back({std::string(ja4), {std::string(stack)}, {}, {}});
    if (const std::string_view ciphers = CiphersOf(ja4); !ciphers.empty())
      table.ciphers_.push_back({std::string(ciphers), {std::string(stack)}, {}, {}});
  }
  if (!has_head) return absl::InvalidArgumentError(Concat(name, ": is empty; write ", kHeadLine));
  Finish(&table.whole_);
  Finish(&table.ciphers_);
  return table;
}

const StackTable& StackTable::Shipped() {
  static const StackTable table = [] {
    absl::StatusOr<StackTable> parsed = Parse(kKnownStacksText, "known_stacks.csv");
    STOCKADE_CHECK(parsed.ok());
    return *std::move(parsed);
  }();
  return table;
}

// One entry a key, with all its stacks in their order.
void StackTable::Finish(std::vector<Entry>* entries) {
  std::stable_sort(entries->begin(), entries->end(),
                   [](const Entry& a, const Entry& b) { return a.key < b.key; });
  std::vector<Entry> merged;
  for (Entry& entry : *entries) {
    if (!merged.empty() && merged.back().key == entry.key) {
      merged.back().stacks.push_back(std::move(entry.stacks.front()));
    } else {
      merged.push_back(std::move(entry));
    }
  }
  for (Entry& entry : merged) {
    std::sort(entry.stacks.begin(), entry.stacks.end());
    entry.stacks.erase(std::unique(entry.stacks.begin(), entry.stacks.end()), entry.stacks.end());
    for (const std::string& stack : entry.stacks) Append(&entry.text, entry.text.empty() ? "" : "|", stack);
    for (const StackClaim claim : {StackClaim::kChromium, StackClaim::kFirefox, StackClaim::kApple}) {
      if (std::find(entry.stacks.begin(), entry.stacks.end(), Name(claim)) == entry.stacks.end())
        entry.mismatches[static_cast<size_t>(claim)] = Concat(Name(claim), "/", entry.text);
    }
  }
  *entries = std::move(merged);
}

const StackTable::Entry* StackTable::FindIn(const std::vector<Entry>& entries,
                                            std::string_view key) noexcept {
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), key,
                       [](const Entry& entry, std::string_view wanted) { return entry.key < wanted; });
  return found != entries.end() && found->key == key ? &*found : nullptr;
}

const StackTable::Entry* StackTable::Find(std::string_view ja4) const noexcept {
  if (!IsJa4(ja4)) return nullptr;
  if (const Entry* const entry = FindIn(whole_, ja4)) return entry;
  const std::string_view ciphers = CiphersOf(ja4);
  return ciphers.empty() ? nullptr : FindIn(ciphers_, ciphers);
}

std::string_view StackTable::StackOf(std::string_view ja4) const noexcept {
  const Entry* const entry = Find(ja4);
  return entry == nullptr ? std::string_view() : std::string_view(entry->text);
}

std::string_view StackTable::MismatchOf(std::string_view ja4, StackClaim claim) const noexcept {
  const Entry* const entry = Find(ja4);
  return entry == nullptr ? std::string_view()
                          : std::string_view(entry->mismatches[static_cast<size_t>(claim)]);
}

}  // namespace stockade
