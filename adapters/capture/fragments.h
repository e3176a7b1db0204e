// IPv4 and IPv6 fragments → whole datagrams, within bounds.
//
// Overlap: a datagram of which two fragments overlap is dropped whole, in both versions.
// For IPv6 RFC 5722 says so; for IPv4 systems disagree about which bytes win, so that whatever were chosen here would be
// wrong for somebody's server, Linux drops it since 4.20 too, and no honest sender makes one. What lies within a run of what
// came already is a repetition and changes nothing (RFC 8200 §4.5; Linux: inet_frag_queue_insert); runs are as Linux has
// them, who lets only the last one grow. What comes after an overlap begins anew, as it does there: nobody hides a datagram
// by overlapping an earlier one of its name.
//
// The oldest unfinished datagram gives way when there are too many or too many bytes, and none is older than kAgeNsMax of
// packet time. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "adapters/capture/capture_counts.h"
#include "adapters/secret_text.h"
#include "engine/event/address.h"

namespace stockade {

struct FragmentLimits {
  // Logins travel in TCP, which avoids fragments; large DNS answers and tunnels make some. 1024 unfinished ones are
  // a flood or a broken path.
  size_t datagrams_max = 1024;
  size_t bytes_max = size_t{16} << 20;
};

struct Fragment {
  Address source = {};
  Address destination = {};
  uint32_t id = 0;
  uint8_t protocol = 0;  // IPv4: part of the datagram's name; IPv6: the first fragment's counts
  bool is_v6 = false;
  bool more = false;    // not the last
  uint32_t offset = 0;  // bytes
  std::span<const uint8_t> bytes;
};

class FragmentTable {
 public:
  static constexpr int64_t kAgeNsMax = int64_t{30} * 1'000'000'000;  // as Linux: net.ipv4.ipfrag_time
  static constexpr uint32_t kDatagramBytesMax = 65535;

  FragmentTable(const FragmentLimits& limits, CaptureCounts* counts) : limits_(limits), counts_(counts) {}

  // True when the fragment completes its datagram: `*protocol` and `*whole` are what its first fragment says and all of
  // its bytes, until the next call.
  bool Add(const Fragment& fragment, int64_t now_ns, uint8_t* protocol, std::span<const uint8_t>* whole);

  size_t datagrams() const noexcept { return index_.size(); }
  size_t memory_bytes() const noexcept { return bytes_; }

 private:
  struct Key {
    Address source;
    Address destination;
    uint32_t id = 0;
    uint8_t protocol = 0;
    bool is_v6 = false;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.source, k.destination, k.id, k.protocol, k.is_v6);
    }
  };
  // Fragments that came one behind the other.
  struct Run {
    uint32_t begin;
    SecretText bytes;
    uint32_t end() const noexcept { return begin + static_cast<uint32_t>(bytes.size()); }
  };
  struct Unfinished {
    Key key;
    int64_t begun_ns = 0;
    std::vector<Run> runs;  // by begin; they do not overlap
    size_t capacity = 0;    // of all runs' bytes
    uint32_t had_bytes = 0;
    uint32_t total_bytes = 0;  // 0: the last fragment has not come
    uint8_t protocol = 0;      // of the first fragment
    size_t MemoryBytes() const noexcept;
  };
  using Order = std::list<Unfinished>;

  void Drop(Order::iterator which);
  void Finish(const Unfinished& datagram);

  FragmentLimits limits_;
  CaptureCounts* counts_;
  Order order_;  // the oldest first
  absl::flat_hash_map<Key, Order::iterator> index_;
  size_t bytes_ = 0;
  SecretText finished_;
};

}  // namespace stockade
