#include "adapters/gateway/forward_head.h"

#include "absl/strings/match.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What we call ourselves in Via: a pseudonym, for the name of the machine is nobody's business (RFC 9110 §7.6.3).
constexpr std::string_view kVia = "1.1 stockade";

bool Is(std::string_view text, std::string_view other) noexcept {
  return absl::EqualsIgnoreCase(ToAbsl(text), ToAbsl(other));
}

// Whether a Connection field of this head lists `name`. What frames or routes a message nobody can list away.
bool IsListed(const MessageHead& head, std::span<const HeaderField> fields, std::string_view name) noexcept {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (head.kinds[i] != FieldKind::kConnection) continue;
    std::string_view rest = fields[i].value;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      std::string_view option = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (!option.empty() && (option.front() == ' ' || option.front() == '\t')) option.remove_prefix(1);
      while (!option.empty() && (option.back() == ' ' || option.back() == '\t')) option.remove_suffix(1);
      if (Is(option, name)) return true;
    }
  }
  return false;
}

bool MatchesPattern(std::string_view name, std::string_view pattern) noexcept {
  const bool open_end = pattern.ends_with('*');
  if (open_end) pattern.remove_suffix(1);
  if (open_end ? name.size() < pattern.size() : name.size() != pattern.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char byte = name[i] == '_' ? '-' : name[i];
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte | 0x20);
    if (byte != pattern[i]) return false;
  }
  return true;
}

// What says how a message is to be read, or who sends it: RFC 9110 §7.6.1 forbids listing what is meant for everybody.
bool IsForEverybody(std::string_view name) noexcept {
  constexpr std::string_view kContent = "content-";
  return Is(name.substr(0, kContent.size()), kContent) || Is(name, "cookie") || Is(name, "authorization") ||
         Is(name, "accept") || Is(name, "origin") || Is(name, "user-agent");
}

// Fields by which some frameworks let a request name another path than its own.
bool NamesAnotherPath(std::string_view name) noexcept {
  return MatchesPattern(name, "x-original-url") || MatchesPattern(name, "x-rewrite-url");
}

void AppendField(WireBuffer* out, std::string_view name, std::string_view value) {
  out->Append(name);
  out->Append(": ");
  out->Append(value);
  out->Append("\r\n");
}

// The target in the form an origin server is asked in.
void AppendTarget(const RequestView& request, WireBuffer* out) {
  std::string_view target = request.target;
  if (target[0] == '/' || target == "*") return out->Append(target);
  target.remove_prefix(target.find("://") + 3);
  const size_t end = std::min(target.find_first_of("/?"), target.size());
  target.remove_prefix(end);
  if (target.empty() && request.method == "OPTIONS") return out->Append("*");
  if (target.empty() || target[0] == '?') out->Append("/");
  out->Append(target);
}

// All lines of one name, joined, with `added` behind them.
void AppendJoined(std::span<const HeaderField> fields, std::string_view name, std::string_view added,
                  bool keep, WireBuffer* out) {
  out->Append(name);
  out->Append(": ");
  for (const HeaderField& field : fields) {
    if (!keep || field.value.empty() || !Is(field.name, name)) continue;
    out->Append(field.value);
    out->Append(", ");
  }
  out->Append(added);
  out->Append("\r\n");
}

// One element of Forwarded (RFC 7239 §4).
void AppendForElement(const Address& address, std::string* out) {
  out->append("for=");
  if (!address.present()) {
    out->append("unknown");
  } else if (address.is_v6()) {
    Append(out, "\"[", address.ToString(), "]\"");
  } else {
    out->append(address.ToString());
  }
}

void AppendWhence(const RequestHead& head, const RequestForwarding& forwarding, WireBuffer* out) {
  const std::span<const HeaderField> fields = head.view.fields;
  AppendJoined(fields, "Via", kVia, true, out);
  const std::string_view scheme = forwarding.tls ? "https" : "http";
  // Where the front's own field does not say it, we say whom we found behind the front.
  const bool names_client = forwarding.client.present() && !(forwarding.client == forwarding.peer);
  std::string added;
  if (names_client && !forwarding.keeps_x_forwarded_for) added = forwarding.client.ToString();
  if (forwarding.peer.present()) Append(&added, added.empty() ? "" : ", ", forwarding.peer.ToString());
  if (!added.empty()) AppendJoined(fields, "X-Forwarded-For", added, forwarding.keeps_x_forwarded_for, out);
  // What a listed proxy says of its own client's scheme is nearer to the truth than the scheme of its way to us.
  if (!forwarding.peer_is_listed || FindField(fields, "x-forwarded-proto").data() == nullptr)
    AppendField(out, "X-Forwarded-Proto", scheme);
  added.clear();
  if (names_client && !forwarding.keeps_forwarded) {
    AppendForElement(forwarding.client, &added);
    added.append(", ");
  }
  AppendForElement(forwarding.peer, &added);
  Append(&added, ";proto=", scheme);
  AppendJoined(fields, "Forwarded", added, forwarding.keeps_forwarded, out);
}

}  // namespace

bool IsForwardedUpgrade(const RequestHead& head) noexcept {
  return head.framing == BodyFraming::kNone && Is(head.upgrade, "websocket");
}

void WriteRequestHead(const RequestHead& head, const RequestForwarding& forwarding, WireBuffer* out) {
  out->Append(head.view.method);
  out->Append(" ");
  AppendTarget(head.view, out);
  out->Append(" HTTP/1.1\r\n");
  const std::span<const HeaderField> fields = head.view.fields;
  const bool upgrades = forwarding.upgrade_allowed && IsForwardedUpgrade(head);
  if (CountFields(fields, "host") == 0) AppendField(out, "Host", head.host);
  for (size_t i = 0; i < fields.size(); ++i) {
    const HeaderField& field = fields[i];
    switch (head.kinds[i]) {
      case FieldKind::kHopByHop:
      case FieldKind::kConnection:
        continue;
      case FieldKind::kUpgrade:
        if (!upgrades) continue;
        break;
      case FieldKind::kExpect:
        if (!forwarding.keep_expect) continue;
        break;
      case FieldKind::kForwarding:
        // Those we write ourselves are joined below. A spelling with "_" is one that no front overwrites.
        if (!forwarding.peer_is_listed || Is(field.name, "via") || Is(field.name, "forwarded") ||
            field.name.find('_') != std::string_view::npos ||
            (Is(field.name, "x-forwarded-for") &&
             (forwarding.peer.present() || !forwarding.keeps_x_forwarded_for)))
          continue;
        if (Is(field.name, "x-real-ip") && forwarding.client.present()) {
          AppendField(out, field.name, forwarding.client.ToString());
          continue;
        }
        break;
      case FieldKind::kOther:
      case FieldKind::kTrailer:
        if (head.connection_lists_others && !IsForEverybody(field.name) && IsListed(head, fields, field.name))
          continue;
        if (NamesAnotherPath(field.name)) continue;
        if (forwarding.ask_unpacked_answer && Is(field.name, "accept-encoding")) continue;
        if (!MayPassOn(field.name, forwarding.certificate_form, forwarding.peer_is_listed)) continue;
        if (!forwarding.peer_is_listed) {
          bool is_identity = false;
          for (const std::string& pattern : forwarding.identity_fields)
            is_identity = is_identity || MatchesPattern(field.name, pattern);
          if (is_identity) continue;
        }
        break;
      case FieldKind::kHost:
      case FieldKind::kContentLength:
      case FieldKind::kTransferEncoding:
        break;
    }
    AppendField(out, field.name, field.value);
  }
  if (forwarding.ask_unpacked_answer) AppendField(out, "Accept-Encoding", "identity");
  if (upgrades) AppendField(out, "Connection", "Upgrade");
  AppendWhence(head, forwarding, out);
  out->Append("\r\n");
}

void WriteAnswerHead(const ResponseHead& head, const AnswerForwarding& forwarding, WireBuffer* out) {
  const int status = head.view.status;
  char line[] = "HTTP/1.1 000 ";
  line[9] = static_cast<char>('0' + status / 100);
  line[10] = static_cast<char>('0' + status / 10 % 10);
  line[11] = static_cast<char>('0' + status % 10);
  out->Append(line);
  out->Append(head.reason);
  out->Append("\r\n");
  const std::span<const HeaderField> fields = head.view.fields;
  const bool upgrades = status == 101;
  for (size_t i = 0; i < fields.size(); ++i) {
    const HeaderField& field = fields[i];
    switch (head.kinds[i]) {
      case FieldKind::kConnection:
        continue;
      case FieldKind::kHopByHop:
        // The origin's own question for credentials, misnamed by some; RFC 9110 §11.7.1 lets a proxy pass it on.
        if (!Is(field.name, "proxy-authenticate")) continue;
        break;
      case FieldKind::kUpgrade:
        if (!upgrades) continue;
        break;
      case FieldKind::kTransferEncoding:
        if (forwarding.unchunk) continue;
        break;
      case FieldKind::kTrailer:
        if (forwarding.unchunk) continue;
        break;
      case FieldKind::kOther:
        if (head.connection_lists_others && IsListed(head, fields, field.name)) continue;
        if (!forwarding.private_field.empty() && Is(field.name, forwarding.private_field)) continue;
        break;
      default:
        break;
    }
    AppendField(out, field.name, field.value);
  }
  if (upgrades) {
    AppendField(out, "Connection", "Upgrade");
  } else if (status >= 200) {
    if (!forwarding.keep_open) {
      AppendField(out, "Connection", "close");
    } else if (forwarding.client_minor_version == 0) {
      AppendField(out, "Connection", "keep-alive");
    }
  }
  out->Append("\r\n");
}

}  // namespace stockade
