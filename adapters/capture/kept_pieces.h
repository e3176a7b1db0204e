// Bytes of one direction of a conversation that wait for the other, in the pieces in which they came. What is kept is taken from
// the share, and wiped when it goes: a password may be among it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/capture/memory_share.h"
#include "adapters/secret_text.h"

namespace stockade {

class KeptPieces {
 public:
  // A segment's worth of answers that overtook their request.
  static constexpr size_t kBytesMax = size_t{64} << 10;
  static constexpr size_t kPiecesMax = 256;
  struct Piece {
    SecretText bytes;
    int64_t time_ns = 0;
  };
  // What a piece costs besides its bytes.
  static constexpr size_t kPieceBytes = sizeof(Piece) + 2 * SecretText::kBytesMin;

  explicit KeptPieces(MemoryShare* share) : share_(*share) {}
  ~KeptPieces() { Drop(); }
  KeptPieces(const KeptPieces&) = delete;
  KeptPieces& operator=(const KeptPieces&) = delete;

  // False: there is no room.
  bool Keep(std::string_view bytes, int64_t time_ns) {
    const size_t cost = bytes.size() + kPieceBytes;
    if (taken_ + cost > kBytesMax || pieces_.size() == kPiecesMax || !share_.Take(cost)) return false;
    taken_ += cost;
    pieces_.push_back({SecretText(bytes), time_ns});
    return true;
  }
  // All of them, to be looked at once more.
  std::vector<Piece> TakeAll() {
    share_.Give(std::exchange(taken_, 0));
    return std::exchange(pieces_, {});
  }
  void Drop() { TakeAll(); }

  bool empty() const noexcept { return pieces_.empty(); }
  int64_t first_ns() const noexcept { return pieces_.front().time_ns; }  // not empty

 private:
  MemoryShare& share_;
  std::vector<Piece> pieces_;
  size_t taken_ = 0;
};

}  // namespace stockade
