#include "bench/parse_floor.h"

#include <cstring>

namespace stockade {
namespace {

// The fields of one object of the log, which has them in this order.
template <typename Document>
FloorEvent Extract(Document&& document) {
  FloorEvent found;
  found.time = document.find_field("@timestamp").get_string();
  simdjson::ondemand::object event = document.find_field("event").get_object();
  found.outcome = event.find_field("outcome").get_string();
  found.reason = event.find_field("reason").get_string();
  simdjson::ondemand::object source = document.find_field("source").get_object();
  found.ip = source.find_field("ip").get_string();
  found.asn = source.find_field("as").find_field("number").get_uint64();
  found.account = document.find_field("user").find_field("name").get_string();
  found.user_agent = document.find_field("user_agent").find_field("original").get_string();
  found.ja4 = document.find_field("tls").find_field("client").find_field("ja4").get_string();
  simdjson::ondemand::object login = document.find_field("login").get_object();
  found.certificate = login.find_field("certificate").get_string();
  found.password_id = login.find_field("password_id").get_string();
  // The one field that not every line has; it stands last, so asking for it skips nothing.
  std::string_view device;
  if (login.find_field("device").get_string().get(device) == simdjson::SUCCESS) found.device = device;
  return found;
}

template <typename Use>
void ForEachLine(const simdjson::padded_string& text, ParseWay way, Use&& use) {
  simdjson::ondemand::parser parser;
  if (way == ParseWay::kManyLines) {
#ifdef SIMDJSON_THREADS_ENABLED
    parser.threaded = false;  // one core is what is asked about
#endif
    simdjson::ondemand::document_stream stream = parser.iterate_many(text);
    for (auto document : stream) use(Extract(document.value()));
    return;
  }
  const char* line = text.data();
  const char* const end = line + text.size();
  while (line < end) {
    const auto* const line_end =
        static_cast<const char*>(std::memchr(line, '\n', static_cast<size_t>(end - line)));
    const auto size = static_cast<size_t>(line_end - line);
    simdjson::ondemand::document document = parser.iterate(line, size, size + simdjson::SIMDJSON_PADDING);
    use(Extract(document));
    line = line_end + 1;
  }
}

}  // namespace

bool ParseFloorRuns() {
#if defined(__x86_64__) && defined(__AVX2__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
#else
  return true;
#endif
}

uint64_t ParseFloor(const simdjson::padded_string& text, ParseWay way) {
  uint64_t sum = 0;
  ForEachLine(text, way, [&sum](const FloorEvent& event) {
    sum += event.time.size() + event.outcome.size() + event.reason.size() + event.ip.size() +
           event.account.size() + event.user_agent.size() + event.ja4.size() + event.certificate.size() +
           event.password_id.size() + event.device.size() + event.asn;
  });
  return sum;
}

void ParseFloor(const simdjson::padded_string& text, ParseWay way,
                const std::function<void(const FloorEvent&)>& use) {
  ForEachLine(text, way, use);
}

}  // namespace stockade
