#include "bench/login_log.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "engine/text.h"

namespace stockade {
namespace {

constexpr uint64_t kAccounts = 20'000;
constexpr uint64_t kAttackers = 50'000;
constexpr uint64_t kStolenNames = 400'000;
constexpr uint64_t kDayMs = 86'400'000;

template <typename... Numbers>
std::string Print(const char* layout, Numbers... numbers) {
  std::array<char, 128> text;
  const int size = std::snprintf(text.data(), text.size(), layout, numbers...);
  return std::string(text.data(), static_cast<size_t>(size));
}

std::string V4(uint64_t bits) {
  return Print("%u.%u.%u.%u", static_cast<unsigned>(1 + (bits >> 24) % 222),
               static_cast<unsigned>((bits >> 16) & 255), static_cast<unsigned>((bits >> 8) & 255),
               static_cast<unsigned>(1 + bits % 254));
}

std::string Hex16(uint64_t bits) {
  return Print("%016llx", static_cast<unsigned long long>(bits));
}

std::string Browser(uint64_t bits) {
  if (bits % 5 == 0) {
    return Print(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_%u like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.%u Mobile/15E148",
        static_cast<unsigned>(bits / 5 % 6), static_cast<unsigned>(bits / 30 % 3));
  }
  if (bits % 5 < 3) {
    return Print("BrokerApp/5.%u.0 (Android 14; SM-S91%u)", static_cast<unsigned>(bits / 5 % 12),
                 static_cast<unsigned>(bits / 60 % 10));
  }
  return Print(
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%u.0.0.0 "
      "Safari/537.36",
      static_cast<unsigned>(90 + bits / 5 % 40));
}

std::string Ja4(uint64_t bits) {
  return Print("t13d%02u16h2_8daaf6152771_%06x86095e", static_cast<unsigned>(10 + bits % 12),
               static_cast<unsigned>(bits * 2654435761u % 0xffffff));
}

// One attempt, before it is written.
struct Login {
  std::string ip, account, browser, ja4, device, password;
  uint64_t asn = 0;
  std::string_view reason = "success";
  std::string_view certificate = "missing";
};

Login Customer(Draw& draw) {
  const uint64_t number = draw.Below(kAccounts);
  Draw fixed(number * 7919 + 17);  // what is always the same of this customer
  Login login;
  const uint64_t home = fixed.Next();
  login.ip = home % 10 == 0 ? Print("2001:db8:%x:%x::%x", static_cast<unsigned>(home >> 8 & 0xffff),
                                    static_cast<unsigned>(home >> 24 & 0xffff),
                                    static_cast<unsigned>(1 + (home >> 40 & 0xff)))
                            : V4(home);
  login.asn = 2500 + fixed.Below(400);
  const uint64_t browser = fixed.Below(200);
  login.browser = Browser(browser);
  login.ja4 = Ja4(browser % 40);
  if (fixed.Below(10) < 7) login.device = Hex16(fixed.Next());
  if (fixed.OneIn(3)) login.certificate = "valid";
  login.account = Print("customer%05u", static_cast<unsigned>(number));
  login.password = Hex16(fixed.Next()) + Hex16(fixed.Next());
  const uint64_t where = draw.Below(100);
  if (where < 5) {  // a carrier's NAT: a few addresses for everybody
    login.ip = V4(0x64400000 + draw.Below(200) * 257);
    login.asn = 2516;
  } else if (where < 7) {
    login.ip = V4(0x0a000000 + number % 300 * 7919);
  }
  const uint64_t luck = draw.Below(1000);
  if (luck < 40) {
    login.reason = "bad_password";
    login.password = Hex16(draw.Next());
    login.password += Hex16(draw.Next());
  } else if (luck < 45) {
    login.reason = "second_factor_failed";
  }
  return login;
}

Login Stuffer(Draw& draw) {
  Login login;
  const uint64_t proxy = draw.Below(kAttackers);
  Draw fixed(proxy * 104729 + 3);
  login.ip = V4(fixed.Next());
  login.asn = 60000 + fixed.Below(2000);
  const uint64_t browser = draw.OneIn(3) ? 1000 + draw.Below(20) : draw.Below(200);
  login.browser = Browser(browser);
  login.ja4 = Ja4(browser >= 1000 ? 77 : browser % 40);
  const uint64_t name = draw.Below(kStolenNames);
  const bool known = name < kStolenNames / 20;
  login.account = known ? Print("customer%05u", static_cast<unsigned>(name % kAccounts))
                        : Print("user.%u@example.net", static_cast<unsigned>(name));
  login.password = Hex16(name * 31 + 7) + Hex16(name * 37 + 11);
  login.reason = !known ? "unknown_account" : draw.OneIn(100) ? "success" : "bad_password";
  return login;
}

}  // namespace

std::string MakeNdjsonLog(int lines, uint64_t seed) {
  Draw draw(seed);
  std::string text;
  text.reserve(static_cast<size_t>(lines) * 560);
  for (int i = 0; i < lines; ++i) {
    const uint64_t ms = static_cast<uint64_t>(i) * kDayMs / static_cast<uint64_t>(lines);
    const Login login = draw.OneIn(5) ? Stuffer(draw) : Customer(draw);
    Append(&text,
           Print(R"({"@timestamp":"2026-05-04T%02u:%02u:%02u.%03uZ",)", static_cast<unsigned>(ms / 3'600'000),
                 static_cast<unsigned>(ms / 60'000 % 60), static_cast<unsigned>(ms / 1000 % 60),
                 static_cast<unsigned>(ms % 1000)),
           R"("event":{"outcome":")", login.reason == "success" ? "success" : "failure", R"(","reason":")",
           login.reason, R"("},"source":{"ip":")", login.ip, R"(","as":{"number":)", login.asn,
           R"(}},"user":{"name":")", login.account, R"("},"user_agent":{"original":")", login.browser,
           R"("},"tls":{"client":{"ja4":")", login.ja4,
           R"("}},"url":{"path":"/login"},"login":{"certificate":")", login.certificate,
           R"(","password_id":")", login.password, R"(")");
    if (!login.device.empty()) Append(&text, R"(,"device":")", login.device, R"(")");
    Append(&text, "}}\n");
  }
  return text;
}

std::string MakeSshdLog(int lines, uint64_t seed) {
  constexpr uint64_t kSpanSeconds = 10 * 86'400;
  constexpr std::array<const char*, 6> kNames = {"oracle", "test", "admin", "ubuntu", "deploy", "git"};
  Draw draw(seed);
  std::string text;
  text.reserve(static_cast<size_t>(lines) * 110);
  for (int i = 0; i < lines; ++i) {
    const uint64_t second = static_cast<uint64_t>(i) * kSpanSeconds / static_cast<uint64_t>(lines);
    Append(&text, Print("Mar %2u %02u:%02u:%02u", static_cast<unsigned>(2 + second / 86'400),
                        static_cast<unsigned>(second / 3600 % 24), static_cast<unsigned>(second / 60 % 60),
                        static_cast<unsigned>(second % 60)));
    const uint64_t pid = 1000 + draw.Below(30'000);
    const uint64_t port = 1024 + draw.Below(60'000);
    const std::string attacker = V4(Draw(draw.Below(20'000) + 99).Next());
    const uint64_t kind = draw.Below(100);
    if (kind < 25) {
      Append(&text, " gate sshd[", pid, "]: Failed password for root from ", attacker, " port ", port,
             " ssh2\n");
    } else if (kind < 50) {
      const std::string_view name = kNames[draw.Below(6)];
      Append(&text, " gate sshd[", pid, "]: Failed password for invalid user ", name, draw.Below(500),
             " from ", attacker, " port ", port, " ssh2\n");
    } else if (kind < 60) {
      const uint64_t user = draw.Below(300);
      Append(&text, " gate sshd[", pid, "]: Accepted publickey for staff", user, " from ",
             V4(0xc0000000 + user * 1021), " port ", port,
             " ssh2: RSA SHA256:Kl8kPGZrTiz7g4FO1hyqHdsSBBb5Fge6NWOobN03XJg\n");
    } else if (kind < 75) {
      Append(&text, " gate CRON[", pid,
             "]: pam_unix(cron:session): session opened for user root by (uid=0)\n");
    } else if (kind < 85) {
      Append(&text, " gate sshd[", pid, "]: Received disconnect from ", attacker, " port ", port,
             ":11: Bye Bye [preauth]\n");
    } else if (kind < 95) {
      Append(&text, " gate sshd[", pid, "]: pam_unix(sshd:session): session closed for user staff",
             draw.Below(300), "\n");
    } else {
      Append(&text, " gate systemd-logind[512]: Removed session ", draw.Below(100'000), ".\n");
    }
  }
  return text;
}

}  // namespace stockade
