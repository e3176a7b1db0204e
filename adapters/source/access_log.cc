#include "adapters/source/access_log.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "adapters/source/haproxy_log.h"
#include "adapters/source/line_source.h"
#include "adapters/source/timestamp.h"
#include "engine/event/digits.h"
#include "engine/event/keyed_hash.h"
#include "engine/limits.h"
#include "engine/text.h"
#include "re2/re2.h"

namespace stockade {
namespace {

constexpr size_t kDateBytes = 26;  // "10/Oct/2000:13:55:36 -0700"

std::string_view Token(std::string_view* text) noexcept {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view token = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return token;
}

// Takes a quoted text, whose quotes inside are escaped by a backslash.
bool ConsumeQuoted(std::string_view* text, std::string_view* inside) noexcept {
  if (!text->starts_with('"')) return false;
  size_t i = 1;
  while (i < text->size() && (*text)[i] != '"') i += (*text)[i] == '\\' ? 2 : 1;
  if (i >= text->size()) return false;
  *inside = text->substr(1, i - 1);
  text->remove_prefix(i + 1);
  return true;
}

// \xHH, \", \\ and Apache's \t \n \r \b \v → the bytes they stand for.
std::string_view UnescapeQuoted(std::string_view text, TextArena* arena) {
  if (text.find('\\') == std::string_view::npos) return text;
  char* const out = arena->Allocate(text.size());
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out[size++] = text[i];
      continue;
    }
    const char kind = text[++i];
    if (kind == 'x' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out[size++] = static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
      continue;
    }
    static constexpr std::string_view kLetters = "tnrbv";
    static constexpr std::string_view kBytes = "\t\n\r\b\v";
    const size_t letter = kLetters.find(kind);
    if (letter == std::string_view::npos && kind != '"' && kind != '\\') out[size++] = '\\';
    out[size++] = letter == std::string_view::npos ? kind : kBytes[letter];
  }
  return std::string_view(out, size);
}

// Who is logged in by HTTP Basic: browsers send the name with every request, and only the first one of a user
// and address is a login. A table of fixed size in which a newcomer takes the place of whoever hashes there:
// what is forgotten costs one success counted twice.
class BasicSessions {
 public:
  explicit BasicSessions(const HashKey& key) : key_(key), sessions_(kBasicSessionsRemembered) {}

  // A request let in at `time_ns`: whether it begins a session.
  bool Enter(std::string_view user, std::string_view host, int64_t time_ns) noexcept {
    Session& session = At(user, host);
    const bool known = session.open && time_ns - session.last_ns < kBasicAbsenceNs;
    session.open = true;
    session.last_ns = known ? std::max(session.last_ns, time_ns) : time_ns;
    return !known;
  }
  // A request refused: whoever is let in after it has logged in anew.
  void Refuse(std::string_view user, std::string_view host) noexcept { At(user, host).open = false; }

 private:
  struct Session {
    Hash128 id;
    int64_t last_ns = 0;
    bool open = false;
  };

  Session& At(std::string_view user, std::string_view host) noexcept {
    const Hash128 id = Combine(SipHash128(key_, user), SipHash128(key_, host));
    Session& session = sessions_[id.low % kBasicSessionsRemembered];
    if (session.id != id) session = Session{id, 0, false};
    return session;
  }

  const HashKey key_;
  std::vector<Session> sessions_;
};

class AccessLogSource final : public LineSource {
 public:
  AccessLogSource(std::unique_ptr<ByteReader> bytes, const SourceOptions& options, bool is_haproxy)
      : LineSource(std::move(bytes)),
        is_haproxy_(is_haproxy),
        zone_(options.time_zone),
        options_(options.access_log),
        sessions_(options.hash_key),
        login_(kLoginPathPattern),
        api_(kApiPathPattern) {
    for (const AccessLogOptions::LoginPath& path : options_.login_paths) {
      regexes_.push_back(path.match == AccessLogOptions::PathMatch::kRegex
                             ? std::make_unique<re2::RE2>(path.text)
                             : nullptr);
    }
    if (options.fields == nullptr) return;
    query_ = options.fields->Find("url.query");
    domain_ = options.fields->Find("url.domain");
    method_ = options.fields->Find("http.request.method");
    referrer_ = options.fields->Find("http.request.referrer");
    status_ = options.fields->Find("http.response.status_code");
  }

  std::map<std::string, uint64_t> missed_paths() const override { return missed_; }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  bool IsMethod(std::string_view method) const;
  void CountMissed(std::string_view path);
  bool IsLogin(std::string_view method, std::string_view target, std::string_view path) const;
  // Reads the date, or what it was at the line before. Nothing: it is none.
  std::optional<int64_t> TimeOf(std::string_view date);
  // By HTTP Basic. Nothing: no attempt.
  std::optional<Outcome> BasicOutcomeOf(const AccessLogLine& cut);
  // Nothing: the answer says that there is no login there.
  std::optional<Outcome> OutcomeOf(int status, std::string_view target) const;

  const bool is_haproxy_;
  const LocalZone zone_;
  const AccessLogOptions options_;
  BasicSessions sessions_;
  const re2::RE2 login_;
  const re2::RE2 api_;
  std::vector<std::unique_ptr<re2::RE2>> regexes_;  // by login path; null for those that are none
  std::optional<FieldId> query_, domain_, method_, referrer_, status_;
  int64_t last_time_ = 0;
  bool any_attempt_ = false;
  std::map<std::string, uint64_t> missed_;  // only until the first attempt
  std::string last_date_;
};

bool AccessLogSource::IsMethod(std::string_view method) const {
  return std::any_of(options_.methods.begin(), options_.methods.end(),
                     [&](const std::string& m) { return m == method; });
}

void AccessLogSource::CountMissed(std::string_view path) {
  std::string kept(path.substr(0, kPrintedFieldBytesMax));
  if (missed_.size() < kMissedPathsMax || missed_.contains(kept)) ++missed_[std::move(kept)];
}

bool AccessLogSource::IsLogin(std::string_view method, std::string_view target, std::string_view path) const {
  if (!IsMethod(method)) return false;
  if (options_.login_paths.empty()) return re2::RE2::PartialMatch({target.data(), target.size()}, login_);
  for (size_t i = 0; i < regexes_.size(); ++i) {
    const AccessLogOptions::LoginPath& wanted = options_.login_paths[i];
    switch (wanted.match) {
      case AccessLogOptions::PathMatch::kExact:
        if (path == wanted.text) return true;
        break;
      case AccessLogOptions::PathMatch::kPrefix:
        if (path.starts_with(wanted.text)) return true;
        break;
      case AccessLogOptions::PathMatch::kRegex:
        if (re2::RE2::FullMatch({path.data(), path.size()}, *regexes_[i])) return true;
        break;
    }
  }
  return false;
}

std::optional<Outcome> AccessLogSource::OutcomeOf(int status, std::string_view target) const {
  if (!options_.outcomes.empty()) {
    auto found = options_.outcomes.find(std::to_string(status));
    if (found == options_.outcomes.end()) found = options_.outcomes.find(Concat(status / 100, "xx"));
    return found != options_.outcomes.end() ? found->second : Outcome::kUnknown;
  }
  switch (status) {
    case 200:
      return re2::RE2::PartialMatch({target.data(), target.size()}, api_) ? Outcome::kSuccess
                                                                          : Outcome::kBadPassword;
    case 201:
    case 202:
    case 204:
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return Outcome::kSuccess;
    case 400:
    case 401:
    case 403:
    case 422:
      return Outcome::kBadPassword;
    case 404:
    case 405:
    case 410:
      return std::nullopt;
    case 423:
      return Outcome::kAccountLocked;
    case 429:
    case 503:
      return Outcome::kStopped;
    default:
      return Outcome::kUnknown;
  }
}

std::optional<int64_t> AccessLogSource::TimeOf(std::string_view date) {
  if (date != last_date_) {
    const auto time = is_haproxy_ ? ParseHaproxyDate(date, zone_) : ParseAccessLogDate(date);
    if (!time.has_value()) return std::nullopt;
    last_date_.assign(date);
    last_time_ = *time;
  }
  return last_time_;
}

std::optional<Outcome> AccessLogSource::BasicOutcomeOf(const AccessLogLine& cut) {
  if (cut.status == 401) {
    if (cut.user.data() != nullptr) sessions_.Refuse(cut.user, cut.host);
    return OutcomeOf(cut.status, {});
  }
  if (cut.user.data() == nullptr || cut.status < 200 || cut.status > 399) return std::nullopt;
  const auto time = TimeOf(cut.date);
  if (time.has_value() && !sessions_.Enter(cut.user, cut.host, *time)) return std::nullopt;
  // Not by `outcomes`: they say what the statuses of a form mean, whose 200 is a failure.
  return Outcome::kSuccess;
}

void AccessLogSource::ReadLine(const Line& line, Batch* batch) {
  AccessLogLine cut;
  if (!(is_haproxy_ ? ParseHaproxyLogLine(line.text, &cut) : ParseAccessLogLine(line.text, &cut))) {
    Fail(AddRecord(line, batch), ReadError::kNotThisFormat);
    return;
  }
  std::string_view request = cut.request;
  const std::string_view method = Token(&request);
  std::string_view target = Token(&request);
  // A proxy's absolute form: the path begins behind the host.
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos && scheme < 6) {
    target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
  }
  const size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  const bool login = IsLogin(method, target, path);
  std::optional<Outcome> outcome;
  if (login) outcome = OutcomeOf(cut.status, target);
  if (options_.basic) {
    const auto basic = BasicOutcomeOf(cut);
    if (!outcome.has_value()) outcome = basic;
  }
  if (!outcome.has_value()) {
    CountOther();
    if (!any_attempt_ && !login && IsMethod(method)) CountMissed(path);
    return;
  }
  any_attempt_ = true;
  Record* const record = AddRecord(line, batch);
  LoginEvent& event = record->event;
  const auto time = TimeOf(cut.date);
  if (!time.has_value()) {
    Fail(record, ReadError::kBadTimestamp, static_cast<size_t>(cut.date.data() - line.text.data()));
    return;
  }
  event.attempt.time_ns = *time;
  if (const auto address = Address::Parse(cut.host)) event.attempt.source = *address;
  if (cut.user.data() != nullptr) event.attempt.account = UnescapeQuoted(cut.user, &batch->text);
  event.attempt.path = UnescapeQuoted(path, &batch->text);
  if (cut.agent.data() != nullptr && cut.agent != "-")
    event.attempt.user_agent = UnescapeQuoted(cut.agent, &batch->text);
  event.attempt.channel = "web";
  event.aftermath.outcome = *outcome;

  std::array<ExtraField, 5> extra;
  size_t count = 0;
  const auto keep = [&](const std::optional<FieldId>& id, std::string_view text, bool number) {
    if (!id.has_value() || text.data() == nullptr) return;
    extra[count++] = ExtraField{*id, FieldValue{number ? FieldValue::Kind::kNumber : FieldValue::Kind::kText,
                                                number ? static_cast<double>(cut.status) : 0, text}};
  };
  if (question < target.size()) keep(query_, target.substr(question + 1), false);
  keep(domain_, cut.vhost, false);
  keep(method_, method, false);
  if (cut.referrer != "-") keep(referrer_, cut.referrer, false);
  if (status_.has_value()) keep(status_, batch->text.Copy(std::to_string(cut.status)), true);
  event.attempt.extra = batch->extra.Copy({extra.data(), count});
}

}  // namespace

bool ParseAccessLogLine(std::string_view text, AccessLogLine* line) noexcept {
  // The first `[date] "`: a user name before it may hold anything but a bare quote.
  size_t quote = 0;
  while (true) {
    quote = text.find("] \"", quote);
    if (quote == std::string_view::npos) return false;
    if (quote > kDateBytes && text[quote - kDateBytes - 1] == '[' && text[quote - kDateBytes + 2] == '/')
      break;
    ++quote;
  }
  *line = AccessLogLine{};
  line->date = text.substr(quote - kDateBytes, kDateBytes);
  std::string_view head = text.substr(0, quote - kDateBytes - 1);
  while (head.ends_with(' ')) head.remove_suffix(1);
  std::string_view rest = head;
  const std::string_view first = Token(&rest);
  std::string_view behind = rest;
  const std::string_view second = Token(&behind);
  const std::string_view third = Token(&behind);
  if (third.empty() && !first.empty() && second.empty()) return false;
  // ident is "-" or a name: an address in its place means that a virtual host stands in front.
  const bool has_vhost = Address::Parse(second).has_value() && !third.empty();
  line->host = first;
  if (has_vhost) {
    line->vhost = first;
    line->host = second;
    rest.remove_prefix(std::min(second.size() + 1, rest.size()));
  }
  Token(&rest);  // ident
  if (rest.size() >= 2 && rest.starts_with('"') && rest.ends_with('"'))
    rest = rest.substr(1, rest.size() - 2);
  if (!rest.empty() && rest != "-") line->user = rest;

  rest = text.substr(quote + 2);
  if (!ConsumeQuoted(&rest, &line->request)) return false;
  if (rest.size() < 4 || rest[0] != ' ' || !IsDigit(rest[1]) || !IsDigit(rest[2]) || !IsDigit(rest[3]))
    return false;
  line->status = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
  rest.remove_prefix(4);
  if (!rest.empty() && rest[0] != ' ') return false;
  if (!rest.empty()) rest.remove_prefix(1);
  Token(&rest);  // bytes sent
  if (!ConsumeQuoted(&rest, &line->referrer)) return true;
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  ConsumeQuoted(&rest, &line->agent);
  return true;
}

absl::StatusOr<std::unique_ptr<Source>> MakeAccessLogSource(std::unique_ptr<ByteReader> bytes,
                                                            const SourceOptions& options) {
  return std::make_unique<AccessLogSource>(std::move(bytes), options, /*is_haproxy=*/false);
}

absl::StatusOr<std::unique_ptr<Source>> MakeHaproxyLogSource(std::unique_ptr<ByteReader> bytes,
                                                             const SourceOptions& options) {
  return std::make_unique<AccessLogSource>(std::move(bytes), options, /*is_haproxy=*/true);
}

Recognition RecognizeAccessLog(std::span<const std::string_view> lines, const SourceOptions&) {
  Recognition found;
  int combined = 0;
  for (const std::string_view text : lines) {
    AccessLogLine line;
    if (!ParseAccessLogLine(text, &line)) continue;
    ++found.matched;
    if (line.agent.data() != nullptr) ++combined;
  }
  found.why = combined * 2 >= found.matched ? "are an access log in combined format"
                                            : "are an access log in common format";
  return found;
}

}  // namespace stockade
