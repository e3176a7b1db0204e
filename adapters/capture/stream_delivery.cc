#include "adapters/capture/stream_delivery.h"

#include <algorithm>
#include <utility>

#include "engine/status.h"

namespace stockade {
namespace {

constexpr std::array<Direction, 2> kBoth = {Direction::kFromClient, Direction::kFromServer};

// More than any server sends, and a capture loses, before the first byte that is seen of it.
constexpr uint32_t kFirstBytesMax = 1 << 20;

bool IsHeld(const Flow& flow, Direction direction) {
  return flow.holes != nullptr && !flow.holes->held[IndexOf(direction)].empty();
}

}  // namespace

const Connection& StreamDelivery::AsOfNow(Flow* flow) {
  const HalfFlow& client = flow->half[IndexOf(Direction::kFromClient)];
  Connection& connection = flow->connection;
  connection.server_heard = flow->half[IndexOf(Direction::kFromServer)].heard;
  connection.client_hears = flow->client_hears;
  const int32_t left = Ahead(client.next, client.is_acked ? client.acked : client.first);
  connection.unacknowledged_bytes = connection.server_heard && left > 0 ? static_cast<uint32_t>(left) : 0;
  return connection;
}

void StreamDelivery::Open(Flow* flow) {
  flow->opened = true;
  flow->connection.id = ++connections_;
  ++counts_->connections;
  if (!flow->connection.start_seen) ++counts_->connections_mid_stream;
  listener_->Opened(AsOfNow(flow));
}

void StreamDelivery::Tell(Flow* flow, Direction direction, std::string_view bytes) {
  HalfFlow& half = flow->half[IndexOf(direction)];
  half.next += static_cast<uint32_t>(bytes.size());
  if (half.unwanted) {
    counts_->unwanted_bytes += bytes.size();
    return;
  }
  if (!flow->opened) Open(flow);
  counts_->told_bytes += bytes.size();
  half.unwanted = !listener_->Bytes(AsOfNow(flow), direction, bytes, time_ns_);
}

void StreamDelivery::TellGap(Flow* flow, Direction direction, uint32_t bytes) {
  HalfFlow& half = flow->half[IndexOf(direction)];
  half.next += bytes;
  if (half.unwanted) return;
  if (!flow->opened) Open(flow);
  ++counts_->gaps;
  counts_->gap_bytes += bytes;
  listener_->Gap(AsOfNow(flow), direction, bytes, time_ns_);
}

bool StreamDelivery::WaitsForClient(const Flow& flow) const {
  return AcknowledgedHole(flow, Direction::kFromClient) != 0;
}

uint32_t StreamDelivery::OpenHole(const Flow& flow, Direction direction) const {
  if (!IsHeld(flow, direction)) return 0;
  return flow.holes->held[IndexOf(direction)].begin() - flow.half[IndexOf(direction)].next;
}

uint32_t StreamDelivery::AcknowledgedHole(const Flow& flow, Direction direction) const {
  const HalfFlow& half = flow.half[IndexOf(direction)];
  if (!half.is_acked || half.unwanted || half.ended) return 0;
  const int32_t acked = Ahead(half.acked, half.next);
  if (acked <= 0) return 0;
  if (IsHeld(flow, direction)) return std::min(OpenHole(flow, direction), static_cast<uint32_t>(acked));
  // The client's own word does not make a hole of what the server has not sent yet: it could be a lie, and cost us the
  // begin of the answer.
  if (direction == Direction::kFromServer) return 0;
  // A FIN is acknowledged like a byte; a single byte more than was seen is a FIN that the capture lost, which every
  // connection ends with, and no byte.
  if (half.has_fin) return static_cast<uint32_t>(acked) - (Ahead(half.acked, half.fin) > 0 ? 1 : 0);
  return acked == 1 ? 0 : static_cast<uint32_t>(acked);
}

void StreamDelivery::Drain(Flow* flow, Direction direction, bool whatever_the_client) {
  HalfFlow& half = flow->half[IndexOf(direction)];
  while (IsHeld(*flow, direction)) {
    HeldBytes& held = flow->holes->held[IndexOf(direction)];
    if (!half.unwanted) {
      if (held.begin() != half.next) return;
      const bool waits = direction == Direction::kFromServer ? WaitsForClient(*flow) : WaitsForServer(*flow);
      if (waits && !whatever_the_client) return;
    }
    held_bytes_ -= held.memory_bytes();
    half.next = held.begin();
    const SecretText bytes = held.TakeFirst();
    held_bytes_ += held.memory_bytes();
    Tell(flow, direction, bytes.view());
  }
}

void StreamDelivery::EndIfComplete(Flow* flow, Direction direction, bool capture_is_over) {
  HalfFlow& half = flow->half[IndexOf(direction)];
  if (!half.has_fin || half.ended || half.next != half.fin) return;
  const bool believed = capture_is_over || (half.is_acked && Ahead(half.acked, half.fin) > 0) ||
                        !flow->half[IndexOf(Opposite(direction))].heard;
  if (!believed) return;
  if (IsHeld(*flow, direction)) {
    // The receiver takes either the FIN or what goes on behind it, and says which.
    if (!half.is_acked || half.acked != half.fin + 1) return;
    HeldBytes& held = flow->holes->held[IndexOf(direction)];
    held_bytes_ -= held.memory_bytes();
    while (!held.empty()) counts_->after_close_bytes += held.DropLast();
    held_bytes_ += held.memory_bytes();
  }
  half.ended = true;
  half.next = half.fin + 1;
  if (flow->opened) listener_->Ended(AsOfNow(flow), direction, time_ns_);
}

void StreamDelivery::Settle(uint32_t flow_number) {
  Flow& flow = flows_[flow_number];
  if (flow.list == FlowList::kLingering) return;
  if (flow.holes != nullptr) {
    for (const Direction direction : kBoth) Drain(&flow, direction, false);
  }
  for (const Direction direction : kBoth) EndIfComplete(&flow, direction, false);
  ListHoles(flow_number);
  if (flow.half[0].ended && flow.half[1].ended) {
    Close(flow_number, ConnectionClose::kFin);
    flows_.Move(flow_number, FlowList::kLingering);
  }
}

void StreamDelivery::Content(uint32_t flow_number, Direction direction, uint32_t sequence,
                             std::string_view bytes) {
  Flow& flow = flows_[flow_number];
  HalfFlow& half = flow.half[IndexOf(direction)];
  const auto cut_known = [&] {
    const int32_t behind = Ahead(half.next, sequence);
    if (behind <= 0) return;
    const size_t known = std::min<size_t>(bytes.size(), static_cast<uint32_t>(behind));
    counts_->repeated_bytes += known;
    bytes.remove_prefix(known);
    sequence += static_cast<uint32_t>(known);
  };
  const auto is_next = [&] {
    return sequence == half.next && !IsHeld(flow, direction) &&
           !(direction == Direction::kFromServer ? WaitsForClient(flow) : WaitsForServer(flow));
  };
  cut_known();
  if (bytes.empty()) return;
  if (half.ended) {
    counts_->after_close_bytes += bytes.size();
    return;
  }
  // What goes on behind a FIN shows that its sender did not make it.
  if (half.has_fin && Ahead(sequence + static_cast<uint32_t>(bytes.size()), half.fin) > 0)
    half.has_fin = false;
  if (half.unwanted) half.next = sequence;
  // The server has answered one SYN by several numbers, as one that keeps nothing of it does (RFC 4987 §3.6), and the client
  // has chosen another than the last: nobody's first bytes are so far away.
  const bool restarted = half.next == half.first && half.is_acked && half.acked == sequence &&
                         static_cast<uint32_t>(Ahead(sequence, half.next)) > kFirstBytesMax;
  if (restarted && !IsHeld(flow, direction)) half.first = half.next = sequence;
  if (is_next()) return Tell(&flow, direction, bytes);
  const bool fits = MakeRoom(&flow, direction, sequence, bytes.size());
  // Making room may have told what was held of them, and all in front.
  cut_known();
  if (bytes.empty()) return;
  if (half.unwanted) half.next = sequence;
  if (is_next()) return Tell(&flow, direction, bytes);
  if (!fits) {
    counts_->beyond_limit_bytes += bytes.size();
    return;
  }
  Hold(&flow, direction, sequence, bytes);
  KeepWithinMemory();
}

void StreamDelivery::Hold(Flow* flow, Direction direction, uint32_t sequence, std::string_view bytes) {
  HeldBytes& held = HolesOf(flow).held[IndexOf(direction)];
  held_bytes_ -= held.memory_bytes();
  const size_t taken = held.Add(flow->half[IndexOf(direction)].next, sequence, bytes);
  held_bytes_ += held.memory_bytes();
  counts_->repeated_bytes += bytes.size() - taken;
}

FlowHoles& StreamDelivery::HolesOf(Flow* flow) {
  if (flow->holes == nullptr) {
    flow->holes = std::make_unique<FlowHoles>();
    held_bytes_ += sizeof(FlowHoles);
  }
  return *flow->holes;
}

void StreamDelivery::ForgetHoles(uint32_t flow_number) {
  Flow& flow = flows_[flow_number];
  if (flow.holes == nullptr) return;
  flows_.UnlistHole(flow_number);
  held_bytes_ -= sizeof(FlowHoles) + flow.holes->held[0].memory_bytes() + flow.holes->held[1].memory_bytes();
  flow.holes.reset();
}

// Whether a direction may hold so many bytes more at `sequence`, after what is necessary for it.
bool StreamDelivery::MakeRoom(Flow* flow, Direction direction, uint32_t sequence, size_t bytes) {
  HalfFlow& half = flow->half[IndexOf(direction)];
  const auto fits = [&] {
    if (IsHeld(*flow, direction) && flow->holes->held[IndexOf(direction)].pieces() >= HeldBytes::kPiecesMax)
      return false;
    const size_t held = flow->holes == nullptr ? 0 : flow->holes->held[IndexOf(direction)].size();
    const size_t ahead = static_cast<uint32_t>(Ahead(sequence, half.next));
    return std::max(held, ahead) + bytes + HeldBytes::kPieceBytes <= options_.held_bytes_a_direction_max;
  };
  if (fits()) return true;
  if (direction == Direction::kFromServer) {
    while (const uint32_t lost = AcknowledgedHole(*flow, Direction::kFromClient)) {
      TellGap(flow, Direction::kFromClient, lost);
      Drain(flow, Direction::kFromClient, true);
    }
    Drain(flow, direction, true);
  }
  // A client that says so much has a server, which is not captured.
  if (direction == Direction::kFromClient && WaitsForServer(*flow)) Drain(flow, direction, true);
  // Nobody will send again what was acknowledged, nor be heard to acknowledge where one direction is captured.
  const bool one_sided = !flow->half[IndexOf(Opposite(direction))].heard;
  while (!half.unwanted && Ahead(sequence, half.next) > 0 && !fits()) {
    uint32_t lost = one_sided ? OpenHole(*flow, direction) : AcknowledgedHole(*flow, direction);
    if (lost == 0 && !IsHeld(*flow, direction)) {
      // Nothing is held: the hole goes up to these bytes.
      const auto hole = static_cast<uint32_t>(Ahead(sequence, half.next));
      const int32_t acked = half.is_acked ? Ahead(half.acked, half.next) : 0;
      lost = one_sided ? hole : acked > 0 ? std::min(hole, static_cast<uint32_t>(acked)) : 0;
    }
    if (lost == 0) break;
    TellGap(flow, direction, lost);
    Drain(flow, direction, true);
  }
  if (Ahead(half.next, sequence) > 0 || fits()) return true;
  // What is nearer is worth more.
  while (IsHeld(*flow, direction) && !fits()) {
    HeldBytes& held = flow->holes->held[IndexOf(direction)];
    if (Ahead(held.last_begin(), sequence) <= 0) break;
    held_bytes_ -= held.memory_bytes();
    counts_->beyond_limit_bytes += held.DropLast();
    held_bytes_ += held.memory_bytes();
  }
  return fits();
}

void StreamDelivery::DropHeld(uint32_t flow_number, Direction direction, uint32_t end) {
  Flow& flow = flows_[flow_number];
  if (!IsHeld(flow, direction)) return;
  const uint32_t next = flow.half[IndexOf(direction)].next;
  HeldBytes& held = flow.holes->held[IndexOf(direction)];
  held_bytes_ -= held.memory_bytes();
  HeldBytes kept;
  while (!held.empty()) {
    const uint32_t begin = held.begin();
    const SecretText piece = held.TakeFirst();
    const size_t proven =
        Ahead(end, begin) <= 0 ? 0 : std::min<size_t>(piece.size(), static_cast<uint32_t>(Ahead(end, begin)));
    if (proven != 0) kept.Add(next, begin, piece.view().substr(0, proven));
    counts_->unproven_bytes += piece.size() - proven;
  }
  held = std::move(kept);
  held_bytes_ += held.memory_bytes();
}

void StreamDelivery::GiveUp(Flow* flow, bool open_ones_too) {
  for (const Direction direction : kBoth) {
    while (true) {
      Drain(flow, direction, open_ones_too);
      uint32_t lost = AcknowledgedHole(*flow, direction);
      if (lost == 0 && open_ones_too) lost = OpenHole(*flow, direction);
      if (lost == 0) break;
      TellGap(flow, direction, lost);
    }
  }
}

// Keeps the flow in the list that its holes belong in. A hole that got another begin waits anew.
void StreamDelivery::ListHoles(uint32_t flow_number) {
  Flow& flow = flows_[flow_number];
  bool acknowledged = false;
  bool open = false;
  for (const Direction direction : kBoth) {
    acknowledged |= AcknowledgedHole(flow, direction) != 0;
    open |= IsHeld(flow, direction);
  }
  if (!acknowledged && !open) {
    ForgetHoles(flow_number);
    return;
  }
  FlowHoles& holes = HolesOf(&flow);
  const HoleList list = acknowledged ? HoleList::kAcknowledged : HoleList::kOpen;
  const std::array<uint32_t, 2> next = {flow.half[0].next, flow.half[1].next};
  if (holes.listed && holes.list == list && holes.next == next) return;
  flows_.MoveHole(flow_number, list);
  holes.next = next;
  holes.since_ns = clock_ns_;
  holes.heard = {};
}

void StreamDelivery::GiveUpHoles() {
  while (const uint32_t flow = flows_.FirstHole(HoleList::kAcknowledged)) {
    if (clock_ns_ - flows_[flow].holes->since_ns < kReorderNs) break;
    GiveUp(&flows_[flow], false);
    Settle(flow);
  }
  while (const uint32_t flow = flows_.FirstHole(HoleList::kOpen)) {
    FlowHoles& holes = *flows_[flow].holes;
    if (clock_ns_ - holes.since_ns < kOneSidedNs) break;
    // A receiver who speaks and does not acknowledge is waiting himself.
    const bool server_waits = IsHeld(flows_[flow], Direction::kFromClient) && holes.heard[0];
    const bool client_waits = IsHeld(flows_[flow], Direction::kFromServer) && holes.heard[1];
    if (server_waits || client_waits) {
      flows_.MoveHole(flow, HoleList::kOpen);
      holes.since_ns = clock_ns_;
      holes.heard = {};
      continue;
    }
    GiveUp(&flows_[flow], true);
    Settle(flow);
  }
}

void StreamDelivery::KeepWithinMemory() {
  while (held_bytes_ > options_.held_bytes_max) {
    uint32_t flow = flows_.FirstHole(HoleList::kAcknowledged);
    if (flow == FlowTable::kNone) flow = flows_.FirstHole(HoleList::kOpen);
    if (flow == FlowTable::kNone)
      return;  // all that is held is of the segment at hand, which one direction's limit bounds
    const uint64_t gaps = counts_->gaps;
    GiveUp(&flows_[flow], true);
    counts_->gaps_for_memory += counts_->gaps - gaps;
    Settle(flow);
  }
}

void StreamDelivery::Close(uint32_t flow_number, ConnectionClose why) {
  Flow& flow = flows_[flow_number];
  GiveUp(&flow, true);
  for (const Direction direction : kBoth) EndIfComplete(&flow, direction, true);
  ForgetHoles(flow_number);
  if (!flow.opened) {
    ++counts_->connections_silent;
    if (why == ConnectionClose::kEvicted) ++counts_->evicted_silent;
    return;
  }
  switch (why) {
    case ConnectionClose::kFin:
      ++counts_->closed_fin;
      break;
    case ConnectionClose::kReset:
      ++counts_->closed_reset;
      break;
    case ConnectionClose::kReplaced:
      ++counts_->closed_replaced;
      break;
    case ConnectionClose::kIdle:
      ++counts_->closed_idle;
      break;
    case ConnectionClose::kEvicted:
      ++counts_->closed_evicted;
      break;
    case ConnectionClose::kCaptureEnd:
      ++counts_->closed_capture_end;
      break;
  }
  listener_->Closed(AsOfNow(&flow), why, time_ns_);
}

}  // namespace stockade
