#include "engine/rule/finding.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/event/printable_text.h"
#include "engine/limits.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kWordBytesMax = 64;

}  // namespace

std::string Finding::ToString() const {
  const bool is_warning = severity == Severity::kWarning;
  const std::string key_text = is_warning ? (key.empty() ? "warning" : "warning: " + key) : key;
  const absl::Status status = ErrorAt(place, key_text, what);
  // Keys are quoted as they were written.
  return PrintableLine(FromAbsl(status.message()));
}

void Findings::Error(Place place, std::string_view key, std::string_view what, std::string_view suggestion) {
  ++errors_;
  Add(Finding{Finding::Severity::kError, std::move(place), std::string(key), std::string(what),
              std::string(suggestion)});
}

void Findings::Warn(Place place, std::string_view key, std::string_view what, std::string_view suggestion) {
  ++warnings_;
  Add(Finding{Finding::Severity::kWarning, std::move(place), std::string(key), std::string(what),
              std::string(suggestion)});
}

void Findings::Add(Finding finding) {
  if (all_.size() < kFindingsMax) all_.push_back(std::move(finding));
}

void Findings::SortFrom(size_t first) {
  std::stable_sort(
      all_.begin() + static_cast<ptrdiff_t>(first), all_.end(), [](const Finding& a, const Finding& b) {
        return a.place.line != b.place.line ? a.place.line < b.place.line : a.place.column < b.place.column;
      });
}

absl::Status Findings::ToStatus() const {
  if (errors_ == 0) return absl::OkStatus();
  std::string text;
  size_t lines = 0;
  for (const Finding& finding : all_) {
    if (finding.severity != Finding::Severity::kError) continue;
    if (lines == kStatusLinesMax) break;
    if (lines++ > 0) text += '\n';
    text += finding.ToString();
  }
  if (errors_ > lines) Append(&text, "\nand ", errors_ - lines, " more errors");
  return absl::InvalidArgumentError(text);
}

int EditDistance(std::string_view a, std::string_view b) {
  if (a.size() > kWordBytesMax || b.size() > kWordBytesMax) return static_cast<int>(kWordBytesMax) * 2;
  // Three rows of the table: the one being filled, the one above it, and the one above that for swapped
  // neighbours.
  std::array<std::array<int, kWordBytesMax + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& second_above = rows[(i + 1) % 3];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int exchange = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, exchange});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], second_above[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates) {
  const int allowed = std::min(2, static_cast<int>(word.size()) / 3);
  std::string_view nearest;
  int best = allowed + 1;
  for (std::string_view candidate : candidates) {
    const int distance = EditDistance(word, candidate);
    if (distance == 0) return {};
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view nearest) {
  return nearest.empty() ? std::string() : Concat("; did you mean '", nearest, "'?");
}

std::string Quoted(std::string_view text, char quote) {
  const size_t shown = std::min(text.size(), kPrintedFieldBytesMax);
  std::string out(1, quote);
  out += PrintableLine(text.substr(0, shown));
  if (shown < text.size()) out += "...";
  out += quote;
  return out;
}

}  // namespace stockade
