#include "adapters/capture/tcp_assembler.h"

#include "engine/status.h"

namespace stockade {
namespace {

void Start(HalfFlow* half, uint32_t first) {
  *half = HalfFlow{};
  half->first = half->next = half->top = first;
  half->known = true;
}

// Whether a SYN-ACK is of the SYN of `half`, or of that with its content (RFC 7413).
bool AcknowledgesFirst(const TcpSegment& syn_ack, const HalfFlow& half) {
  return syn_ack.acknowledged - half.first <= half.top - half.first;
}

// Neither side has said a byte that is told or held.
bool IsMute(const Flow& flow) {
  return flow.list == FlowList::kSilent && !flow.opened && flow.holes == nullptr;
}

Direction DirectionOf(const TcpSegment& segment, const Flow& flow) {
  return segment.source == flow.connection.client ? Direction::kFromClient : Direction::kFromServer;
}

}  // namespace

TcpAssembler::TcpAssembler(const TcpAssemblerOptions& options, ConnectionListener* listener,
                           CaptureCounts* counts)
    : options_(options), counts_(counts), delivery_(options, listener, counts) {
  STOCKADE_CHECK(options.connections_max >= TcpAssemblerOptions::kConnectionsMaxMin &&
                 options.connections_max <= TcpAssemblerOptions::kConnectionsMaxMax);
}

void TcpAssembler::MakeRoom() {
  FlowTable& flows = delivery_.flows();
  while (flows.size() >= options_.connections_max) {
    for (const FlowList list :
         {FlowList::kLingering, FlowList::kSilent, FlowList::kResetting, FlowList::kCarrying}) {
      const uint32_t flow = flows.FindIdle(list);
      if (flow == FlowTable::kNone) continue;
      if (list != FlowList::kLingering) delivery_.Close(flow, ConnectionClose::kEvicted);
      flows.Remove(flow);
      break;
    }
  }
}

uint32_t TcpAssembler::BeginBy(const TcpSegment& segment, bool source_is_client) {
  MakeRoom();
  const FlowEndpoint& client = source_is_client ? segment.source : segment.destination;
  const FlowEndpoint& server = source_is_client ? segment.destination : segment.source;
  const uint32_t flow = delivery_.flows().Add(client, server, FlowList::kSilent, clock_ns_);
  delivery_.flows()[flow].connection.opened_ns = segment.time_ns;
  return flow;
}

// The flow that a segment begins, or kNone.
uint32_t TcpAssembler::Begin(const TcpSegment& segment) {
  if (segment.Is(TcpSegment::kRst)) return FlowTable::kNone;
  const bool acknowledges = segment.Is(TcpSegment::kAck);
  if (segment.Is(TcpSegment::kSyn)) {
    const uint32_t number = BeginBy(segment, !acknowledges);
    Flow& flow = delivery_.flows()[number];
    flow.connection.start_seen = true;
    Start(&flow.half[acknowledges ? 1 : 0], segment.sequence + 1);
    if (acknowledges) Start(&flow.half[0], segment.acknowledged);
    return number;
  }
  if (segment.wire_bytes == 0) return FlowTable::kNone;
  const bool from_client = segment.source.port >= segment.destination.port;
  const uint32_t number = BeginBy(segment, from_client);
  Flow& flow = delivery_.flows()[number];
  Start(&flow.half[from_client ? 0 : 1], segment.sequence);
  if (acknowledges) Start(&flow.half[from_client ? 1 : 0], segment.acknowledged);
  return number;
}

uint32_t TcpAssembler::TakeSyn(const TcpSegment& segment, uint32_t number) {
  Flow& flow = delivery_.flows()[number];
  const Direction direction = DirectionOf(segment, flow);
  HalfFlow& half = flow.half[IndexOf(direction)];
  const uint32_t first = segment.sequence + 1;
  if (half.known && half.first == first && flow.connection.start_seen) return number;  // sent again
  if (flow.list == FlowList::kLingering || flow.list == FlowList::kResetting) {
    if (flow.list == FlowList::kResetting) delivery_.Close(number, ConnectionClose::kReset);
    delivery_.flows().Remove(number);
    return Begin(segment);
  }
  // Both open at the same time (RFC 9293 §3.5).
  if (IsMute(flow) && direction == Direction::kFromServer && !half.known) {
    Start(&half, first);
    return number;
  }
  flow.has_other_syn = true;
  flow.other_syn = segment.sequence;
  flow.other_syn_by_server = direction == Direction::kFromServer;
  return FlowTable::kNone;
}

uint32_t TcpAssembler::TakeSynAck(const TcpSegment& segment, uint32_t number) {
  Flow& flow = delivery_.flows()[number];
  const Direction direction = DirectionOf(segment, flow);
  HalfFlow& half = flow.half[IndexOf(direction)];
  HalfFlow& other = flow.half[IndexOf(Opposite(direction))];
  const uint32_t first = segment.sequence + 1;
  if (half.known && half.heard && half.first == first) return number;  // sent again
  const bool by_server = direction == Direction::kFromServer;
  const bool agrees = flow.has_other_syn && segment.acknowledged == flow.other_syn + 1 &&
                      flow.other_syn_by_server != by_server;
  // The server speaks of a connection of which nothing was carried, or speaks for the first time, and knows nothing of the
  // SYN that stands for it: another was lost, or is one of several. A server that has one open says so and no SYN-ACK.
  // Content of a SYN is acknowledged with it by who takes it; where several SYNs were seen, nobody knows whose it is.
  const bool answers =
      !other.known || segment.acknowledged == other.first ||
      (flow.connection.start_seen && !flow.has_other_syn && AcknowledgesFirst(segment, other));
  // What was told before the server said anything, and is neither acknowledged by this nor of a client who has heard the
  // number, was nobody's.
  const bool belies = flow.opened && !half.heard && segment.acknowledged != other.next &&
                      !(half.known && half.first == first);
  const bool disowns =
      (by_server || !flow.connection.start_seen) && (belies || (!answers && (!half.heard || IsMute(flow))));
  if (agrees || disowns || flow.list == FlowList::kLingering) {
    if (flow.list != FlowList::kLingering) delivery_.Close(number, ConnectionClose::kReplaced);
    delivery_.flows().Remove(number);
    const uint32_t begun = Begin(segment);
    // The client's SYN was seen, though for another flow.
    delivery_.flows()[begun].syn_answered = agrees;
    return begun;
  }
  if (answers && (IsMute(flow) || !half.heard) &&
      (direction == Direction::kFromServer || !flow.connection.start_seen)) {
    // Also where the server, which keeps nothing of an unanswered SYN, chose another number.
    if (half.known && half.heard && half.first != first) {
      flow.earlier_first = half.first;
      flow.has_earlier_first = true;
    }
    // What came before, and does not acknowledge this number, is of nobody who has heard it.
    const bool is_claimed = half.known && half.first == first;
    if (by_server && !half.heard && !is_claimed) {
      delivery_.DropHeld(number, Direction::kFromClient, segment.acknowledged);
      other.top = segment.acknowledged;
      other.has_fin = false;
    }
    if (!half.known || half.first != first) Start(&half, first);
    if (!flow.opened) {
      flow.syn_answered = other.heard;
      flow.connection.start_seen = true;
    }
    return number;
  }
  Strange();
  return FlowTable::kNone;
}

bool TcpAssembler::HearsServer(const TcpSegment& segment, uint32_t number) {
  Flow& flow = delivery_.flows()[number];
  HalfFlow& server = flow.half[IndexOf(Direction::kFromServer)];
  // Nobody takes content without ACK but a SYN's (RFC 9293 §3.10.7).
  if (!segment.Is(TcpSegment::kAck)) return false;
  if (!server.heard) return true;  // nobody can tell
  const uint32_t acked = segment.acknowledged;
  if (flow.has_earlier_first && acked == flow.earlier_first && server.top == server.first) {
    Start(&server, acked);
    server.heard = true;
  }
  const bool exactly = flow.connection.start_seen && !flow.client_hears;
  // By what the server sent alone: what its client says would let that one hide behind a lie.
  const bool is_right = exactly ? acked - server.first <= server.top - server.first
                                : Ahead(acked, server.top) <= kAheadBytesMax &&
                                      Ahead(server.top, acked) <= kOldAcknowledgementMax;
  if (!is_right) return false;
  flow.client_hears = true;
  if (!flow.opened) flow.connection.handshake_seen = flow.syn_answered;
  return true;
}

void TcpAssembler::TakeAcknowledgement(const TcpSegment& segment, uint32_t number) {
  Flow& flow = delivery_.flows()[number];
  const Direction direction = DirectionOf(segment, flow);
  HalfFlow& other = flow.half[IndexOf(Opposite(direction))];
  if (flow.holes != nullptr) flow.holes->heard[IndexOf(Opposite(direction))] = true;
  if (!segment.Is(TcpSegment::kAck)) return;
  const uint32_t acked = segment.acknowledged;
  if (!other.known) Start(&other, acked);
  if (!other.is_acked ? Ahead(acked, other.first) >= 0 : Ahead(acked, other.acked) > 0) {
    other.acked = acked;
    other.is_acked = true;
  }
}

void TcpAssembler::TakeReset(const TcpSegment& segment, uint32_t number) {
  FlowTable& flows = delivery_.flows();
  Flow& flow = flows[number];
  const Direction direction = DirectionOf(segment, flow);
  const HalfFlow& half = flow.half[IndexOf(direction)];
  const HalfFlow& other = flow.half[IndexOf(Opposite(direction))];
  bool believed = false;
  if (half.known && half.heard) {
    believed = segment.sequence == half.next || segment.sequence == half.top ||
               (half.is_acked && segment.sequence == half.acked);
  } else {
    // An answer to the SYN: it has no number of its own, but acknowledges that one (RFC 9293 §3.5.2); or the RST of a side
    // of which nothing else was captured, which continues where it is expected.
    believed = segment.Is(TcpSegment::kAck)
                   ? other.known && (segment.acknowledged == other.next || segment.acknowledged == other.top)
                   : half.known && segment.sequence == half.next;
  }
  if (!believed) return Strange();
  flow.reset_by_server = direction == Direction::kFromServer;
  flow.last_ns = clock_ns_;
  flows.Move(number, FlowList::kResetting);
}

void TcpAssembler::TakeFin(const TcpSegment& segment, uint32_t number) {
  Flow& flow = delivery_.flows()[number];
  HalfFlow& half = flow.half[IndexOf(DirectionOf(segment, flow))];
  if (!half.known) Start(&half, segment.sequence + segment.wire_bytes);
  if (half.ended || half.has_fin) return;
  const uint32_t fin = segment.sequence + segment.wire_bytes;
  if (Ahead(fin, half.next) < 0) return;
  if (half.unwanted) half.next = fin;
  half.fin = fin;
  half.has_fin = true;
}

// A segment of a connection that was told in full.
void TcpAssembler::TakeLate(const TcpSegment& segment, uint32_t number) {
  FlowTable& flows = delivery_.flows();
  const HalfFlow& half = flows[number].half[IndexOf(DirectionOf(segment, flows[number]))];
  if (segment.wire_bytes == 0) return;
  // Its sender cannot have more to say: this is the midst of another connection, whose start was not captured.
  const Flow& flow = flows[number];
  const bool goes_on =
      flow.is_reset && flow.reset_by_server == (DirectionOf(segment, flow) == Direction::kFromServer);
  const bool is_new = goes_on || (half.known && half.ended && Ahead(segment.sequence, half.top) > 0);
  if (!is_new) {
    counts_->after_close_bytes += segment.bytes.size();
    return;
  }
  flows.Remove(number);
  Take(segment, clock_ns_);
}

void TcpAssembler::Take(const TcpSegment& segment, int64_t clock_ns) {
  Advance(clock_ns, segment.time_ns);
  if (segment.source == segment.destination) return Strange();  // "land": nobody talks to himself over a wire
  FlowTable& flows = delivery_.flows();
  uint32_t number = flows.Find(segment.source, segment.destination);
  const bool is_syn = segment.Is(TcpSegment::kSyn) && !segment.Is(TcpSegment::kRst);
  if (number == FlowTable::kNone) {
    number = Begin(segment);
    if (number == FlowTable::kNone) return Strange();
  } else if (is_syn) {
    number = segment.Is(TcpSegment::kAck) ? TakeSynAck(segment, number) : TakeSyn(segment, number);
    if (number == FlowTable::kNone) return;
  }
  if (flows[number].list == FlowList::kLingering) return TakeLate(segment, number);
  if (segment.Is(TcpSegment::kRst)) return TakeReset(segment, number);

  // The first byte behind a SYN has the next number (RFC 9293 §3.4); content may come with it (RFC 7413).
  const uint32_t sequence = segment.sequence + (is_syn ? 1 : 0);
  const Direction direction = DirectionOf(segment, flows[number]);
  if (flows[number].has_other_syn && segment.wire_bytes != 0 && sequence == flows[number].other_syn + 1 &&
      flows[number].other_syn_by_server == (direction == Direction::kFromServer) &&
      !flows[number].half[IndexOf(Opposite(direction))].heard) {
    const HalfFlow earlier = flows[number].half[IndexOf(direction)];
    delivery_.Close(number, ConnectionClose::kReplaced);
    flows.Remove(number);
    number = BeginBy(segment, true);
    flows[number].connection.start_seen = true;
    Start(&flows[number].half[0], sequence);
    if (segment.Is(TcpSegment::kAck)) Start(&flows[number].half[1], segment.acknowledged);
    // It may still be the one that the server answers.
    flows[number].has_other_syn = earlier.known;
    flows[number].other_syn = earlier.first - 1;
  }
  Flow& flow = flows[number];
  const Direction from = DirectionOf(segment, flow);
  HalfFlow& half = flow.half[IndexOf(from)];
  if (from == Direction::kFromClient && !is_syn && !HearsServer(segment, number) &&
      (segment.wire_bytes != 0 || segment.Is(TcpSegment::kFin))) {
    counts_->unproven_bytes += segment.bytes.size();
    return;
  }
  flow.last_ns = clock_ns_;
  TakeAcknowledgement(segment, number);
  if (!half.known && segment.wire_bytes != 0) Start(&half, sequence);
  const bool is_first = !half.heard;
  half.heard = true;
  if (is_first && from == Direction::kFromServer) delivery_.Settle(number);
  const uint32_t end = sequence + segment.wire_bytes + (segment.Is(TcpSegment::kFin) ? 1 : 0);
  if (half.known && Ahead(end, half.top) > 0) {
    const uint32_t from_next = half.is_acked && Ahead(half.acked, half.next) > 0 ? half.acked : half.next;
    if (Ahead(end, from_next) <= kAheadBytesMax) half.top = end;
  }

  FlowList list = flow.list;
  // Anybody can send the content of one side; it takes both sides to be worth more than a flood.
  const bool has_carried = segment.wire_bytes != 0 || flow.opened || flow.holes != nullptr;
  const bool are_both_heard = flow.half[0].heard && flow.half[1].heard;
  if (list == FlowList::kSilent && has_carried && are_both_heard) list = FlowList::kCarrying;
  if (list == FlowList::kResetting && flow.reset_by_server == (from == Direction::kFromServer)) {
    list = FlowList::kCarrying;
  }
  list == flow.list ? flows.Touch(number) : flows.Move(number, list);
  if (!segment.bytes.empty()) delivery_.Content(number, from, sequence, segment.bytes);
  if (segment.Is(TcpSegment::kFin)) TakeFin(segment, number);
  delivery_.Settle(number);
}

void TcpAssembler::Advance(int64_t clock_ns, int64_t time_ns) {
  clock_ns_ = clock_ns;
  delivery_.SetTime(clock_ns, time_ns);
  delivery_.GiveUpHoles();
  FlowTable& flows = delivery_.flows();
  const auto close_idle = [&](FlowList list, int64_t idle_ns_max, ConnectionClose why) {
    for (uint32_t flow = flows.First(list);
         flow != FlowTable::kNone && clock_ns - flows[flow].last_ns > idle_ns_max; flow = flows.First(list)) {
      if (list != FlowList::kLingering) delivery_.Close(flow, why);
      flows.Remove(flow);
    }
  };
  close_idle(FlowList::kLingering, kLingerNs, ConnectionClose::kFin);
  close_idle(FlowList::kSilent, options_.silent_ns_max, ConnectionClose::kIdle);
  close_idle(FlowList::kCarrying, options_.idle_ns_max, ConnectionClose::kIdle);
  for (uint32_t flow = flows.First(FlowList::kResetting);
       flow != FlowTable::kNone && clock_ns - flows[flow].last_ns > kResetLingerNs;
       flow = flows.First(FlowList::kResetting)) {
    delivery_.Close(flow, ConnectionClose::kReset);
    flows[flow].is_reset = true;
    flows[flow].last_ns = clock_ns;
    flows.Move(flow, FlowList::kLingering);
  }
}

void TcpAssembler::Finish(int64_t time_ns) {
  delivery_.SetTime(clock_ns_, time_ns);
  FlowTable& flows = delivery_.flows();
  for (const FlowList list :
       {FlowList::kResetting, FlowList::kSilent, FlowList::kCarrying, FlowList::kLingering}) {
    for (uint32_t flow = flows.First(list); flow != FlowTable::kNone; flow = flows.First(list)) {
      if (list != FlowList::kLingering) {
        delivery_.Close(
            flow, list == FlowList::kResetting ? ConnectionClose::kReset : ConnectionClose::kCaptureEnd);
      }
      flows.Remove(flow);
    }
  }
}

}  // namespace stockade
