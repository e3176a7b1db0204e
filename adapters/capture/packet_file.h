// Capture files → packets: pcap and pcapng by libpcap, also in gzip and zstd (adapters/source/byte_reader.h), and from
// standard input.
//
//   ASSIGN_OR_RETURN(auto file, PacketFile::Open("monday.pcap.zst"));
//   Packet packet;
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, file->Next(&packet));
//     if (!more) break;
//     assembly.Take(packet);
//   }
//   assembly.Finish();
//
// Errors. Open: the file cannot be opened; it is neither pcap nor pcapng; its link type is one that packet_decoder.h
// does not read, which is named (a file of Wi-Fi frames that gave no logins would look like a quiet night). Next: the
// file is damaged or ends within a packet; within a pcapng file an interface of another link type begins. Every whole packet before
// the place is given first; after an error there is no further packet.
//
// A packet costs one copy, by libpcap; memory is a packet (at most 256 KiB, libpcap's own ceiling) and the
// decompressor's. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/capture/packet.h"
#include "adapters/source/byte_reader.h"

struct pcap;

namespace stockade {

class PacketFile {
 public:
  // A path, or "-" for standard input.
  static absl::StatusOr<std::unique_ptr<PacketFile>> Open(const std::string& name);
  // Bytes from anywhere, decompressed already or not. `name` stands in errors.
  static absl::StatusOr<std::unique_ptr<PacketFile>> OverStream(std::unique_ptr<ByteStream> stream,
                                                                std::string name);
  // Whether a file that begins with these bytes (decompressed, at least 4) is pcap or pcapng.
  static bool IsBegin(std::string_view bytes);

  ~PacketFile();
  PacketFile(const PacketFile&) = delete;
  PacketFile& operator=(const PacketFile&) = delete;

  // The next packet; false at the end of the file.
  absl::StatusOr<bool> Next(Packet* packet);

  int link_type() const noexcept { return link_type_; }
  uint64_t packets() const noexcept { return packets_; }
  const std::string& name() const noexcept { return name_; }

 private:
  PacketFile() = default;

  std::string name_;
  std::unique_ptr<ByteStream> stream_;
  absl::Status stream_error_;  // of stream_, which libpcap would tell as "truncated"
  pcap* handle_ = nullptr;
  int link_type_ = 0;
  uint64_t packets_ = 0;
  absl::Status ended_;  // the error that Next gave, again
  bool at_end_ = false;

  friend struct PacketFileCookie;
};

}  // namespace stockade
