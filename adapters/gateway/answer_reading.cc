#include "adapters/gateway/answer_reading.h"

#include <algorithm>

#include "adapters/gateway/head_reader.h"

namespace stockade {

std::optional<Outcome> AnswerReading::ReadHead(const ResponseView& answer, std::string_view head,
                                               bool has_body) {
  status_ = answer.status;
  wants_body_ = has_body && logins_.NeedsBody(endpoint_, answer);
  if (!wants_body_) return logins_.ReadOutcome(endpoint_, answer, {});
  head_.assign(head);
  return std::nullopt;
}

std::optional<Outcome> AnswerReading::TakeBody(std::string_view data) {
  if (!wants_body_) return std::nullopt;
  const size_t limit = logins_.endpoint(endpoint_).answer_bytes;
  body_.append(data.substr(0, limit - std::min(limit, body_.size())));
  return body_.size() >= limit ? EndBody() : std::nullopt;
}

std::optional<Outcome> AnswerReading::EndBody() {
  if (!wants_body_) return std::nullopt;
  wants_body_ = false;
  // Read again, for the views of the first reading are gone.
  HeadReader reader(HeadReader::Kind::kResponse, {head_.size(), 0, head_.size()});
  if (reader.Read(head_) != HeadProgress::kDone) return std::nullopt;
  return logins_.ReadOutcome(endpoint_, reader.response().view, body_);
}

}  // namespace stockade
