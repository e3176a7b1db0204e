#include "tools/simulation/client_table.h"

#include <algorithm>

#include "engine/text.h"

namespace stockade {
namespace {

// '#' in a user agent stands for the version: `first` and the next ones.
struct ClientRow {
  ClientKind kind;
  uint32_t weight;  // of 100 of its kind
  std::string_view agent;
  int first;
  std::string_view ja4;
  std::string_view new_ja4;  // of the app's new release; empty: the same
  std::string_view header_order;
};

constexpr std::string_view kChromeJa4 = "t13d1516h2_8daaf6152771_02713d6af862";
constexpr std::string_view kSafariJa4 = "t13d2014h2_a09f3c656075_14788d8d241b";

constexpr std::array<ClientRow, 10> kClients = {{
    {ClientKind::kComputer, 45,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 "
     "Safari/537.36",
     138, kChromeJa4, "", "c4a1f09b27de"},
    {ClientKind::kComputer, 25,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 "
     "Safari/537.36 "
     "Edg/#.0.0.0",
     138, kChromeJa4, "", "5be90c7712fa"},
    {ClientKind::kComputer, 12,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 "
     "Safari/537.36",
     138, kChromeJa4, "", "c4a1f09b27de"},
    {ClientKind::kComputer, 11,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.# "
     "Safari/605.1.15",
     1, kSafariJa4, "", "08d3e6b1a94c"},
    {ClientKind::kComputer, 7, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:#.0) Gecko/20100101 Firefox/#.0",
     140, "t13d1715h2_5b57614c22b0_3d5424432f57", "", "e17b5520c9d8"},
    {ClientKind::kPhoneBrowser, 52,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 18_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/18.# "
     "Mobile/15E148 Safari/604.1",
     1, kSafariJa4, "", "08d3e6b1a94c"},
    {ClientKind::kPhoneBrowser, 36,
     "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Mobile "
     "Safari/537.36",
     138, kChromeJa4, "", "9a06d2f4b8e3"},
    {ClientKind::kPhoneBrowser, 12,
     "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/#.0 "
     "Chrome/130.0.0.0 "
     "Mobile Safari/537.36",
     26, kChromeJa4, "", "71c8fe3305ad"},
    {ClientKind::kApp, 56, "BrokerApp/8.# (iOS 18; iPhone)", 2, "t13d2613h2_2802a3db6c62_845d286b0d67",
     "t13d2714h2_1d9a7cf2b6e0_5ac7f1e0d2b4", "3f20b8d7c615"},
    {ClientKind::kApp, 44, "BrokerApp/8.# (Android 15) okhttp/4.12.0", 2,
     "t13d1513h2_8daaf6152771_eca864cca44a", "t13d1614h2_c7e41f9d03ab_b1f6a2380c9e", "b67e91d40a2f"},
}};

struct ToolRow {
  std::string_view agent;
  std::string_view ja4;
  std::string_view header_order;
};
constexpr std::array<ToolRow, 4> kTools = {{
    {"python-requests/2.31.0", "t13d1812h1_85036bcba153_b26ce05bbdd6", "0d5c7e11f3a8"},
    {"Go-http-client/2.0", "t13d1311h2_f57a46bbacb6_ab7e3b40a677", "2a9b64f0c7d1"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.131 "
     "Safari/537.36 "
     "Edg/92.0.902.67",
     "t12d190800_d83cc789557e_7af1ed941c26", "f4416e8ab05c"},
    {"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 "
     "Safari/537.36",
     "t13d3112h2_e8f1e7e78f70_6bebaf5329ac", "8e73c0d9142b"},
}};
constexpr ToolRow kAggregator = {"LedgerLink/3.4 (Java/17.0.9)", "t13d4907h2_0d8feac7bc37_7395dae3b2f3",
                                 "d90a4b7e63f2"};

constexpr int kFaked = 60;

std::string WithVersion(std::string_view pattern, int version) {
  std::string text;
  for (const char c : pattern) {
    if (c == '#') {
      text += std::to_string(version);
    } else {
      text.push_back(c);
    }
  }
  return text;
}

}  // namespace

ClientTable::ClientTable() {
  for (const ClientRow& row : kClients) {
    std::array<std::string, kVersions>& versions = agents_.emplace_back();
    for (uint32_t i = 0; i < kVersions; ++i)
      versions[i] = WithVersion(row.agent, row.first + static_cast<int>(i));
  }
  // What a list of user agents from the net holds: browsers of the last years on three systems.
  constexpr std::array<std::string_view, 3> kSystems = {
      "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"};
  for (int i = 0; i < kFaked; ++i) {
    faked_.push_back(Concat("Mozilla/5.0 (", kSystems[static_cast<size_t>(i % 3)],
                            ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", 100 + i / 3,
                            ".0.0.0 Safari/537.36"));
  }
}

ClientPrint ClientTable::Customer(ClientKind kind, uint64_t pick, uint32_t version,
                                  AppRelease release) const noexcept {
  auto left = static_cast<uint32_t>(Chance::Mix(pick) % 100);
  size_t found = 0;
  for (size_t i = 0; i < kClients.size(); ++i) {
    if (kClients[i].kind != kind) continue;
    found = i;
    if (left < kClients[i].weight) break;
    left -= kClients[i].weight;
  }
  const ClientRow& row = kClients[found];
  const bool is_new = release == AppRelease::kNew && !row.new_ja4.empty();
  // A release counts as an update of its own.
  const uint32_t index = std::min(version + (is_new ? 1 : 0), kVersions - 1);
  return {agents_[found][index], is_new ? row.new_ja4 : row.ja4, row.header_order,
          kind == ClientKind::kApp ? "app" : "web"};
}

ClientPrint ClientTable::Aggregator() const noexcept {
  return {kAggregator.agent, kAggregator.ja4, kAggregator.header_order, "api"};
}

ClientPrint ClientTable::Tool(AttackTool tool) const noexcept {
  const ToolRow& row = kTools[static_cast<size_t>(tool)];
  return {row.agent, row.ja4, row.header_order, "web"};
}

ClientPrint ClientTable::Rotated(AttackTool tool, Chance* chance) const noexcept {
  ClientPrint print = Tool(tool);
  print.user_agent = faked_[chance->Below(faked_.size())];
  return print;
}

}  // namespace stockade
