#include "adapters/capture/packet_file.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>

#include "adapters/capture/packet_decoder.h"
#include "adapters/capture/pcapng_stream.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

// What the C library calls on behalf of libpcap, which reads a FILE and nothing else.
struct PacketFileCookie {
  static ssize_t Read(void* cookie, char* out, size_t room) {
    auto* const file = static_cast<PacketFile*>(cookie);
    if (!file->stream_error_.ok()) return -1;
    absl::StatusOr<size_t> got = file->stream_->Read(out, room);
    if (!got.ok()) {
      file->stream_error_ = got.status();
      errno = EIO;
      return -1;
    }
    return static_cast<ssize_t>(*got);
  }
};

namespace {

// Of bytes as the file has them, so that a system call or an inflated block serves some hundred packets.
constexpr size_t kFileBufferBytes = size_t{256} << 10;

using std::string_view_literals::operator""sv;

}  // namespace

bool PacketFile::IsBegin(std::string_view bytes) {
  for (const std::string_view magic :
       {"\xa1\xb2\xc3\xd4"sv, "\xd4\xc3\xb2\xa1"sv, "\xa1\xb2\x3c\x4d"sv, "\x4d\x3c\xb2\xa1"sv,
        "\xa1\xb2\xcd\x34"sv, "\x34\xcd\xb2\xa1"sv, "\x0a\x0d\x0d\x0a"sv}) {
    if (bytes.starts_with(magic)) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<PacketFile>> PacketFile::Open(const std::string& name) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, OpenBytes(name));
  return OverStream(std::move(stream), name == "-" ? "standard input" : name);
}

absl::StatusOr<std::unique_ptr<PacketFile>> PacketFile::OverStream(std::unique_ptr<ByteStream> stream,
                                                                   std::string name) {
  std::unique_ptr<PacketFile> file(new PacketFile);
  file->name_ = std::move(name);
  ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> bytes, Decompress(std::move(stream), file->name_));
  file->stream_ = std::make_unique<PcapngStream>(std::move(bytes));
  FILE* const opened = ::fopencookie(
      file.get(), "rb", cookie_io_functions_t{&PacketFileCookie::Read, nullptr, nullptr, nullptr});
  STOCKADE_CHECK(opened != nullptr);  // fails for want of memory alone
  std::setvbuf(opened, nullptr, _IOFBF, kFileBufferBytes);
  char error[PCAP_ERRBUF_SIZE] = "";
  file->handle_ = pcap_fopen_offline_with_tstamp_precision(opened, PCAP_TSTAMP_PRECISION_NANO, error);
  if (file->handle_ == nullptr) {
    std::fclose(opened);
    if (!file->stream_error_.ok()) return file->stream_error_;
    return absl::InvalidArgumentError(
        Concat(file->name_, ": is no capture file that can be read (pcap or pcapng): ", error));
  }
  file->link_type_ = pcap_datalink(file->handle_);
  if (!IsReadLinkType(file->link_type_)) {
    return absl::UnimplementedError(
        Concat(file->name_, ": packets of link type ", LinkTypeName(file->link_type_),
               " are not read; capture on an Ethernet, IP, PPP, loopback or cooked interface"));
  }
  return file;
}

PacketFile::~PacketFile() {
  if (handle_ != nullptr) pcap_close(handle_);
}

absl::StatusOr<bool> PacketFile::Next(Packet* packet) {
  if (!ended_.ok()) return ended_;
  if (at_end_) return false;
  pcap_pkthdr* header = nullptr;
  const uint8_t* bytes = nullptr;
  const int result = pcap_next_ex(handle_, &header, &bytes);
  if (result == 1) {
    packet->bytes = {bytes, header->caplen};
    packet->wire_bytes = header->len;
    packet->time_ns = CaptureTimeNs(header->ts.tv_sec, header->ts.tv_usec);
    packet->link_type = link_type_;
    packet->number = ++packets_;
    return true;
  }
  if (result == PCAP_ERROR_BREAK && stream_error_.ok()) {
    at_end_ = true;
    return false;
  }
  if (!stream_error_.ok()) {
    ended_ = absl::Status(stream_error_.code(),
                          Concat(FromAbsl(stream_error_.message()), " (after packet ", packets_, ")"));
  } else {
    ended_ = absl::DataLossError(
        Concat(name_, ": after packet ", packets_, " the capture cannot be read on: ", pcap_geterr(handle_)));
  }
  return ended_;
}

int64_t CaptureTimeNs(int64_t seconds, int64_t nanoseconds) {
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
  // Files may say anything: no time is before 1970 nor after 2262.
  return std::clamp<int64_t>(seconds, 0, kSecondsMax) * 1'000'000'000 +
         std::clamp<int64_t>(nanoseconds, 0, 999'999'999);
}

}  // namespace stockade
