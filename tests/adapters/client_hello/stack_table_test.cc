// Proves which stack a JA4 shows and when that contradicts a user agent: never where anything is unknown or may be either.
// Then what user agents claim, against the families that uap-core's own tests give them.
#include <simdjson.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "adapters/client_hello/stack_lookup.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr char kChrome[] =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 "
    "Safari/537.36";
constexpr char kFirefox[] = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
constexpr char kSafari[] =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 "
    "Safari/605.1.15";
constexpr char kChromeOnPhone[] =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/133.0.6943.84 Mobile/15E148 Safari/604.1";

constexpr char kChromeJa4[] = "t13d1516h2_8daaf6152771_d8a2da3f94cd";
constexpr char kTorJa4[] = "t13d1513h2_8daaf6152771_748f4c70de1c";
constexpr char kPythonJa4[] = "t13d1812h1_85036bcba153_b26ce05bbdd6";
constexpr char kAppleJa4[] = "t13d2014h2_a09f3c656075_14788d8d241b";

Attempt Told(std::string_view ja4, std::string_view agent) {
  StackLookup lookup;
  Attempt attempt;
  attempt.ja4 = ja4;
  attempt.user_agent = agent;
  lookup.Fill(&attempt);
  return attempt;
}

TEST_CASE("who says Chrome and speaks Python is told so, by whole hello or by ciphers", "[client_hello]") {
  CHECK(Told(kPythonJa4, kChrome).tls_stack == "python");
  CHECK(Told(kPythonJa4, kChrome).tls_mismatch == "chromium/python");
  // Another ALPN, other extensions, no server name: Python all the same.
  CHECK(Told("t13i181200_85036bcba153_0123456789ab", kSafari).tls_mismatch == "apple/python");
  CHECK(Told(kPythonJa4, "python-requests/2.34").tls_stack == "python");
  CHECK(Told(kPythonJa4, "python-requests/2.34").tls_mismatch.data() == nullptr);
  CHECK(Told(kPythonJa4, {}).tls_mismatch.data() == nullptr);
}

TEST_CASE("browsers under their own names are no mismatch, and all of iOS is Apple's", "[client_hello]") {
  CHECK(Told(kChromeJa4, kChrome).tls_stack == "chromium");
  CHECK(Told(kChromeJa4, kChrome).tls_mismatch.data() == nullptr);
  CHECK(Told(kAppleJa4, kSafari).tls_mismatch.data() == nullptr);
  CHECK(Told(kAppleJa4, kChromeOnPhone).tls_mismatch.data() == nullptr);
  CHECK(Told(kChromeJa4, kChromeOnPhone).tls_mismatch == "apple/chromium");
  CHECK(Told("t13d1617h2_86a278354501_3cbfd9057e0d", kFirefox).tls_mismatch.data() == nullptr);
}

TEST_CASE("a list of ciphers that two stacks share contradicts neither", "[client_hello]") {
  // Tor Browser offers Chrome's. Whole hellos tell them apart; those of tomorrow do not.
  CHECK(Told(kTorJa4, kFirefox).tls_stack == "firefox");
  CHECK(Told(kTorJa4, kChrome).tls_mismatch == "chromium/firefox");
  constexpr char kTomorrow[] = "t13d1519h2_8daaf6152771_0123456789ab";
  CHECK(Told(kTomorrow, kChrome).tls_stack == "chromium|firefox");
  CHECK(Told(kTomorrow, kChrome).tls_mismatch.data() == nullptr);
  CHECK(Told(kTomorrow, kFirefox).tls_mismatch.data() == nullptr);
  CHECK(Told(kTomorrow, kSafari).tls_mismatch == "apple/chromium|firefox");
}

TEST_CASE("what is unknown, short or no JA4 says nothing", "[client_hello]") {
  for (const std::string_view ja4 :
       {"t13d1418h2_0123456789ab_0123456789ab", "q13d0311h3_55b375c5d22e_653d80c3fe9d", "-", "",
        "t13d1812h1_85036bcba153"}) {
    CAPTURE(ja4);
    CHECK(Told(ja4, kChrome).tls_stack.data() == nullptr);
    CHECK(Told(ja4, kChrome).tls_mismatch.data() == nullptr);
  }
  CHECK(Told({}, kChrome).tls_stack.data() == nullptr);
}

TEST_CASE("what an event says of itself stays", "[client_hello]") {
  StackLookup lookup;
  Attempt attempt;
  attempt.ja4 = kPythonJa4;
  attempt.user_agent = kChrome;
  attempt.tls_stack = "ours";
  lookup.Fill(&attempt);
  CHECK(attempt.tls_stack == "ours");
  CHECK(attempt.tls_mismatch.data() == nullptr);
  CHECK(lookup.counts().asked == 1);
  CHECK(lookup.counts().mismatched == 1);
}

TEST_CASE("every row of the shipped table agrees with its own stack's browser", "[client_hello]") {
  const StackTable& table = StackTable::Shipped();
  CHECK(table.size() >= 29);
  for (const auto& [ja4, agent] :
       std::map<std::string, std::string>{{"t13d1516h2_8daaf6152771_e5627efa2ab1", kChrome},
                                          {"t13d1517h2_8daaf6152771_cb7bf5808d99", kChrome},
                                          {"t13d1716h2_5b57614c22b0_eeeea6562960", kFirefox},
                                          {kTorJa4, kFirefox},
                                          {kAppleJa4, kSafari}}) {
    CAPTURE(ja4);
    CHECK(table.MismatchOf(ja4, ClaimOf(agent)).empty());
  }
}

TEST_CASE("a table that cannot be read says where and why", "[client_hello]") {
  const auto error = [](std::string_view text) {
    return std::string(FromAbsl(StackTable::Parse(text, "t.csv").status().message()));
  };
  const std::string head = "# of us\n\nja4,stack,client,source,licence\n";
  CHECK(error(head).empty());
  CHECK(error("") == "t.csv: is empty; write ja4,stack,client,source,licence");
  CHECK(error("x\n").starts_with("t.csv:1: is not the line of names"));
  CHECK(error(head + "a,b,c,d\n").starts_with("t.csv:4: has not 5 fields"));
  CHECK(error(head + "a,b,c,d,e,f\n").starts_with("t.csv:4: has not 5 fields"));
  CHECK(error(head + "x,go,c,s,l\n").starts_with("t.csv:4: ja4: \"x\" is none"));
  CHECK(error(Concat(head, kPythonJa4, ",a|b,c,s,l\n")).starts_with("t.csv:4: stack: \"a|b\" is no name"));
  CHECK(error(Concat(head, kPythonJa4, ",go,,s,l\n")).starts_with("t.csv:4: client, source and licence"));
}

TEST_CASE("user agents claim the stack of the browser that uap-core finds in them",
          "[client_hello][corpus]") {
  const auto file =
      std::filesystem::path(STOCKADE_CORPORA) / "user-agents" / "uap-core-test_ua-shared.ndjson";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: " << file << " is not there");
    return;
  }
  const std::map<std::string, StackClaim> families = {{"Chrome", StackClaim::kChromium},
                                                      {"Chromium", StackClaim::kChromium},
                                                      {"HeadlessChrome", StackClaim::kChromium},
                                                      {"Firefox", StackClaim::kFirefox},
                                                      {"Safari", StackClaim::kApple},
                                                      {"Mobile Safari", StackClaim::kApple},
                                                      {"Chrome Mobile iOS", StackClaim::kApple},
                                                      {"Firefox iOS", StackClaim::kApple},
                                                      {"IE", StackClaim::kNone},
                                                      {"Googlebot", StackClaim::kNone},
                                                      {"curl", StackClaim::kNone},
                                                      {"Python Requests", StackClaim::kNone}};
  simdjson::dom::parser parser;
  int agreed = 0, silent = 0;
  for (const simdjson::dom::element line : parser.load_many(file.string())) {
    const std::string agent{line["user_agent_string"].get_string().value()};
    const auto family = families.find(std::string{line["family"].get_string().value()});
    if (family == families.end()) continue;
    CAPTURE(agent, family->first);
    const StackClaim claim = ClaimOf(agent);
    // Too few claims only miss a mismatch; a wrong one would make one.
    CHECK((claim == family->second || claim == StackClaim::kNone));
    (claim == family->second ? agreed : silent) += 1;
  }
  std::printf("user agents: %d claim what they are, %d claim nothing\n", agreed, silent);
  CHECK(agreed > 0);
}

}  // namespace
}  // namespace stockade
