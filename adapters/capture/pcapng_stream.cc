#include "adapters/capture/pcapng_stream.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/status.h"

namespace stockade {
namespace {

constexpr uint32_t kSection = 0x0a0d0d0a;  // the same in both byte orders
constexpr uint32_t kInterface = 1;
constexpr uint32_t kByteOrder = 0x1a2b3c4d;
constexpr uint32_t kSnaplen = 262144;  // libpcap's own ceiling
constexpr uint32_t kBlockBytesMin = 12;
constexpr uint32_t kInterfaceBytesMin = 20;

}  // namespace

uint32_t PcapngStream::HeadWord(size_t at) const {
  uint32_t word = 0;
  std::memcpy(&word, &head_[at], sizeof word);
  return other_byte_order_ ? __builtin_bswap32(word) : word;
}

// The bytes of the head up to `bytes`, as far as there are any.
absl::Status PcapngStream::FillHead(size_t bytes) {
  while (head_bytes_ < bytes) {
    ASSIGN_OR_RETURN(const size_t got, stored_->Read(&head_[head_bytes_], bytes - head_bytes_));
    if (got == 0) break;
    head_bytes_ += got;
  }
  return absl::OkStatus();
}

absl::Status PcapngStream::ReadHead() {
  head_bytes_ = head_given_ = 0;
  as_it_is_ = true;
  RETURN_IF_ERROR(FillHead(kBlockBytesMin));
  if (head_bytes_ < kBlockBytesMin) return absl::OkStatus();
  if (HeadWord(0) == kSection) {
    other_byte_order_ = false;
    other_byte_order_ = HeadWord(8) != kByteOrder;
    if (HeadWord(8) != kByteOrder) return absl::OkStatus();
  } else if (first_) {
    return absl::OkStatus();
  }
  first_ = false;
  const uint32_t size = HeadWord(4);
  if (size < kBlockBytesMin || size % 4 != 0) return absl::OkStatus();
  if (HeadWord(0) == kInterface && size >= kInterfaceBytesMin) {
    RETURN_IF_ERROR(FillHead(kHeadBytes));
    if (head_bytes_ < kHeadBytes) return absl::OkStatus();
    const uint32_t snaplen = other_byte_order_ ? __builtin_bswap32(kSnaplen) : kSnaplen;
    std::memcpy(&head_[12], &snaplen, sizeof snaplen);
  }
  passing_ = size - head_bytes_;
  as_it_is_ = false;
  return absl::OkStatus();
}

absl::StatusOr<size_t> PcapngStream::Read(char* out, size_t room) {
  if (head_given_ == head_bytes_ && passing_ == 0 && !as_it_is_) RETURN_IF_ERROR(ReadHead());
  if (head_given_ < head_bytes_) {
    const size_t size = std::min(room, head_bytes_ - head_given_);
    std::memcpy(out, &head_[head_given_], size);
    head_given_ += size;
    return size;
  }
  const uint64_t most = as_it_is_ ? std::numeric_limits<uint64_t>::max() : passing_;
  ASSIGN_OR_RETURN(const size_t got, stored_->Read(out, static_cast<size_t>(std::min<uint64_t>(room, most))));
  if (!as_it_is_) passing_ -= got;
  return got;
}

}  // namespace stockade
