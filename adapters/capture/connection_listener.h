// What is told of the traffic of a capture: the bytes of each TCP connection in order, and UDP datagrams.
//
// Of one connection, as a grammar:
//   Opened (Bytes | Gap | Ended)* Closed
// - A connection is told with the first byte that it carries; one that never carries any (scans, SYN floods) is only
//   counted, so that a listener keeps nothing for it.
// - Each byte of a direction is told once, in order; what the capture lost is a Gap of so many bytes.
// - Bytes from the server are not told before those bytes of the client that they acknowledge, unless those are lost:
//   then their Gap comes first. So a response never overtakes its request, however a mirror port mixes both directions.
// - Ended: the direction is complete (FIN, and the other side has acknowledged it); no Bytes or Gap of it follow.
// - Closed is the last call of a connection. Its id is not used again.
//
// The same packets give the same calls. Views live until the call returns. Listeners must not call back into the
// assembly that calls them; they may take as long as they like, the kernel's ring fills meanwhile.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/event/address.h"

namespace stockade {

struct FlowEndpoint {
  Address address;
  uint16_t port = 0;

  friend bool operator==(const FlowEndpoint&, const FlowEndpoint&) = default;
};

// A connection between two endpoints; the same for all its calls, but for what is as of the call.
struct Connection {
  uint64_t id = 0;  // unique in an assembly, counting up from 1
  FlowEndpoint client;
  FlowEndpoint server;
  int64_t opened_ns = 0;  // time of the first packet of it that was seen
  // SYN or SYN-ACK was seen: both directions are told from their first byte, and who is client is known. Otherwise the
  // capture began, or lost packets, in the midst: bytes may begin anywhere in a message, and the client is a guess (the
  // side with the higher port; of equal ones the one that spoke first).
  bool start_seen = false;
  // SYN, SYN-ACK and the client's acknowledgement of that were seen when it was opened: the client does receive packets at the
  // address that it says it has. A connection without it may be forged by anybody who can send packets past the capture: he
  // will not get an answer told, though.
  bool handshake_seen = false;

  // As of the call, these three alone: what the server is seen to have taken. Bytes that it has not acknowledged and never
  // answers may be anybody's, under any address.
  bool server_heard =
      false;  // a segment of the server was seen; false throughout where one direction is captured
  // The client has acknowledged what the server has sent: it receives packets at its address, or has guessed a number of 32
  // bits; in mid-stream, where any number in a wide range is taken, that is worth less.
  bool client_hears = false;
  // Where the server was heard: of the client's bytes that were told, gaps among them, so many at their end are not acknowledged. An
  // acknowledgement alone makes no call: at the next one, Closed at the latest, it shows.
  uint32_t unacknowledged_bytes = 0;
};

enum class Direction : uint8_t { kFromClient = 0, kFromServer = 1 };

enum class ConnectionClose : uint8_t {
  kFin,         // both directions ended
  kReset,       // RST with a sequence number that the receiver must believe
  kReplaced,    // a new connection between the same ports began
  kIdle,        // no packet for the time that AssemblyOptions gives
  kEvicted,     // no room for so many connections
  kCaptureEnd,  // the capture is over
};

struct Datagram {
  FlowEndpoint source;
  FlowEndpoint destination;
  int64_t time_ns = 0;
  std::string_view bytes;  // without the UDP header
  bool truncated = false;  // by the capture's snap length
};

class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;

  virtual void Opened(const Connection& connection) = 0;
  // The next bytes of a direction, at least one, in pieces of any size; `time_ns` is of the packet that let them be told.
  // False: nothing more of this direction is wanted. Neither Bytes nor Gap of it follow, and it costs no memory.
  virtual bool Bytes(const Connection& connection, Direction direction, std::string_view bytes,
                     int64_t time_ns) = 0;
  // `bytes` bytes of the direction are not in the capture.
  virtual void Gap(const Connection& connection, Direction direction, uint64_t bytes, int64_t time_ns) = 0;
  virtual void Ended(const Connection& connection, Direction direction, int64_t time_ns) = 0;
  virtual void Closed(const Connection& connection, ConnectionClose why, int64_t time_ns) = 0;

  virtual void Received(const Datagram& datagram) = 0;
};

}  // namespace stockade
