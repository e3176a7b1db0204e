#include "adapters/capture/connection_logins.h"

#include <algorithm>
#include <utility>

#include "adapters/gateway/gate_record.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/login_attempt.h"
#include "adapters/gateway/tls_print.h"

namespace stockade {
namespace {

// What a login under way costs besides the texts that are taken for it.
constexpr size_t kLoginBytes = 2048;

// Whether an account can only be in Authorization: then a request without one is a page.
bool KnowsBasicOnly(const EndpointSettings& endpoint) noexcept {
  return std::all_of(endpoint.account.begin(), endpoint.account.end(),
                     [](const ValueSource& source) { return source.from == ValueSource::From::kBasic; });
}

}  // namespace

ConnectionLogins::ConnectionLogins(LoginReading* reading, MemoryShare* memory, const Address& peer)
    : reading_(*reading), memory_(*memory), peer_(peer) {}

ConnectionLogins::~ConnectionLogins() {
  for (const auto& login : logins_) {
    if (login->request_ended && !login->server_heard) ++reading_.counts.unanswered;
    Release(*login);
  }
}

void ConnectionLogins::Release(const Login& login) {
  memory_.Give(login.taken);
  memory_.Leave(login.place);
}

ConnectionLogins::Login* ConnectionLogins::Find(uint64_t number) noexcept {
  for (const auto& login : logins_)
    if (login->number == number) return login.get();
  return nullptr;
}

void ConnectionLogins::Drop(uint64_t number) {
  const auto found = std::find_if(logins_.begin(), logins_.end(),
                                  [number](const auto& login) { return login->number == number; });
  if (found == logins_.end()) return;
  Release(**found);
  logins_.erase(found);
}

bool ConnectionLogins::Take(Login* login, size_t bytes) {
  const uint64_t number = login->number;
  const bool has_room = memory_.Take(bytes);
  if (Find(number) == nullptr) {  // it gave way itself
    if (has_room) memory_.Give(bytes);
    return false;
  }
  if (!has_room) {
    GiveWay(number);
    return false;
  }
  login->taken += bytes;
  return true;
}

void ConnectionLogins::GiveWay(uint64_t number) {
  ++reading_.counts.no_room;
  Drop(number);
}

void ConnectionLogins::GiveUp() {
  while (!logins_.empty()) GiveWay(logins_.back()->number);
}

bool ConnectionLogins::GrowBody(Login* login, size_t bytes) {
  if (bytes <= login->body_room) return true;
  // Most come in one piece, and are given room for that; what comes in many is not copied for each.
  const size_t room = std::min(login->body_bytes_max, std::max(bytes, 2 * login->body_room));
  if (!Take(login, room - login->body_room)) return false;
  login->body.Reserve(room);
  login->body_room = room;
  return true;
}

void ConnectionLogins::OnRequestHead(uint64_t number, const RequestHead& head, std::string_view bytes,
                                     int64_t /*time_ns*/) {
  const int endpoint = reading_.logins->Find(head.view);
  if (endpoint == LoginExchange::kNoEndpoint) {
    if (reading_.counts.logins > 0 || head.view.method != "POST") return;
    std::map<std::string, uint64_t>& missed = reading_.missed_paths;
    std::string path(head.view.path());
    if (missed.size() < LoginReading::kMissedPathsMax || missed.contains(path)) ++missed[std::move(path)];
    return;
  }
  if (logins_.size() == kLoginsMax) {
    ++reading_.counts.no_room;
    Drop(logins_.front()->number);
  }
  auto login = std::make_unique<Login>(*reading_.logins, endpoint);
  login->number = number;
  const size_t body_bytes_max = reading_.logins->endpoint(endpoint).body_bytes;
  switch (head.framing) {
    case BodyFraming::kNone:
      break;
    case BodyFraming::kLength:
      login->body_bytes_max = static_cast<size_t>(std::min<uint64_t>(head.content_length, body_bytes_max));
      break;
    default:
      login->body_bytes_max = body_bytes_max;
  }
  login->place = memory_.Enter(this, number, MemoryShare::Worth::kUnderWay);
  Login* const kept = logins_.emplace_back(std::move(login)).get();
  if (!Take(kept, kLoginBytes + bytes.size())) return;
  kept->head.Reset(bytes.size());
  kept->head.Append(bytes);
}

void ConnectionLogins::OnRequestData(uint64_t number, std::string_view data) {
  Login* const login = Find(number);
  if (login == nullptr) return;
  login->too_large = login->too_large || data.size() > login->body_bytes_max - login->body.size();
  if (login->too_large || !GrowBody(login, login->body.size() + data.size())) return;
  login->body.Append(data);
}

void ConnectionLogins::OnRequestEnd(uint64_t number, MessageEnd end, int64_t time_ns) {
  Login* const login = Find(number);
  if (login == nullptr) return;
  if (end == MessageEnd::kBroken) {
    ++reading_.counts.broken_off;
    return Drop(number);
  }
  login->time_ns = time_ns;
  ReadRequest(login, end);
  login->request_ended = true;
  login->head.Clear();
  login->body.Clear();
  if (!login->is_login) return Drop(number);
  memory_.Give(login->taken - kLoginBytes);
  login->taken = kLoginBytes;
  TellIfDone(login);
}

void ConnectionLogins::ReadRequest(Login* login, MessageEnd end) {
  HeadReader reader(HeadReader::Kind::kRequest, {login->head.size(), login->head.size(), login->head.size()});
  if (reader.Read(login->head.view()) != HeadProgress::kDone) {
    login->is_login = false;  // never: it was read before
    return;
  }
  const RequestView& request = reader.request().view;
  const EndpointSettings& endpoint = reading_.logins->endpoint(login->endpoint);
  // Of a body that is not there in whole nothing is believed; what the head says still stands.
  const bool is_whole = end == MessageEnd::kWhole && !login->too_large;
  const LoginReadError error = reading_.logins->ReadRequest(
      login->endpoint, request, is_whole ? login->body.view() : std::string_view(), &login->claim);
  if (error != LoginReadError::kNone) {
    if (error == LoginReadError::kNoAccount && is_whole && KnowsBasicOnly(endpoint)) {
      login->is_login = false;
      return;
    }
    login->is_unreadable = true;
    login->claim.has_account = false;
    login->claim.account.clear();
  }
  login->is_damaged = end != MessageEnd::kWhole;
  login->client = reading_.client_addresses->Read(peer_, request.fields).address;
  if (reading_.client_addresses->Lists(peer_)) {
    const SeenFingerprint seen = ForwardedFingerprint(reading_.tls_fingerprint, request.fields);
    login->ja3 = seen.ja3;
    login->ja4 = seen.ja4;
  }
  login->method = request.method;
  login->path = request.path();
  login->host = reader.request().host;
  if (reading_.check_certificate) {
    login->certificate = reading_.check_certificate(
        {request.fields, reading_.client_addresses->Lists(peer_), login->claim, endpoint, login->time_ns});
    if (login->certificate != CertificateStatus::kUnchecked) ++reading_.counts.certificates;
  }
}

void ConnectionLogins::OnAnswerHead(uint64_t number, const ResponseHead& head, std::string_view bytes) {
  Login* const login = Find(number);
  if (login == nullptr) return;
  login->server_heard = true;
  login->outcome = login->answer.ReadHead(head.view, bytes, head.framing != BodyFraming::kNone);
  if (login->answer.wants_body()) {
    Take(login, bytes.size() + reading_.logins->endpoint(login->endpoint).answer_bytes);
    return;
  }
  // Whoever reads his answer slowly makes nobody wait for it.
  login->answer_ended = true;
  TellIfDone(login);
}

void ConnectionLogins::OnAnswerData(uint64_t number, std::string_view data) {
  Login* const login = Find(number);
  if (login == nullptr || !login->answer.wants_body()) return;
  login->outcome = login->answer.TakeBody(data);
  if (!login->outcome) return;
  login->answer_ended = true;
  TellIfDone(login);
}

void ConnectionLogins::OnAnswerEnd(uint64_t number, MessageEnd end) {
  Login* const login = Find(number);
  if (login == nullptr) return;
  login->answer_ended = true;
  switch (end) {
    case MessageEnd::kWhole:
    case MessageEnd::kBroken:
      if (const std::optional<Outcome> outcome = login->answer.EndBody()) login->outcome = outcome;
      break;
    case MessageEnd::kDamaged:
      login->is_unseen = login->answer.wants_body();
      login->answer.LoseBody();
      break;
    case MessageEnd::kNever:
    case MessageEnd::kUnseen:
      login->is_unseen = true;
      break;
    case MessageEnd::kAfterLast:
      ++reading_.counts.after_last;
      return Drop(number);
  }
  TellIfDone(login);
}

void ConnectionLogins::OnServerHeard() {
  for (size_t i = 0; i < logins_.size();) {
    Login* const login = logins_[i].get();
    const size_t before = logins_.size();
    login->server_heard = true;
    TellIfDone(login);
    if (logins_.size() == before) ++i;
  }
}

void ConnectionLogins::TellIfDone(Login* login) {
  if (!login->request_ended || !login->answer_ended || !login->server_heard) return;
  Tell(*login);
  Drop(login->number);
}

void ConnectionLogins::Tell(const Login& login) {
  CapturedLogin told;
  Attempt attempt = AttemptOf(login.claim, reading_.logins->endpoint(login.endpoint), login.path,
                              login.client, login.certificate);
  attempt.time_ns = login.time_ns;
  const bool is_told = !login.ja3.empty() || !login.ja4.empty();
  if (!login.ja3.empty()) attempt.ja3 = login.ja3;
  if (!login.ja4.empty()) attempt.ja4 = login.ja4;
  const TlsSightings::Found found =
      is_told ? TlsSightings::Found() : reading_.sightings.Find(login.client, login.time_ns);
  if (found.fingerprint != nullptr) {
    ++reading_.counts.joined;
    attempt.ja4 = found.fingerprint->ja4;
    if (!found.fingerprint->ja3.empty()) attempt.ja3 = found.fingerprint->ja3;
    told.server_name = found.fingerprint->server_name;
  }
  if (found.ambiguous) ++reading_.counts.join_ambiguous;
  AttemptStorage storage;
  told.event.attempt = CleanAttempt(attempt, &storage);
  told.event.aftermath.outcome = login.outcome.value_or(Outcome::kUnknown);
  told.method = login.method;
  told.host = login.host;
  told.status = login.answer.status();
  ++reading_.counts.logins;
  if (login.is_unreadable) ++reading_.counts.unreadable;
  if (login.too_large) ++reading_.counts.too_large;
  if (login.is_damaged) ++reading_.counts.damaged;
  if (login.is_unseen) ++reading_.counts.unseen;
  if (told.status != 0 && login.outcome == Outcome::kUnknown) ++reading_.counts.outcome_unknown;
  reading_.sink->Take(told);
}

}  // namespace stockade
