#include "adapters/live/push_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "adapters/http/gzip_body.h"
#include "adapters/http/service_replies.h"
#include "adapters/source/live_reader.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A batch is cut at 64 KiB, and full of at least half of that; one more is begun and one is the rest.
constexpr size_t kBatchBytesMin = size_t{32} << 10;
constexpr size_t BatchesOf(size_t bytes) {
  return bytes / kBatchBytesMin + 2;
}
static_assert(BatchesOf(kPushBodyBytesMax) <= LiveQueue::kBatchesMax,
              "a body that no queue has room for is sent back for ever");

ServiceReply ComeAgain() {
  ServiceReply reply = Plain(503, "the engine does not keep up; nothing was taken, send it again");
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PushSource>> PushSource::Open(PushOptions options) {
  options.reading.fields = nullptr;
  options.reading.format = "ndjson";
  options.reading.format_file.clear();
  RETURN_IF_ERROR(CheckLiveFormat(options.reading));
  options.body_bytes = std::min(options.body_bytes, kPushBodyBytesMax);
  std::unique_ptr<PushSource> push(new PushSource(std::move(options)));
  HttpServiceOptions http;
  http.at = push->options_.at;
  http.body_bytes_max = push->options_.body_bytes;
  HttpService::Answer answer = [push = push.get()](const ServiceRequest& request) {
    return push->Reply(request);
  };
  ASSIGN_OR_RETURN(push->service_, HttpService::Start(http, std::move(answer)));
  return push;
}

PushSource::PushSource(PushOptions options)
    : options_(std::move(options)),
      name_(options_.name.empty() ? Concat("push ", ToString(options_.at)) : options_.name) {}

PushSource::~PushSource() {
  Stop();
}

absl::Status PushSource::Start(LiveQueue* queue) {
  queue_ = queue;
  return absl::OkStatus();
}

void PushSource::Stop() {
  if (service_ != nullptr) service_->Stop();
}

LiveCounters PushSource::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void PushSource::UseFields(std::shared_ptr<const FieldTable> fields) {
  const std::lock_guard lock(mutex_);
  fields_ = std::move(fields);
}

void PushSource::CountRefused() {
  const std::lock_guard lock(mutex_);
  ++counters_.refused;
}

ServiceReply PushSource::Reply(const ServiceRequest& request) {
  if (request.head.path() != kPath) return Plain(404, Concat("events go to ", kPath));
  if (!options_.key.empty()) {
    std::string_view given = FindField(request.head.fields, "authorization");
    constexpr std::string_view kScheme = "Bearer ";
    const bool is_bearer = absl::StartsWithIgnoreCase(ToAbsl(given), ToAbsl(kScheme));
    given.remove_prefix(is_bearer ? kScheme.size() : given.size());
    if (!EqualSecrets(given, options_.key)) {
      CountRefused();
      ServiceReply reply = Plain(401, "the key is missing or wrong; send it as Authorization: Bearer KEY");
      reply.headers.emplace_back("WWW-Authenticate", "Bearer");
      return reply;
    }
  }
  if (request.head.method != "POST") return MethodNotAllowed("POST");
  const std::string_view encoding = FindField(request.head.fields, "content-encoding");
  if (encoding.data() == nullptr || absl::EqualsIgnoreCase(ToAbsl(encoding), "identity"))
    return Take(request.body_text());
  if (!absl::EqualsIgnoreCase(ToAbsl(encoding), "gzip"))
    return Plain(415, "Content-Encoding is gzip, or the body is sent as it is");
  const absl::StatusOr<std::string> body = GunzipBody(request.body_text(), options_.body_bytes);
  if (body.ok()) return Take(*body);
  return Plain(absl::IsResourceExhausted(body.status()) ? 413 : 400, FromAbsl(body.status().message()));
}

ServiceReply PushSource::Take(std::string_view lines) {
  LiveQueue* const queue = queue_;
  if (queue == nullptr) return ComeAgain();
  const auto count = static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n')) + 1;
  if (count > LiveQueue::kRecordsMax)
    return Plain(413, Concat("more than ", LiveQueue::kRecordsMax, " lines; send them in several requests"));
  // Nobody else pushes: where there is room now, there is room later.
  if (!queue->HasRoom(count, BatchesOf(lines.size()))) return ComeAgain();
  SourceOptions reading = options_.reading;
  std::shared_ptr<const FieldTable> fields;
  {
    const std::lock_guard lock(mutex_);
    fields = fields_;
  }
  reading.fields = fields.get();
  absl::StatusOr<std::unique_ptr<LiveReader>> reader = LiveReader::Create(reading, name_);
  if (!reader.ok()) return Plain(500, FromAbsl(reader.status().message()));
  (*reader)->Give(lines);
  if (!lines.ends_with('\n')) (*reader)->Give("\n");
  std::string errors;
  size_t shown = 0;
  LiveCounters counted;
  while (true) {
    LiveBatch batch = queue->Take();
    if (!(*reader)->Read(&batch.batch)) {
      queue->GiveBack(std::move(batch));
      break;
    }
    batch.fields = fields;
    uint64_t readable = 0;
    for (const Record& record : batch.batch.records) {
      readable += record.ok() ? 1 : 0;
      if (record.ok() || shown++ >= kErrorsShown) continue;
      Append(&errors, errors.empty() ? "" : ",", "{\"line\":", record.line, ",\"error\":");
      AppendJsonString(ErrorText(record), &errors);
      errors.push_back('}');
    }
    if (queue->TryPush(&batch)) {
      counted.records += readable;
    } else {  // it is stopping
      counted.dropped += readable;
      queue->GiveBack(std::move(batch));
    }
  }
  const SourceCounters& read = (*reader)->counters();
  counted.received = read.lines - read.blank;
  counted.other = read.other;
  counted.unreadable = read.unreadable();
  {
    const std::lock_guard lock(mutex_);
    counters_.received += counted.received;
    counters_.records += counted.records;
    counters_.other += counted.other;
    counters_.unreadable += counted.unreadable;
    counters_.dropped += counted.dropped;
  }
  if (counted.dropped > 0) return ComeAgain();
  return Json(200, Concat("{\"accepted\":", counted.records, ",\"rejected\":", counted.unreadable,
                          ",\"errors\":[", errors, "]}\n"));
}

}  // namespace stockade
