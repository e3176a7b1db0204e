// The connections that a TcpAssembler knows: found by their endpoints, in lists by how much they are worth and how long
// they were idle.
//
// A flow has one place for its life, a number; places are used again. Memory grows in blocks and is not given back before
// the table ends. Look-ups hash both endpoints with Abseil's hash, which is seeded a process; no order depends on it.
// Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/held_bytes.h"

namespace stockade {

// The place of a direction in Flow::half and its like.
constexpr size_t IndexOf(Direction direction) noexcept {
  return static_cast<size_t>(direction);
}
constexpr Direction Opposite(Direction direction) noexcept {
  return direction == Direction::kFromClient ? Direction::kFromServer : Direction::kFromClient;
}
// How far `a` is ahead of `b` in sequence numbers; below 0: behind. They are compared within half of their circle (RFC 9293 §3.4).
constexpr int32_t Ahead(uint32_t a, uint32_t b) noexcept {
  return static_cast<int32_t>(a - b);
}

// One direction of a connection. Sequence numbers are TCP's, modulo 2^32.
struct HalfFlow {
  uint32_t first = 0;      // of the first byte that it carries
  uint32_t next = 0;       // to be told
  uint32_t top = 0;        // behind all that was seen of it, with its FIN
  uint32_t acked = 0;      // by the other side, at most; where is_acked
  uint32_t fin = 0;        // where has_fin
  bool known : 1 = false;  // first and next are
  bool heard : 1 = false;  // a segment of this side was seen
  bool is_acked : 1 = false;
  bool has_fin : 1 = false;
  bool ended : 1 = false;     // and told
  bool unwanted : 1 = false;  // by the listener
};

enum class FlowList : uint8_t {
  kLingering,  // told in full; kept so that late segments are known for what they are
  kSilent,     // never carried a byte, or one side alone is heard
  kResetting,  // reset, if that was true
  kCarrying,
};
inline constexpr size_t kFlowLists = 4;

enum class HoleList : uint8_t { kAcknowledged, kOpen };
inline constexpr size_t kHoleLists = 2;

// What only a flow with holes, or with bytes behind them, has.
struct FlowHoles {
  std::array<HeldBytes, 2> held;   // by direction
  int64_t since_ns = 0;            // in its list
  std::array<uint32_t, 2> next{};  // of both directions when it came into its list
  std::array<bool, 2> heard{};     // of a direction's receiver, since then
  uint32_t before = 0;
  uint32_t after = 0;
  HoleList list = HoleList::kOpen;
  bool listed = false;
};

struct Flow {
  Connection connection;
  std::array<HalfFlow, 2> half;  // by direction
  int64_t last_ns = 0;           // of the last segment, on the ageing clock
  int64_t moved_ns = 0;          // when it came to its place in its list
  std::unique_ptr<FlowHoles> holes;
  uint32_t before = 0;
  uint32_t after = 0;
  uint32_t other_syn = 0;      // where has_other_syn: of a SYN that would replace it
  uint32_t earlier_first = 0;  // where has_earlier_first: of the server, as a SYN-ACK before the last said it
  FlowList list = FlowList::kSilent;
  bool opened : 1 = false;  // and told
  bool has_other_syn : 1 = false;
  bool other_syn_by_server : 1 = false;
  bool reset_by_server : 1 = false;  // where kResetting, or is_reset
  bool is_reset : 1 = false;         // and told, as closed by that
  bool has_earlier_first : 1 = false;
  bool syn_answered : 1 = false;  // SYN and SYN-ACK were seen
  bool client_hears : 1 = false;  // the client has acknowledged a number that the server has sent
};

class FlowTable {
 public:
  static constexpr uint32_t kNone = 0;
  static constexpr int64_t kTouchNs = 1'000'000'000;  // far below every time that flows may be idle for
  static constexpr int kTriesMax = 32;

  FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  // The flow between two endpoints, in either direction, or kNone.
  uint32_t Find(const FlowEndpoint& a, const FlowEndpoint& b) const;
  // A new one, at the end of its list. There is none between them.
  uint32_t Add(const FlowEndpoint& client, const FlowEndpoint& server, FlowList list, int64_t now_ns);
  void Remove(uint32_t flow);
  // To the end of `list`: the one that was idle for the shortest time, by its last_ns.
  void Move(uint32_t flow, FlowList list);
  // The same in its list, if it did not move within kTouchNs: neighbours in a list lie anywhere in memory.
  void Touch(uint32_t flow) {
    const Flow& touched = (*this)[flow];
    if (touched.last_ns - touched.moved_ns >= kTouchNs) Move(flow, touched.list);
  }
  // The one of a list that may be given up: idle longest. It looks at kTriesMax; of those that went on since they moved each
  // gets another place.
  uint32_t FindIdle(FlowList list);

  // The one that was idle longest, within kTouchNs, or kNone.
  uint32_t First(FlowList list) const noexcept { return heads_[static_cast<size_t>(list)].first; }
  bool IsLast(uint32_t flow) const noexcept {
    return heads_[static_cast<size_t>((*this)[flow].list)].last == flow;
  }
  uint32_t FirstHole(HoleList list) const noexcept { return hole_heads_[static_cast<size_t>(list)].first; }
  // To the end of a list of holes, or out of both.
  void MoveHole(uint32_t flow, HoleList list);
  void UnlistHole(uint32_t flow);

  Flow& operator[](uint32_t flow) { return blocks_[flow / kBlockFlows][flow % kBlockFlows]; }
  const Flow& operator[](uint32_t flow) const { return blocks_[flow / kBlockFlows][flow % kBlockFlows]; }
  uint32_t size() const noexcept { return static_cast<uint32_t>(index_.size()); }
  size_t memory_bytes() const noexcept;

 private:
  static constexpr uint32_t kBlockFlows = 1024;
  struct Head {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };
  struct Pair {
    const FlowEndpoint& a;
    const FlowEndpoint& b;
  };
  struct Hash {
    using is_transparent = void;
    const FlowTable* table;
    size_t operator()(uint32_t flow) const;
    size_t operator()(const Pair& pair) const;
  };
  struct Same {
    using is_transparent = void;
    const FlowTable* table;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t flow, const Pair& pair) const;
    bool operator()(const Pair& pair, uint32_t flow) const { return (*this)(flow, pair); }
  };

  void Unlink(uint32_t flow);
  void Link(uint32_t flow, FlowList list);

  std::vector<std::unique_ptr<Flow[]>> blocks_;
  std::vector<uint32_t> free_;
  uint32_t used_ = 1;  // places ever used; 0 is kNone
  absl::flat_hash_set<uint32_t, Hash, Same> index_;
  std::array<Head, kFlowLists> heads_;
  std::array<Head, kHoleLists> hole_heads_;
};

}  // namespace stockade
