// For tests: a listener that keeps all that it is told, and fails where the calls do not follow the grammar of
// connection_listener.h.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/hash/hash.h"
#include "adapters/capture/connection_listener.h"

namespace stockade::test {

struct ToldDirection {
  std::string bytes;  // a gap as that many kGapByte
  uint64_t gap_bytes = 0;
  bool ended = false;
};

struct ToldConnection {
  Connection connection;  // as it was opened
  Connection last;        // as of the last call
  std::array<ToldDirection, 2> direction;
  bool closed = false;
  ConnectionClose why = ConnectionClose::kFin;
  const ToldDirection& client() const { return direction[0]; }
  const ToldDirection& server() const { return direction[1]; }
};

class Told final : public ConnectionListener {
 public:
  static constexpr char kGapByte = '\0';

  // Directions that are refused after so many bytes; 0: none.
  explicit Told(size_t wanted_bytes = 0) : wanted_bytes_(wanted_bytes) {}

  void Opened(const Connection& connection) override {
    REQUIRE(connection.id == connections_.size() + 1);
    connections_.emplace_back();
    connections_.back().connection = connection;
    Log(1, connection.id, 0, 0);
  }
  bool Bytes(const Connection& connection, Direction direction, std::string_view bytes,
             int64_t time_ns) override {
    ToldDirection& told = Find(connection, direction);
    REQUIRE(!bytes.empty());
    const bool wanted = wanted_bytes_ == 0 || told.bytes.size() < wanted_bytes_;
    REQUIRE(wanted);
    told.bytes += bytes;
    Log(2, connection.id, absl::HashOf(std::string(bytes)), time_ns);
    return wanted_bytes_ == 0 || told.bytes.size() < wanted_bytes_;
  }
  void Gap(const Connection& connection, Direction direction, uint64_t bytes, int64_t time_ns) override {
    ToldDirection& told = Find(connection, direction);
    REQUIRE(bytes != 0);
    REQUIRE(bytes < (uint64_t{1} << 31));
    told.gap_bytes += bytes;
    if (bytes <= 1 << 20) told.bytes.append(bytes, kGapByte);
    Log(3, connection.id, bytes, time_ns);
  }
  void Ended(const Connection& connection, Direction direction, int64_t time_ns) override {
    Find(connection, direction).ended = true;
    Log(4, connection.id, static_cast<uint64_t>(direction), time_ns);
  }
  void Closed(const Connection& connection, ConnectionClose why, int64_t time_ns) override {
    ToldConnection& told = At(connection);
    told.closed = true;
    told.why = why;
    Log(5, connection.id, static_cast<uint64_t>(why), time_ns);
  }
  void Received(const Datagram& datagram) override {
    datagrams_.emplace_back(datagram.bytes);
    Log(6, datagram.bytes.size(), datagram.source.port, datagram.time_ns);
  }

  const std::vector<ToldConnection>& connections() const { return connections_; }
  const std::vector<std::string>& datagrams() const { return datagrams_; }
  // Of all calls in their order.
  size_t digest() const { return digest_; }

 private:
  ToldConnection& At(const Connection& connection) {
    REQUIRE(connection.id >= 1);
    REQUIRE(connection.id <= connections_.size());
    ToldConnection& told = connections_[connection.id - 1];
    REQUIRE(!told.closed);
    REQUIRE(told.connection.client == connection.client);
    REQUIRE(told.connection.start_seen == connection.start_seen);
    REQUIRE(told.connection.handshake_seen == connection.handshake_seen);
    told.last = connection;
    return told;
  }
  ToldDirection& Find(const Connection& connection, Direction direction) {
    ToldDirection& told = At(connection).direction[static_cast<size_t>(direction)];
    REQUIRE(!told.ended);
    return told;
  }
  void Log(int call, uint64_t a, uint64_t b, int64_t time_ns) {
    digest_ = absl::HashOf(digest_, call, a, b, time_ns);
  }

  size_t wanted_bytes_;
  std::vector<ToldConnection> connections_;
  std::vector<std::string> datagrams_;
  size_t digest_ = 0;
};

}  // namespace stockade::test
