#include "adapters/client_hello/agent_claim.h"

#include <algorithm>
#include <array>

namespace stockade {
namespace {

template <size_t N>
bool HasOneOf(std::string_view text, const std::array<std::string_view, N>& words) noexcept {
  return std::any_of(words.begin(), words.end(),
                     [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

constexpr std::array<std::string_view, 6> kApple = {"iPhone", "iPad", "iPod", "CriOS/", "FxiOS/", "EdgiOS/"};
// What has a browser's words and another stack: crawlers name themselves "compatible", Windows' own engines, and players
// and consoles with WebKit on whatever they have.
constexpr std::array<std::string_view, 8> kOthers = {
    "compatible;", "Trident/", "MSIE ", "Edge/", "Windows Phone", "PhantomJS/", "PlayStation", "Nintendo"};

}  // namespace

std::string_view Name(StackClaim claim) noexcept {
  static constexpr std::array<std::string_view, 4> kNames = {"", "chromium", "firefox", "apple"};
  return kNames[static_cast<size_t>(claim)];
}

StackClaim ClaimOf(std::string_view user_agent) noexcept {
  const auto has = [user_agent](std::string_view word) {
    return user_agent.find(word) != std::string_view::npos;
  };
  // Every browser begins so, and few else do.
  if (!user_agent.starts_with("Mozilla/5.0 (") || HasOneOf(user_agent, kOthers)) return StackClaim::kNone;
  if (HasOneOf(user_agent, kApple)) return StackClaim::kApple;
  if (has(" Chrome/") || has(" Chromium/") || has(" HeadlessChrome/")) return StackClaim::kChromium;
  if (has(" Firefox/") && has(" Gecko/")) return StackClaim::kFirefox;
  if (has("(Macintosh;") && has(" Version/") && has(" Safari/")) return StackClaim::kApple;
  return StackClaim::kNone;
}

}  // namespace stockade
