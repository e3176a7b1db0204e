#include "adapters/capture/fragments.h"

#include <algorithm>
#include <cstring>

#include "engine/status.h"

namespace stockade {

size_t FragmentTable::Unfinished::MemoryBytes() const noexcept {
  return sizeof(Unfinished) + 128 /* list node and index */ + bytes.capacity() +
         parts.capacity() * sizeof(Part);
}

void FragmentTable::Drop(Order::iterator which) {
  bytes_ -= which->MemoryBytes();
  index_.erase(which->key);
  order_.erase(which);
}

void FragmentTable::Spoil(Unfinished* datagram, uint64_t CaptureCounts::*reason) {
  ++(counts_->*reason);
  bytes_ -= datagram->MemoryBytes();
  datagram->spoilt = true;
  datagram->bytes = {};
  datagram->parts = {};
  bytes_ += datagram->MemoryBytes();
}

bool FragmentTable::Add(const Fragment& fragment, int64_t now_ns, uint8_t* protocol,
                        std::span<const uint8_t>* whole) {
  while (!order_.empty() && now_ns - order_.front().begun_ns > kAgeNsMax) {
    if (!order_.front().spoilt) ++counts_->fragments_timed_out;
    Drop(order_.begin());
  }
  const auto begin = fragment.offset;
  const auto end = static_cast<uint32_t>(fragment.offset + fragment.bytes.size());
  // All but the last are multiples of 8 bytes, else what follows them could have no offset.
  if (fragment.bytes.empty() || end > kDatagramBytesMax ||
      (fragment.more && fragment.bytes.size() % 8 != 0)) {
    ++counts_->fragments_unusable;
    return false;
  }
  const Key key{fragment.source, fragment.destination, fragment.id,
                fragment.is_v6 ? uint8_t{0} : fragment.protocol, fragment.is_v6};
  auto found = index_.find(key);
  if (found == index_.end()) {
    order_.emplace_back();
    order_.back().key = key;
    order_.back().begun_ns = now_ns;
    bytes_ += order_.back().MemoryBytes();
    found = index_.emplace(key, std::prev(order_.end())).first;
  }
  const Order::iterator which = found->second;
  Unfinished* const datagram = &*which;
  if (datagram->spoilt) return false;

  const auto next = std::lower_bound(datagram->parts.begin(), datagram->parts.end(), begin,
                                     [](const Part& part, uint32_t at) { return part.begin < at; });
  const bool repeated = next != datagram->parts.end() && next->begin == begin && next->end == end;
  if (repeated) return false;
  const bool overlaps = (next != datagram->parts.end() && next->begin < end) ||
                        (next != datagram->parts.begin() && std::prev(next)->end > begin);
  const bool beyond_end = datagram->total_bytes != 0 && (end > datagram->total_bytes || !fragment.more);
  const bool ends_early = !fragment.more && !datagram->parts.empty() && datagram->parts.back().end > end;
  if (overlaps || beyond_end || ends_early) {
    Spoil(datagram, &CaptureCounts::fragments_overlapping);
    return false;
  }
  bytes_ -= datagram->MemoryBytes();
  datagram->parts.insert(next, Part{begin, end});
  if (datagram->bytes.size() < end) datagram->bytes.resize(end);
  std::memcpy(datagram->bytes.data() + begin, fragment.bytes.data(), fragment.bytes.size());
  bytes_ += datagram->MemoryBytes();
  datagram->had_bytes += end - begin;
  if (!fragment.more) datagram->total_bytes = end;
  if (begin == 0) datagram->protocol = fragment.protocol;

  if (datagram->total_bytes != 0 && datagram->had_bytes == datagram->total_bytes) {
    *protocol = datagram->protocol;
    bytes_ -= datagram->MemoryBytes();
    finished_ = std::move(datagram->bytes);
    index_.erase(datagram->key);
    order_.erase(which);
    *whole = finished_;
    return true;
  }
  while (order_.size() > limits_.datagrams_max || bytes_ > limits_.bytes_max) {
    if (!order_.front().spoilt) ++counts_->fragments_evicted;
    Drop(order_.begin());
  }
  return false;
}

}  // namespace stockade
