// Windows against the oracle: bytes become a configuration and a stream of events; a reading that differs
// ends the process. Beyond 64 values only the promises that hold for estimates are checked.
#include <cstdint>
#include <memory>
#include <span>

#include "engine/status.h"
#include "engine/window/keyed_table.h"
#include "tests/oracle/window_oracle.h"

namespace stockade {
namespace {

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool is_empty() const { return size_ == 0; }
  uint32_t Next(int count) {
    uint32_t value = 0;
    for (; count > 0 && size_ > 0; --count, ++data_, --size_) value = value << 8 | *data_;
    return value;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

void Run(Bytes bytes) {
  WindowConfig config;
  config.kind = WindowKind(bytes.Next(1) % 6);
  config.span_ms = 1 + int64_t{bytes.Next(4)} % kSpanMsMax;
  config.limit = 1 + int(bytes.Next(1) % 80);
  if (config.kind == WindowKind::kSequence) config.limit = std::min(config.limit, kExactLimit);
  config.percentile = 1 + bytes.Next(1) % 100;
  auto table = KeyedTable::Create({.memory_bytes = KeyedTable::kBytesMin, .lateness_ms = kLatenessMsMax},
                                  std::span(&config, 1));
  STOCKADE_CHECK(table.ok());
  WindowOracle oracle(config);
  const Hash128 key{bytes.Next(4), 1};
  int64_t now_ms = (int64_t{1} << 40) + bytes.Next(4);
  for (int events = 0; !bytes.is_empty() && events < 400; ++events) {
    const uint32_t how = bytes.Next(1);
    int64_t time_ms = now_ms;
    if (how % 4 == 1) time_ms += bytes.Next(1);
    if (how % 4 == 2) time_ms += bytes.Next(4);
    if (how % 4 == 3) time_ms -= int64_t{bytes.Next(4)} % (kLatenessMsMax + 1);
    now_ms = std::max(now_ms, time_ms);
    const uint32_t tag = bytes.Next(1);
    const double number = double(bytes.Next(1)) - 100;
    Reading got;
    switch (config.kind) {
      case WindowKind::kCount:
        got = (*table)->Add(0, key, time_ms);
        break;
      case WindowKind::kDistinct:
      case WindowKind::kSequence:
        got = (*table)->AddTag(0, key, time_ms, tag);
        break;
      default:
        got = (*table)->AddNumber(0, key, time_ms, number);
    }
    const Reading want = oracle.Add(time_ms, tag, number);
    STOCKADE_CHECK(got.counted == want.counted);
    STOCKADE_CHECK((*table)->bytes() <= KeyedTable::kBytesMin);
    if (!got.estimated) STOCKADE_CHECK(SaysTheSame(got, want));
    const bool has_limit = config.kind <= WindowKind::kSequence;
    if (has_limit) STOCKADE_CHECK(got.count >= 0 && got.count <= config.limit);
    if (has_limit && config.limit <= kExactLimit) STOCKADE_CHECK(!got.estimated);
  }
}

}  // namespace
}  // namespace stockade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::Run(stockade::Bytes(data, size));
  return 0;
}
