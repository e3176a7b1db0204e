// One attempt on sshd is one record, however many lines speak of it: what a connection has had so far says how many attempts
// of its next line count. Asked in the order of the lines: by the source where it is alone, by whoever merges several
// (merge.h), for a log that is rotated in the middle of a connection goes on in another file.
//
// A table of fixed size in which a newcomer takes the place of whoever hashes there: what is forgotten costs one attempt
// counted twice. Not thread-safe; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace stockade {

inline constexpr size_t kConnectionsRemembered = 4096;

// What a line says of its connection.
struct ConnectionWord {
  enum class Kind : uint8_t {
    kNone,      // nothing, or nobody knows of which
    kAnnounce,  // an attempt, whose "Failed" is still to come
    kFailure,
    kSuccess,
    kTold,     // an attempt, if the connection has had none
    kClosing,  // the same, and the connection is over
  };
  uint64_t key = 0;
  Kind kind = Kind::kNone;
};

class SshdConnections {
 public:
  // Of a line's attempts.
  enum class Counted : uint8_t { kAll, kAllButFirst, kNone };

  // Connections are told apart by host and process.
  static uint64_t KeyOf(std::string_view host, std::string_view pid) noexcept {
    uint64_t key = 0xcbf29ce484222325ULL;  // FNV-1a: names of our own hosts, nobody to fight
    for (const char c : pid) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    key = (key ^ 0xff) * 0x100000001b3ULL;
    for (const char c : host) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return key;
  }

  Counted Take(const ConnectionWord& word) noexcept {
    using Kind = ConnectionWord::Kind;
    if (word.kind == Kind::kNone) return Counted::kAll;
    State& state = states_[(word.key ^ word.key >> 32) % kConnectionsRemembered];
    if (state.key != word.key) state = State{word.key, false, false};
    Counted counted = Counted::kAll;
    if (word.kind == Kind::kAnnounce) {
      if (state.announced) counted = Counted::kNone;
      state.announced = true;
    } else if (word.kind == Kind::kFailure || word.kind == Kind::kSuccess) {
      if (word.kind == Kind::kFailure && state.announced) counted = Counted::kAllButFirst;
      state.announced = false;
    } else if (state.charged) {
      counted = Counted::kNone;
    }
    // A pid is used again: what ended, begins anew.
    state.charged = word.kind != Kind::kClosing;
    if (!state.charged) state.announced = false;
    return counted;
  }

 private:
  struct State {
    uint64_t key = 0;
    bool charged = false;    // some attempt of it is a record
    bool announced = false;  // and its "Failed" is still to come
  };
  std::array<State, kConnectionsRemembered> states_{};
};

}  // namespace stockade
