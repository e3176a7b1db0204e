#include "adapters/source/sshd_message.h"

#include <algorithm>
#include <charconv>

#include "adapters/source/sshd.h"
#include "engine/event/digits.h"

namespace stockade {
namespace {

using Kind = SshdMessage::Kind;

bool Consume(std::string_view* text, std::string_view prefix) noexcept {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool ConsumeSuffix(std::string_view* text, std::string_view suffix) noexcept {
  if (!text->ends_with(suffix)) return false;
  text->remove_suffix(suffix.size());
  return true;
}

// Takes decimal digits, at least one.
bool ConsumeNumber(std::string_view* text) noexcept {
  size_t i = 0;
  while (i < text->size() && IsDigit((*text)[i])) ++i;
  text->remove_prefix(i);
  return i > 0;
}

// What may stand behind "ssh2: " of a key: "RSA SHA256:…", or of a certificate "RSA-CERT SHA256:… ID …
// (serial 7) CA RSA SHA256:…"; sshd writes the end of either.
bool IsKeyDescription(std::string_view text) noexcept {
  const auto spaces = std::count(text.begin(), text.end(), ' ');
  if (spaces <= 1) return !text.empty();
  return text.find(" ID ") != std::string_view::npos && text.find(" (serial ") != std::string_view::npos;
}

// "192.0.2.1", "192.0.2.1 port 22", "… ssh2", "… ssh2: <key>", whole: where an attempt came from, as sshd
// writes it last.
bool ParseOrigin(std::string_view text, bool with_key, Address* source) noexcept {
  const size_t end = std::min(text.find(' '), text.size());
  const auto address = Address::Parse(text.substr(0, end));
  if (!address.has_value()) return false;
  *source = *address;
  text.remove_prefix(end);
  if (text.empty()) return true;
  if (!Consume(&text, " port ") || !ConsumeNumber(&text)) return false;
  if (text.empty()) return true;
  if (!Consume(&text, " ssh")) return false;
  ConsumeNumber(&text);  // "ssh2", or "ssh" of old versions
  if (text.empty()) return true;
  return with_key && Consume(&text, ": ") && IsKeyDescription(text);
}

// "<account> from <origin>": every place where " from " could be sshd's. Fills account and source by the
// rightmost.
void ReadAccountFrom(std::string_view text, bool with_key, SshdMessage* out) noexcept {
  int found = 0;
  size_t from = text.size();
  while ((from = text.rfind(" from ", from)) != std::string_view::npos) {
    Address source;
    if (ParseOrigin(text.substr(from + 6), with_key, &source)) {
      if (found++ == 0) {
        out->source = source;
        out->account = text.substr(0, from);
        if (!with_key) return;  // the origin ends the line: there cannot be a second one
      } else if (source != out->source) {
        out->kind = Kind::kAmbiguous;
        return;
      }
    }
    if (from == 0) break;
    --from;
  }
  if (found != 0) return;
  // No address: a host name that UseDNS put there.
  from = text.rfind(" from ");
  if (from == std::string_view::npos) {
    out->kind = Kind::kNone;
    return;
  }
  out->account = text.substr(0, from);
}

// "invalid user " or "illegal user " before an account.
void ReadInvalidUser(std::string_view* text, SshdMessage* out) noexcept {
  if (Consume(text, "invalid user ") || Consume(text, "illegal user "))
    out->outcome = Outcome::kUnknownAccount;
}

// "Failed password for [invalid user ]x from …", behind "Failed " or "Accepted ".
void ReadMethodFor(std::string_view text, SshdMessage* out) noexcept {
  const size_t end = text.find(" for ");
  if (end == std::string_view::npos || text.substr(0, end).find(' ') != std::string_view::npos) return;
  out->kind = Kind::kAttempt;
  out->method = text.substr(0, end);
  text.remove_prefix(end + 5);
  if (out->outcome != Outcome::kSuccess) ReadInvalidUser(&text, out);
  const bool with_key =
      out->method != "password" && out->method != "none" && !out->method.starts_with("keyboard");
  ReadAccountFrom(text, with_key, out);
  if (out->kind == Kind::kAttempt && out->method == "none") out->kind = Kind::kAnnounce;
}

// "invalid user x 192.0.2.1 port 22[: reason]", as the end of a connection names it.
void ReadClosing(std::string_view text, SshdMessage* out) noexcept {
  if (Consume(&text, "invalid user ")) {
    out->outcome = Outcome::kUnknownAccount;
  } else if (!Consume(&text, "authenticating user ")) {
    return;
  }
  int found = 0;
  size_t port = text.size();
  while ((port = text.rfind(" port ", port)) != std::string_view::npos && port > 0) {
    std::string_view behind = text.substr(port + 6);
    const bool is_end = ConsumeNumber(&behind) && (behind.empty() || behind.starts_with(": "));
    const size_t space = text.rfind(' ', port - 1);
    if (is_end && space != std::string_view::npos) {
      const auto address = Address::Parse(text.substr(space + 1, port - space - 1));
      if (address.has_value() && found++ == 0) {
        out->kind = Kind::kClosing;
        out->source = *address;
        out->account = text.substr(0, space);
      } else if (address.has_value() && *address != out->source) {
        out->kind = Kind::kAmbiguous;
        return;
      }
    }
    --port;
  }
}

SshdMessage ReadOne(std::string_view text) noexcept {
  SshdMessage out;
  ConsumeSuffix(&text, " [preauth]");
  switch (text.empty() ? '\0' : text.front()) {
    case 'F':
      if (Consume(&text, "Failed ")) ReadMethodFor(text, &out);
      break;
    case 'A':
      if (Consume(&text, "Accepted ")) {
        out.outcome = Outcome::kSuccess;
        ReadMethodFor(text, &out);
      }
      break;
    case 'I':
      if (Consume(&text, "Invalid user ") || Consume(&text, "Illegal user ")) {
        out.kind = Kind::kAnnounce;
        out.outcome = Outcome::kUnknownAccount;
        if (text.starts_with(
                "from ")) {  // an empty name: "Invalid user  from …" keeps its two spaces, or loses one
          if (ParseOrigin(text.substr(5), false, &out.source)) {
            out.account = text.substr(0, 0);
            break;
          }
        }
        ReadAccountFrom(text, false, &out);
      }
      break;
    case 'U':
      if (Consume(&text, "User ")) {
        const size_t end = text.rfind(" not allowed because ");
        if (end == std::string_view::npos) break;
        out.kind = Kind::kAnnounce;
        if (text.substr(end).find("account is locked") != std::string_view::npos)
          out.outcome = Outcome::kAccountLocked;
        ReadAccountFrom(text.substr(0, end), false, &out);
      }
      break;
    case 'R':
      if (Consume(&text, "ROOT LOGIN REFUSED FROM ") && ParseOrigin(text, false, &out.source)) {
        out.kind = Kind::kAnnounce;
        out.account = "root";
      }
      break;
    case 'e':
    case 'm':
      Consume(&text, "error: ");
      if (Consume(&text, "maximum authentication attempts exceeded for ")) {
        out.kind = Kind::kCutOff;
        ReadInvalidUser(&text, &out);
        ReadAccountFrom(text, false, &out);
      } else if (Consume(&text, "PAM: ")) {
        const size_t name = text.find(" for ");
        if (name == std::string_view::npos) break;
        if (text.find("failure") > name && text.find("error") > name && text.find("unknown user") > name &&
            text.find("locked") > name && text.find("expired") > name) {
          break;
        }
        text.remove_prefix(name + 5);
        out.kind = Kind::kAnnounce;
        ReadInvalidUser(&text, &out);
        ReadAccountFrom(text, false, &out);
      }
      break;
    case 'C':
      if (Consume(&text, "Connection closed by ") || Consume(&text, "Connection reset by "))
        ReadClosing(text, &out);
      break;
    case 'D':
      if (Consume(&text, "Disconnected from ")) {
        ReadClosing(text, &out);
      } else if (Consume(&text, "Disconnecting ")) {
        ReadClosing(text, &out);
        if (out.kind == Kind::kClosing) out.kind = Kind::kCutOff;
      }
      break;
    default:
      break;
  }
  return out;
}

// "192.0.2.1:22", as Dropbear writes it, IPv6 too.
bool ParseHostPort(std::string_view text, Address* source) noexcept {
  const size_t colon = text.rfind(':');
  const auto address = Address::Parse(text.substr(0, colon));
  if (address.has_value()) *source = *address;
  return address.has_value();
}

}  // namespace

SshdMessage ReadSshdMessage(std::string_view message) noexcept {
  std::string_view text = message;
  if (!Consume(&text, "message repeated ")) return ReadOne(message);
  int repeats = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), repeats);
  if (failed != std::errc() || repeats < 1)
    repeats = failed == std::errc::result_out_of_range ? kRepeatsMax : 0;
  if (repeats == 0) return SshdMessage{};
  text.remove_prefix(static_cast<size_t>(stopped - text.data()));
  if (!Consume(&text, " times: [ ") || !ConsumeSuffix(&text, "]")) return SshdMessage{};
  SshdMessage out = ReadOne(text);
  out.repeats = std::min(repeats, kRepeatsMax);
  return out;
}

SshdMessage ReadDropbearMessage(std::string_view message) noexcept {
  SshdMessage out;
  std::string_view text = message;
  const auto origin = [&] {
    const size_t from = text.rfind(" from ");
    if (from == std::string_view::npos || !ParseHostPort(text.substr(from + 6), &out.source)) return false;
    text = text.substr(0, from);
    // 'x', or nothing where Dropbear hides the name of an account that is none.
    const size_t open = text.find('\'');
    const size_t close = text.rfind('\'');
    if (open != std::string_view::npos && close > open) out.account = text.substr(open + 1, close - open - 1);
    return true;
  };
  if (text.find("assword attempt for ") < 8 || text.starts_with("Login attempt for nonexistent user")) {
    if (text.starts_with("Login attempt")) out.outcome = Outcome::kUnknownAccount;
    if (origin()) out.kind = Kind::kAttempt;
  } else if (text.find(" auth succeeded for ") < 16) {
    out.outcome = Outcome::kSuccess;
    // "Pubkey auth succeeded for 'x' with ssh-rsa key … from …": the name ends before " with ".
    if (const size_t with = text.find("' with "); with != std::string_view::npos) {
      const size_t from = text.rfind(" from ");
      if (from != std::string_view::npos && from > with &&
          ParseHostPort(text.substr(from + 6), &out.source)) {
        const size_t open = text.find('\'');
        out.account = text.substr(open + 1, with - open - 1);
        out.kind = Kind::kAttempt;
      }
    } else if (origin()) {
      out.kind = Kind::kAttempt;
    }
  } else if (Consume(&text, "Exit before auth from <")) {
    const size_t close = text.find('>');
    const size_t user = text.find(": (user '");
    if (close == std::string_view::npos || user != close + 1) return out;
    if (!ParseHostPort(text.substr(0, close), &out.source)) return out;
    text.remove_prefix(user + 9);
    const size_t end = text.rfind("', ");
    if (end == std::string_view::npos) return out;
    out.account = text.substr(0, end);
    out.kind = Kind::kClosing;
  }
  return out;
}

std::optional<PamMessage> ReadPamMessage(std::string_view message) noexcept {
  if (!Consume(&message, "pam_")) return std::nullopt;
  const size_t open = message.find('(');
  const size_t close = message.find("): authentication failure;");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  PamMessage out;
  out.service = message.substr(open + 1, close - open - 1);
  if (const size_t colon = out.service.find(':'); colon != std::string_view::npos) {
    out.service = out.service.substr(0, colon);
  }
  // "… ruser=x rhost=192.0.2.1  user=y": rhost from the right, as ruser and user are a stranger's. A user=
  // that holds " rhost=" itself makes two: then nobody is charged.
  message.remove_prefix(close);
  const size_t first = message.find(" rhost=");
  if (first == std::string_view::npos) return out;
  std::string_view rest = message.substr(first + 7);
  const size_t end = std::min(rest.find(' '), rest.size());
  const auto address = Address::Parse(rest.substr(0, end));
  if (!address.has_value()) return out;
  out.attempt.kind = Kind::kAttempt;
  out.attempt.source = *address;
  if (message.rfind(" rhost=") != first) out.attempt.kind = Kind::kAmbiguous;
  rest.remove_prefix(end);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (Consume(&rest, "user=")) out.attempt.account = rest;
  return out;
}

}  // namespace stockade
