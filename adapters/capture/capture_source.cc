#include "adapters/capture/capture_source.h"

#include <utility>

#include "adapters/capture/login_records.h"
#include "adapters/capture/packet_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The bytes of an input, for who wants a stream.
class InputBytes final : public ByteStream {
 public:
  explicit InputBytes(std::shared_ptr<ByteReader> bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<size_t> Read(char* out, size_t room) override { return bytes_->ReadBytes(out, room); }

 private:
  std::shared_ptr<ByteReader> bytes_;
};

class CaptureSource final : public Source {
 public:
  CaptureSource(std::shared_ptr<ByteReader> bytes, std::unique_ptr<PacketFile> file,
                const SourceOptions& options, const CaptureReading& reading)
      : bytes_(std::move(bytes)),
        file_(std::move(file)),
        records_(options.fields),
        reading_(reading, &records_),
        capture_(reading.capture, &reading_),
        assembly_(reading.assembly, &capture_) {}

  absl::StatusOr<bool> Read(Batch* batch) override {
    batch->Clear();
    records_.FillInto(batch);
    Packet packet;
    while (!ended_ && batch->records.size() < kLoginsABatch) {
      const absl::StatusOr<bool> more = file_->Next(&packet);
      if (more.ok() && *more) {
        assembly_.Take(packet);
        continue;
      }
      ended_ = true;
      error_ = more.status();
      assembly_.Finish();
      capture_.Finish();
    }
    records_.FillInto(nullptr);
    counters_.lines = counters_.records = records_.records();
    counters_.bytes = bytes_->bytes();
    counters_.stored_bytes = bytes_->stored_bytes();
    counters_.stored_bytes_total = bytes_->stored_bytes_total();
    if (!batch->records.empty()) return true;
    RETURN_IF_ERROR(error_);
    return false;
  }

  const SourceCounters& counters() const override { return counters_; }
  std::map<std::string, uint64_t> missed_paths() const override { return reading_.missed_paths; }
  std::vector<SourceFigure> figures() const override {
    return CaptureFigures(assembly_.counts(), capture_, reading_);
  }

 private:
  const std::shared_ptr<ByteReader> bytes_;
  const std::unique_ptr<PacketFile> file_;
  LoginRecords records_;
  LoginReading reading_;
  LoginCapture capture_;
  Assembly assembly_;
  SourceCounters counters_;
  absl::Status error_;
  bool ended_ = false;
};

}  // namespace

std::vector<SourceFigure> CaptureFigures(const CaptureCounts& packets, const LoginCapture& capture,
                                         const LoginReading& reading) {
  const HttpCounts& http = capture.http();
  const TalkCounts& talk = capture.talk();
  const HelloCounts& hellos = capture.hellos().counts();
  const LoginCounts& logins = reading.counts;
  const auto ended = [&http](FollowEnd why) { return http.ended[static_cast<size_t>(why)]; };
  std::vector<SourceFigure> figures = {
      {"packets", "packets", packets.packets},
      {"packets_not_read", "packets that are no TCP or UDP, or cannot be read",
       packets.other + packets.malformed + packets.cut_short + packets.too_deep + packets.bad_checksums +
           packets.fragments},
      {"packets_truncated", "packets of whose content the capture kept a part", packets.truncated},
      {"fragments_overlapping", "datagrams given up because their fragments overlap",
       packets.fragments_overlapping},
      {"segments_strange", "TCP segments that belong to no connection, and resets that nobody must believe",
       packets.strange_segments},
      {"connections", "connections that carried something", packets.connections},
      {"connections_mid_stream", "of them without their beginning", packets.connections_mid_stream},
      {"connections_evicted", "connections given up for want of room",
       packets.closed_evicted + packets.evicted_silent},
      {"gaps", "holes in their bytes", packets.gaps},
      {"gaps_for_memory", "of them given up for want of memory", packets.gaps_for_memory},
      {"bytes_beyond_limit", "bytes too far behind a hole", packets.beyond_limit_bytes},
      {"bytes_unproven", "bytes of clients that acknowledge nothing, or what their server never sent",
       packets.unproven_bytes},
      {"bytes_after_close", "bytes of connections that were over", packets.after_close_bytes},
      {"connections_http", "connections with HTTP", talk.http},
      {"connections_tls", "connections with TLS", hellos.connections},
      {"connections_unknown", "connections with something else", talk.unknown},
      {"proxy_headers", "connections with a PROXY header", talk.proxy_headers},
      {"requests", "HTTP requests", http.requests},
      {"answers", "of them with their answer", http.answers},
      {"unanswered", "of them that nobody answered", http.never_answered},
      {"answers_lost", "of them whose answer is not in the capture", http.answers_unseen},
      {"given_up_requests", "HTTP connections given up at a request that is refused",
       ended(FollowEnd::kBadRequest)},
      {"given_up_answers", "HTTP connections given up at an answer that is refused",
       ended(FollowEnd::kBadAnswer) + ended(FollowEnd::kUnsolicited)},
      {"given_up_unclear", "HTTP connections given up because nobody could pair them",
       ended(FollowEnd::kUnclearBody) + ended(FollowEnd::kGapInPipeline)},
      {"given_up_room", "HTTP connections and logins given up for want of room",
       ended(FollowEnd::kTooManyWaiting) + ended(FollowEnd::kNoRoom) + talk.no_room + logins.no_room},
      {"tunnels", "HTTP connections that became something else", ended(FollowEnd::kTunnel)},
      {"logins", "logins", logins.logins},
      {"logins_unreadable", "of them without a readable account", logins.unreadable},
      {"logins_too_large", "of them larger than a login is read", logins.too_large},
      {"logins_damaged", "of them with holes", logins.damaged},
      {"logins_unanswered", "that nobody answered: not told", logins.unanswered},
      {"logins_answer_lost", "of them whose answer is not in the capture", logins.unseen},
      {"logins_outcome_unknown", "of them whose answer fits no row of outcomes", logins.outcome_unknown},
      {"logins_broken_off", "login requests that were never sent to their end", logins.broken_off},
      {"logins_after_last", "login requests behind the last of a connection, which nobody read",
       logins.after_last},
      {"tls_hellos", "TLS hellos", hellos.hellos},
      {"quic_hellos", "QUIC hellos", hellos.quic_hellos},
      {"tls_hellos_unanswered", "TLS and QUIC hellos whose client may be somebody else: not told",
       hellos.unanswered},
      {"tls_hellos_no_room", "TLS and QUIC hellos given up for want of room", hellos.no_room},
      {"tls_hellos_unread", "TLS connections without a readable hello", hellos.unread},
      {"tls_joined", "logins joined to a TLS hello", logins.joined},
      {"tls_ambiguous", "logins whose address showed several TLS stacks", logins.join_ambiguous},
  };
  for (size_t i = 1; i < kHeadErrorCount; ++i) {
    if (http.head_errors[i] == 0) continue;
    const std::string_view name = Name(static_cast<HeadError>(i));
    figures.push_back({Concat("refused_", name), Concat("heads refused: ", name), http.head_errors[i]});
  }
  for (size_t i = 1; i < kChunkErrorCount; ++i) {
    if (http.chunk_errors[i] == 0) continue;
    const std::string_view name = Name(static_cast<ChunkError>(i));
    figures.push_back(
        {Concat("refused_chunk_", name), Concat("chunks refused: ", name), http.chunk_errors[i]});
  }
  return figures;
}

absl::StatusOr<std::unique_ptr<Source>> MakeCaptureSource(std::unique_ptr<ByteReader> bytes,
                                                          const SourceOptions& options,
                                                          const CaptureReading& reading) {
  std::shared_ptr<ByteReader> shared = std::move(bytes);
  ASSIGN_OR_RETURN(std::unique_ptr<PacketFile> file,
                   PacketFile::OverStream(std::make_unique<InputBytes>(shared), shared->name()));
  return std::make_unique<CaptureSource>(std::move(shared), std::move(file), options, reading);
}

ForeignFormat CaptureFormat(std::function<absl::StatusOr<CaptureReading>()> reading, std::string how) {
  ForeignFormat format;
  format.name = kCaptureFormat;
  format.title = "captures of packets";
  format.reading = std::move(how);
  format.is_begin = [](std::string_view bytes) { return bytes.size() >= 4 && PacketFile::IsBegin(bytes); };
  format.make = [reading = std::move(reading)](
                    std::unique_ptr<ByteReader> bytes,
                    const SourceOptions& options) -> absl::StatusOr<std::unique_ptr<Source>> {
    absl::StatusOr<CaptureReading> made = reading();
    RETURN_IF_ERROR(made.status());
    return MakeCaptureSource(std::move(bytes), options, *made);
  };
  return format;
}

}  // namespace stockade
