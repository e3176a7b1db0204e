#include "adapters/capture/held_bytes.h"

#include <algorithm>
#include <utility>

#include "engine/status.h"

namespace stockade {

size_t HeldBytes::Add(uint32_t next, uint32_t begin, std::string_view bytes) {
  const auto distance = [next](uint32_t sequence) { return sequence - next; };
  // The first piece that ends behind `begin`.
  size_t at = pieces_.size();
  if (first_ < at && distance(pieces_.back().end()) > distance(begin)) {
    at = static_cast<size_t>(
        std::partition_point(pieces_.begin() + static_cast<ptrdiff_t>(first_), pieces_.end(),
                             [&](const Piece& piece) { return distance(piece.end()) <= distance(begin); }) -
        pieces_.begin());
  }
  size_t taken = 0;
  while (!bytes.empty()) {
    if (at < pieces_.size() && distance(pieces_[at].begin) <= distance(begin)) {
      const size_t known = std::min<size_t>(bytes.size(), pieces_[at].end() - begin);
      begin += static_cast<uint32_t>(known);
      bytes.remove_prefix(known);
      ++at;
      continue;
    }
    size_t room = bytes.size();
    if (at < pieces_.size()) room = std::min<size_t>(room, pieces_[at].begin - begin);
    const std::string_view part = bytes.substr(0, room);
    if (at > first_ && pieces_[at - 1].end() == begin) {
      SecretText& before = pieces_[at - 1].bytes;
      capacity_ -= before.capacity();
      before.Append(part);
      capacity_ += before.capacity();
    } else {
      pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(at), Piece{begin, SecretText(part)});
      capacity_ += pieces_[at].bytes.capacity();
      ++at;
    }
    size_ += room;
    taken += room;
    begin += static_cast<uint32_t>(room);
    bytes.remove_prefix(room);
  }
  return taken;
}

size_t HeldBytes::DropLast() {
  STOCKADE_DCHECK(!empty());
  const size_t dropped = pieces_.back().bytes.size();
  size_ -= dropped;
  capacity_ -= pieces_.back().bytes.capacity();
  pieces_.pop_back();
  if (empty()) Clear();
  return dropped;
}

SecretText HeldBytes::TakeFirst() {
  STOCKADE_DCHECK(!empty());
  Piece& piece = pieces_[first_];
  size_ -= piece.bytes.size();
  capacity_ -= piece.bytes.capacity();
  SecretText taken = std::move(piece.bytes);
  ++first_;
  if (empty()) {
    Clear();
  } else if (first_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
  return taken;
}

void HeldBytes::Clear() {
  std::vector<Piece>().swap(pieces_);
  first_ = 0;
  size_ = 0;
  capacity_ = 0;
}

}  // namespace stockade
