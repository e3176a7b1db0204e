// A body on its way: how many of the bytes at hand belong to it, and whether it has ended. The bytes pass as they came;
// who must look inside gets the data without the chunks around it.
//
// And the pace of a peer: how long we waited for it, and what came of that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/gateway/chunk_reader.h"
#include "adapters/gateway/head_reader.h"

namespace stockade {

class BodyFlow {
 public:
  void Start(BodyFraming framing, uint64_t length, const ChunkLimits& limits) noexcept {
    framing_ = framing;
    left_ = framing == BodyFraming::kLength ? length : 0;
    ready_ = 0;
    total_ = 0;
    ended_ = framing == BodyFraming::kNone || (framing == BodyFraming::kLength && length == 0);
    chunks_.Reset(limits);
  }

  // `bytes`: all that is at hand, from the first one not consumed. `take` is called with each run of data.
  template <typename Take>
  ChunkError Scan(std::string_view bytes, Take take) {
    while (!ended_ && ready_ < bytes.size()) {
      std::string_view rest = bytes.substr(ready_);
      if (framing_ == BodyFraming::kChunked) {
        const ChunkPiece piece = chunks_.Read(rest);
        if (!piece.data.empty()) take(piece.data);
        ready_ += piece.consumed;
        total_ += piece.consumed;
        ended_ = chunks_.done();
        if (chunks_.error() != ChunkError::kNone) return chunks_.error();
      } else {
        if (framing_ == BodyFraming::kLength)
          rest = rest.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, rest.size())));
        if (framing_ == BodyFraming::kLength) left_ -= rest.size();
        take(rest);
        ready_ += rest.size();
        total_ += rest.size();
        ended_ = framing_ == BodyFraming::kLength && left_ == 0;
      }
    }
    return ChunkError::kNone;
  }
  ChunkError Scan(std::string_view bytes) {
    return Scan(bytes, [](std::string_view) {});
  }

  // So many bytes of the stream will never be seen. False, and nothing has changed: nobody can say where the body ends
  // then, or it ends among them. With nothing scanned and not consumed.
  bool Skip(uint64_t count) noexcept {
    if (framing_ == BodyFraming::kUntilClose) return true;
    if (framing_ != BodyFraming::kLength || count == 0 || count > left_) return false;
    left_ -= count;
    total_ += count;
    ended_ = left_ == 0;
    return true;
  }

  size_t ready() const noexcept { return ready_; }  // bytes of the body at hand, scanned and not consumed
  void Consume(size_t count) noexcept { ready_ -= count; }
  bool ended() const noexcept { return ended_; }                   // its last byte has been scanned
  bool through() const noexcept { return ended_ && ready_ == 0; }  // and consumed
  void EndWithConnection() noexcept { ended_ = true; }
  BodyFraming framing() const noexcept { return framing_; }
  uint64_t total() const noexcept { return total_; }  // bytes scanned, with chunks

 private:
  BodyFraming framing_ = BodyFraming::kNone;
  bool ended_ = true;
  size_t ready_ = 0;
  uint64_t left_ = 0, total_ = 0;
  ChunkReader chunks_;
};

// Only the time in which we waited for the peer counts: an upload that waits for its upstream is not slow.
class Pace {
 public:
  void Reset() noexcept { *this = Pace(); }
  void Wait(int64_t now_ns) noexcept {
    if (since_ns_ == 0) since_ns_ = now_ns;
  }
  void Move(size_t bytes, int64_t now_ns) noexcept {
    if (since_ns_ != 0) waited_ns_ += now_ns - since_ns_;
    since_ns_ = 0;
    bytes_ += bytes;
  }
  bool waiting() const noexcept { return since_ns_ != 0; }
  bool IsBelow(uint64_t bytes_a_second, int64_t after_ns) const noexcept {
    return waited_ns_ > after_ns && static_cast<double>(bytes_) < static_cast<double>(bytes_a_second) *
                                                                      (static_cast<double>(waited_ns_) / 1e9);
  }

 private:
  int64_t since_ns_ = 0, waited_ns_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace stockade
