#include "adapters/capture/fragments.h"

#include <algorithm>

namespace stockade {

size_t FragmentTable::Unfinished::MemoryBytes() const noexcept {
  return sizeof(Unfinished) + 128 /* list node and index */ + capacity + runs.capacity() * sizeof(Run);
}

void FragmentTable::Drop(Order::iterator which) {
  bytes_ -= which->MemoryBytes();
  index_.erase(which->key);
  order_.erase(which);
}

void FragmentTable::Finish(const Unfinished& datagram) {
  finished_.Reset(datagram.total_bytes);
  for (const Run& run : datagram.runs) finished_.Append(run.bytes.view());
}

bool FragmentTable::Add(const Fragment& fragment, int64_t now_ns, uint8_t* protocol,
                        std::span<const uint8_t>* whole) {
  while (!order_.empty() && now_ns - order_.front().begun_ns > kAgeNsMax) {
    ++counts_->fragments_timed_out;
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

  std::vector<Run>& runs = datagram->runs;
  const auto next = std::upper_bound(runs.begin(), runs.end(), begin,
                                     [](uint32_t at, const Run& run) { return at < run.begin; });
  const bool is_behind = next != runs.begin();
  const bool repeated = is_behind && std::prev(next)->end() >= end;
  if (repeated) return false;
  const bool overlaps =
      (next != runs.end() && next->begin < end) || (is_behind && std::prev(next)->end() > begin);
  const bool beyond_end = datagram->total_bytes != 0 && (end > datagram->total_bytes || !fragment.more);
  const bool ends_early = !fragment.more && !runs.empty() && runs.back().end() > end;
  if (overlaps || beyond_end || ends_early) {
    ++counts_->fragments_overlapping;
    Drop(which);
    return false;
  }
  const std::string_view content(reinterpret_cast<const char*>(fragment.bytes.data()), fragment.bytes.size());
  bytes_ -= datagram->MemoryBytes();
  if (next == runs.end() && is_behind && runs.back().end() == begin) {
    SecretText& last = runs.back().bytes;
    datagram->capacity -= last.capacity();
    last.Append(content);
    datagram->capacity += last.capacity();
  } else {
    const auto added = runs.insert(next, Run{begin, SecretText(content)});
    datagram->capacity += added->bytes.capacity();
  }
  bytes_ += datagram->MemoryBytes();
  datagram->had_bytes += end - begin;
  if (!fragment.more) datagram->total_bytes = end;
  if (begin == 0) datagram->protocol = fragment.protocol;

  if (datagram->total_bytes != 0 && datagram->had_bytes == datagram->total_bytes) {
    *protocol = datagram->protocol;
    Finish(*datagram);
    Drop(which);
    *whole = {reinterpret_cast<const uint8_t*>(finished_.view().data()), finished_.size()};
    return true;
  }
  while (order_.size() > limits_.datagrams_max || bytes_ > limits_.bytes_max) {
    ++counts_->fragments_evicted;
    Drop(order_.begin());
  }
  return false;
}

}  // namespace stockade
