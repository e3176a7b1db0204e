// The bytes of a pcapng file with one snap length for all its interfaces, all else as it is: libpcap gives up
// a file at the first interface whose snap length is another than the first one's, though no packet's length depends on it.
//
// Of a file that is no pcapng, or a damaged one from the damage on, every byte passes as it is, for libpcap to judge. Format:
// draft-ietf-opsawg-pcapng §3.1, §4.1, §4.2.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "adapters/source/byte_reader.h"

namespace stockade {

class PcapngStream final : public ByteStream {
 public:
  explicit PcapngStream(std::unique_ptr<ByteStream> stored) : stored_(std::move(stored)) {}
  absl::StatusOr<size_t> Read(char* out, size_t room) override;

 private:
  // Type, length, and of an interface its link type and snap length; of a section its byte order.
  static constexpr size_t kHeadBytes = 16;

  absl::Status FillHead(size_t bytes);
  absl::Status ReadHead();
  uint32_t HeadWord(size_t at) const;

  std::unique_ptr<ByteStream> stored_;
  std::array<char, kHeadBytes> head_{};
  size_t head_bytes_ = 0;  // that were read
  size_t head_given_ = 0;
  uint64_t passing_ = 0;  // bytes of the block that pass as they are
  bool other_byte_order_ = false;
  bool as_it_is_ = false;  // to the end
  bool first_ = true;
};

}  // namespace stockade
