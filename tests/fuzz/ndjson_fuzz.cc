// The ndjson source on any bytes; and on the same lines twice: read a second time, by the shapes that the first
// time taught, each must give what it gave before.
#include <vector>

#include "engine/text.h"
#include "tests/fuzz/source_fuzz.h"

namespace {

using stockade::Attempt;
using stockade::ExtraField;
using stockade::OwnedEvent;

struct Seen {
  stockade::ReadError error;
  uint32_t offset;
  OwnedEvent owned;
};

bool SameText(std::string_view a, std::string_view b) {
  return a == b && (a.data() == nullptr) == (b.data() == nullptr);
}

void CheckSame(const Seen& first, const Seen& again) {
  STOCKADE_CHECK(first.error == again.error && first.offset == again.offset);
  if (first.error != stockade::ReadError::kNone) return;
  const Attempt& a = first.owned.event().attempt;
  const Attempt& b = again.owned.event().attempt;
  STOCKADE_CHECK(a.time_ns == b.time_ns && a.source == b.source && a.asn == b.asn);
  STOCKADE_CHECK(a.certificate == b.certificate && a.certificate_present == b.certificate_present);
  const stockade::Aftermath& x = first.owned.event().aftermath;
  const stockade::Aftermath& y = again.owned.event().aftermath;
  STOCKADE_CHECK(x.outcome == y.outcome && x.challenge.human == y.challenge.human &&
                 x.challenge.identity == y.challenge.identity);
  for (const auto member : {&Attempt::account, &Attempt::user_agent, &Attempt::ja3, &Attempt::ja4,
                            &Attempt::path, &Attempt::request_id, &Attempt::country, &Attempt::password_id,
                            &Attempt::device, &Attempt::channel, &Attempt::header_order})
    STOCKADE_CHECK(SameText(a.*member, b.*member));
  STOCKADE_CHECK(a.extra.size() == b.extra.size());
  for (size_t i = 0; i < a.extra.size(); ++i) {
    const ExtraField& one = a.extra[i];
    const ExtraField& other = b.extra[i];
    STOCKADE_CHECK(one.id == other.id && one.value.kind == other.value.kind);
    STOCKADE_CHECK(one.value.number == other.value.number && SameText(one.value.text, other.value.text));
  }
}

void ReadTwice(std::string_view lines) {
  static stockade::FieldTable* const fields = [] {
    auto* table = new stockade::FieldTable;
    for (const char* const name : {"a", "a.b", "host.name", "event.category"}) table->Intern(name);
    return table;
  }();
  stockade::SourceOptions options;
  options.format = "ndjson";
  options.fields = fields;
  // Behind a line of its own, so that the begin of the lines is not taken for that of a file.
  auto opened = stockade::OpenText(stockade::Concat("{}\n", lines, "\n", lines, "\n"), "fuzz", options);
  STOCKADE_CHECK(opened.ok());
  std::vector<Seen> records;
  stockade::Batch batch;
  while (true) {
    const auto more = opened->source->Read(&batch);
    STOCKADE_CHECK(more.ok());
    if (!*more) break;
    for (const stockade::Record& record : batch.records)
      records.push_back(Seen{record.error, record.offset, OwnedEvent(record.event)});
  }
  STOCKADE_CHECK(records.size() % 2 == 1);
  const size_t half = records.size() / 2;
  for (size_t i = 1; i <= half; ++i) CheckSame(records[i], records[half + i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::SourceOptions options;
  options.format = "ndjson";
  stockade::FuzzSource(data, size, options);
  ReadTwice(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
