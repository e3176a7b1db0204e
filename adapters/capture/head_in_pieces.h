// The head of a message that may come in pieces: read where it lies as long as it is whole, kept only when a segment cuts it.
//
// What is kept, kBytes and the head's own, is taken from the share, and wiped when it goes: a head carries credentials too. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "adapters/capture/memory_share.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/secret_text.h"

namespace stockade {

class HeadInPieces {
 public:
  // What keeping costs besides the bytes: a reader with its fields.
  static constexpr size_t kBytes = 4096;

  explicit HeadInPieces(MemoryShare* share) : share_(*share) {}
  ~HeadInPieces() { Drop(); }
  HeadInPieces(const HeadInPieces&) = delete;
  HeadInPieces& operator=(const HeadInPieces&) = delete;

  // As far as it has come. Views until Drop, or until what was given goes.
  struct Reading {
    HeadProgress progress = HeadProgress::kMore;
    bool no_room = false;  // to keep it
    HeadReader* reader = nullptr;
    std::string_view bytes;  // of the head, where it is whole
  };
  // Takes off `bytes` what belongs to it. `whole`: reads a head that is not kept; of the kind `kind`, with `limits`, as this one.
  // `answers_head`: it is the answer to HEAD.
  Reading Read(HeadReader::Kind kind, const HeadLimits& limits, HeadReader* whole, bool answers_head,
               std::string_view* bytes);
  void Drop() noexcept;
  // With another of the same share.
  void Swap(HeadInPieces* other) noexcept { kept_.swap(other->kept_); }

  bool is_kept() const noexcept { return kept_ != nullptr; }

 private:
  struct Kept {
    Kept(HeadReader::Kind kind, const HeadLimits& limits) : reader(kind, limits) {}
    HeadReader reader;
    SecretText bytes;
  };
  MemoryShare& share_;
  std::unique_ptr<Kept> kept_;
};

}  // namespace stockade
