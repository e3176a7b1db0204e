#include "tools/stockade/answer_sample.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "adapters/gateway/token.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Cuts the next line off, without its end.
std::string_view TakeLine(std::string_view* text) noexcept {
  const size_t end = std::min(text->find('\n'), text->size());
  std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view TakeWord(std::string_view* line) noexcept {
  const size_t end = std::min(line->find(' '), line->size());
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(std::min(end + 1, line->size()));
  return word;
}

void SkipLineEnds(std::string_view* text) noexcept {
  while (text->starts_with('\r') || text->starts_with('\n')) text->remove_prefix(1);
}

// The fields of a head up to the empty line behind them.
absl::Status TakeFields(std::string_view* text, std::vector<HeaderField>* fields) {
  while (!text->empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    const size_t colon = std::min(line.find(':'), line.size());
    if (colon == line.size() || !IsToken(line.substr(0, colon)))
      return absl::InvalidArgumentError("a line of a head is no field, as Name: value");
    fields->push_back(
        {line.substr(0, colon), FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line.substr(colon + 1))))});
  }
  return absl::OkStatus();
}

bool BeginsAnswer(std::string_view text) noexcept {
  return text.starts_with("HTTP/") && text.size() > 5 &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[5]));
}

// Where the line that begins an answer stands; the size of the text if there is none.
size_t FindAnswer(std::string_view text) noexcept {
  for (size_t at = 0; at < text.size();) {
    if (BeginsAnswer(text.substr(at))) return at;
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return text.size();
}

absl::Status TakeRequest(std::string_view* text, AnswerSample* sample) {
  std::string_view line = TakeLine(text);
  sample->method = TakeWord(&line);
  sample->target = TakeWord(&line);
  if (!IsToken(sample->method) || sample->target.empty() || !(line.empty() || line.starts_with("HTTP/"))) {
    return absl::InvalidArgumentError(
        "begins with neither an answer, as HTTP/1.1 302 Found, nor a request, as POST /login HTTP/1.1");
  }
  sample->has_request = true;
  RETURN_IF_ERROR(TakeFields(text, &sample->request_fields));
  size_t length = 0;
  const std::string_view written = FindField(sample->request_fields, "content-length");
  if (absl::SimpleAtoi(ToAbsl(written), &length) && length <= text->size()) {
    sample->request_body = text->substr(0, length);
    text->remove_prefix(length);
  } else {
    const size_t end = FindAnswer(*text);
    std::string_view body = text->substr(0, end);
    text->remove_prefix(end);
    while (body.ends_with('\n') || body.ends_with('\r')) body.remove_suffix(1);
    sample->request_body = body;
  }
  SkipLineEnds(text);
  return absl::OkStatus();
}

absl::Status TakeAnswer(std::string_view* text, AnswerSample* sample) {
  // 100 Continue and 103 Early Hints come before the answer.
  do {
    std::string_view line = TakeLine(text);
    TakeWord(&line);
    const std::string_view status = TakeWord(&line);
    if (status.size() != 3 || !absl::SimpleAtoi(ToAbsl(status), &sample->status) || sample->status < 100 ||
        sample->status > 599)
      return absl::InvalidArgumentError("the answer has no status, as HTTP/1.1 302 Found");
    sample->fields.clear();
    RETURN_IF_ERROR(TakeFields(text, &sample->fields));
  } while (sample->status < 200 && BeginsAnswer(*text));
  sample->has_answer = true;
  // curl -L prints the answers behind the first one, too.
  sample->body = BeginsAnswer(*text) ? std::string_view() : *text;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AnswerSample> ReadAnswerSample(std::string_view text) {
  AnswerSample sample;
  SkipLineEnds(&text);
  if (!BeginsAnswer(text)) RETURN_IF_ERROR(TakeRequest(&text, &sample));
  if (BeginsAnswer(text)) {
    RETURN_IF_ERROR(TakeAnswer(&text, &sample));
  } else if (!text.empty()) {
    return absl::InvalidArgumentError("behind the request stands no answer, as HTTP/1.1 302 Found");
  }
  return sample;
}

SampleReading ReadSample(const LoginExchange& exchange, const AnswerSample& sample, const std::string& file,
                         Findings* findings) {
  // A line of a sample is never quoted: it may hold a password.
  const Place place{file, 0, 0};
  SampleReading reading;
  reading.file = file;
  const RequestView request{sample.method, sample.target, sample.request_fields};
  if (sample.has_request) {
    reading.request = Concat(sample.method, " ", request.path());
    reading.endpoint = exchange.Find(request);
  } else if (exchange.endpoint_count() == 1) {
    reading.endpoint = 0;
  } else {
    findings->Error(place, "",
                    Concat("holds an answer only, and there are ", exchange.endpoint_count(),
                           " endpoints; put the request in front of it, or name it with --request"));
    return reading;
  }
  reading.status = sample.status;
  if (reading.endpoint == LoginExchange::kNoEndpoint) {
    findings->Warn(place, "", Concat(reading.request, " is no endpoint: it would pass unseen"));
    return reading;
  }
  reading.endpoint_name = exchange.endpoint(reading.endpoint).name;
  if (sample.has_request) {
    reading.error = exchange.ReadRequest(reading.endpoint, request, sample.request_body, &reading.claim);
    if (reading.error != LoginReadError::kNone) {
      const bool open = exchange.endpoint(reading.endpoint).on_unreadable == FailMode::kOpen;
      findings->Warn(place, "",
                     Concat("the request cannot be read (", Name(reading.error), "): it would ",
                            open ? "pass unseen" : "be refused"));
    }
  }
  if (!sample.has_answer) return reading;
  const ResponseView answer{sample.status, sample.fields};
  reading.outcome = exchange.ReadOutcome(reading.endpoint, answer, sample.body, &reading.row);
  if (reading.outcome != Outcome::kUnknown) return reading;
  const std::string_view encoding = FindField(sample.fields, "content-encoding");
  const bool packed = !encoding.empty() && !absl::EqualsIgnoreCase(ToAbsl(encoding), "identity");
  findings->Warn(place, "",
                 Concat("the outcome is unknown: ",
                        reading.row < 0 ? "no row holds" : Concat("row ", reading.row + 1, " says so"),
                        packed ? "; the body is packed, and rows about bodies do not see it" : ""));
  return reading;
}

std::string RowText(const OutcomeRule& rule) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) Append(&text, text.empty() ? "" : ", ", name, " ", value);
  };
  add("status", rule.status);
  add("header", rule.header);
  add("matching", rule.header_matches);
  add("location", rule.location);
  add("json", rule.json_path);
  add("equal to", rule.json_equals);
  add("body", rule.body_matches);
  return text.empty() ? "any answer" : text;
}

}  // namespace stockade
