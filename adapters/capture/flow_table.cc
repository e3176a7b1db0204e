#include "adapters/capture/flow_table.h"

#include "absl/hash/hash.h"
#include "engine/status.h"

namespace stockade {

size_t FlowTable::Hash::operator()(const Pair& pair) const {
  const bool ordered =
      pair.a.port != pair.b.port ? pair.a.port < pair.b.port : pair.a.address < pair.b.address;
  const FlowEndpoint& low = ordered ? pair.a : pair.b;
  const FlowEndpoint& high = ordered ? pair.b : pair.a;
  return absl::HashOf(low.address.high(), low.address.low(), high.address.high(), high.address.low(),
                      static_cast<uint32_t>(low.port) << 16 | high.port);
}

size_t FlowTable::Hash::operator()(uint32_t flow) const {
  const Connection& connection = (*table)[flow].connection;
  return (*this)(Pair{connection.client, connection.server});
}

bool FlowTable::Same::operator()(uint32_t flow, const Pair& pair) const {
  const Connection& connection = (*table)[flow].connection;
  return (connection.client == pair.a && connection.server == pair.b) ||
         (connection.client == pair.b && connection.server == pair.a);
}

FlowTable::FlowTable() : index_(0, Hash{this}, Same{this}) {}

uint32_t FlowTable::Find(const FlowEndpoint& a, const FlowEndpoint& b) const {
  const auto found = index_.find(Pair{a, b});
  return found == index_.end() ? kNone : *found;
}

uint32_t FlowTable::Add(const FlowEndpoint& client, const FlowEndpoint& server, FlowList list,
                        int64_t now_ns) {
  uint32_t flow = used_;
  if (!free_.empty()) {
    flow = free_.back();
    free_.pop_back();
  } else {
    if (flow / kBlockFlows >= blocks_.size()) blocks_.push_back(std::make_unique<Flow[]>(kBlockFlows));
    ++used_;
  }
  Flow& added = (*this)[flow];
  added = Flow{};
  added.connection.client = client;
  added.connection.server = server;
  added.last_ns = added.moved_ns = now_ns;
  Link(flow, list);
  const bool inserted = index_.insert(flow).second;
  STOCKADE_CHECK(inserted);
  return flow;
}

void FlowTable::Remove(uint32_t flow) {
  Unlink(flow);
  UnlistHole(flow);
  index_.erase(flow);
  (*this)[flow].holes.reset();
  free_.push_back(flow);
}

uint32_t FlowTable::FindIdle(FlowList list) {
  uint32_t flow = First(list);
  for (int i = 0; i < kTriesMax && flow != kNone && (*this)[flow].last_ns > (*this)[flow].moved_ns; ++i) {
    Move(flow, list);
    flow = First(list);
  }
  return flow;
}

void FlowTable::Move(uint32_t flow, FlowList list) {
  (*this)[flow].moved_ns = (*this)[flow].last_ns;
  if ((*this)[flow].list == list && IsLast(flow)) return;
  Unlink(flow);
  Link(flow, list);
}

void FlowTable::Unlink(uint32_t flow) {
  const Flow& gone = (*this)[flow];
  Head& head = heads_[static_cast<size_t>(gone.list)];
  (gone.before != kNone ? (*this)[gone.before].after : head.first) = gone.after;
  (gone.after != kNone ? (*this)[gone.after].before : head.last) = gone.before;
}

void FlowTable::Link(uint32_t flow, FlowList list) {
  Flow& added = (*this)[flow];
  Head& head = heads_[static_cast<size_t>(list)];
  added.list = list;
  added.before = head.last;
  added.after = kNone;
  (head.last != kNone ? (*this)[head.last].after : head.first) = flow;
  head.last = flow;
}

void FlowTable::MoveHole(uint32_t flow, HoleList list) {
  UnlistHole(flow);
  FlowHoles& holes = *(*this)[flow].holes;
  Head& head = hole_heads_[static_cast<size_t>(list)];
  holes.listed = true;
  holes.list = list;
  holes.before = head.last;
  holes.after = kNone;
  (head.last != kNone ? (*this)[head.last].holes->after : head.first) = flow;
  head.last = flow;
}

void FlowTable::UnlistHole(uint32_t flow) {
  FlowHoles* const holes = (*this)[flow].holes.get();
  if (holes == nullptr || !holes->listed) return;
  Head& head = hole_heads_[static_cast<size_t>(holes->list)];
  (holes->before != kNone ? (*this)[holes->before].holes->after : head.first) = holes->after;
  (holes->after != kNone ? (*this)[holes->after].holes->before : head.last) = holes->before;
  holes->listed = false;
}

size_t FlowTable::memory_bytes() const noexcept {
  return blocks_.size() * kBlockFlows * sizeof(Flow) + free_.capacity() * sizeof(uint32_t) +
         index_.capacity() * (sizeof(uint32_t) + 1);
}

}  // namespace stockade
