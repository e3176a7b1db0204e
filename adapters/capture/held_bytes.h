// The bytes of one direction of a connection that came before those in front of them.
//
// Sequence numbers are taken modulo 2^32 and compared by their distance to the next one to be told, which is below 2^31.
// Of bytes that come twice the first ones stay. Add costs O(log n) and a move of what lies behind; at the end, where
// nearly all of them come, O(1). Not thread-safe: its flow owns it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "adapters/secret_text.h"

namespace stockade {

class HeldBytes {
 public:
  // What a piece costs beside its bytes: its place here and the allocator's.
  static constexpr size_t kPieceBytes = 64;
  // What a direction may be cut into, its owner's duty: a sender keeps a hole or two open, a bad path some dozens; and a new
  // piece moves all that lie behind it.
  static constexpr size_t kPiecesMax = 256;

  // Takes what is not held yet of `bytes`, whose first has the number `begin`, at or behind `next`. The number of bytes
  // taken.
  size_t Add(uint32_t next, uint32_t begin, std::string_view bytes);
  // Gives up the piece that is furthest ahead; its size. Not empty.
  size_t DropLast();
  // The piece in front, which is then held no more. Not empty.
  SecretText TakeFirst();
  void Clear();

  bool empty() const noexcept { return first_ == pieces_.size(); }
  // Of the first byte held. Not empty.
  uint32_t begin() const noexcept { return pieces_[first_].begin; }
  uint32_t last_begin() const noexcept { return pieces_.back().begin; }
  size_t pieces() const noexcept { return pieces_.size() - first_; }
  // Bytes and kPieceBytes a piece: what a limit for a direction is compared with.
  size_t size() const noexcept { return size_ + pieces() * kPieceBytes; }
  // What is allocated.
  size_t memory_bytes() const noexcept { return capacity_ + pieces_.capacity() * kPieceBytes; }

 private:
  struct Piece {
    uint32_t begin;
    SecretText bytes;  // a password may be among them
    uint32_t end() const noexcept { return begin + static_cast<uint32_t>(bytes.size()); }
  };

  std::vector<Piece> pieces_;  // by begin, none overlaps; taken ones stay in front until there are many
  size_t first_ = 0;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace stockade
