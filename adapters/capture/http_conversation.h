// The HTTP/1 of one connection, seen from the side: requests and the answers that belong to them, over keep-alive,
// pipelining, interim answers and every framing of a body. Read with the sidecar's own readers (gateway/head_reader.h,
// chunk_reader.h), so that a message is here what it would be there.
//
// Pairs by order, as RFC 9112 §9.3.2 has it, and never by guess:
// - What the strict readers refuse (two lengths, a length beside a coding, bare LF, folded lines, extensions that are none)
//   two programs may read in two ways. What was sent before it stays paired; from there on the connection is not followed.
// - Lost bytes inside a body whose length is known are counted off: nothing has shifted. Anywhere else the place is lost:
//   requests whose answers may be among what was lost are told so (kUnseen), and reading goes on with the next head that
//   stands at the beginning of a segment. That is certain for a client that waits for an answer before it asks again, as all
//   browsers do; a connection that was seen to do otherwise is given up instead.
// - After a loss in the client's bytes a request counts only once the server has spoken in between: what was lost might
//   have been asked and not answered yet.
// - Behind such a loss, and where the start of a connection was not seen, nobody knows how many requests have no answer yet:
//   two that were lost would have the answer of the one taken for that of the next. Requests and answers go on being
//   read, but no answer is told as anybody's (kUnseen) for the rest of the connection.
// - An answer that nobody asked for, by more than kReorderNsMax, ends it: a server's farewell (408) is no answer to what
//   comes next. Within that, the two directions of a mirrored port may overtake one another; bytes then wait.
// - "Connection: close", and HTTP/1.0 without keep-alive, end nothing by themselves: servers and clients go on all the same,
//   and in order. A request behind it that is not answered was read by nobody (kAfterLast).
// - A final answer to Expect: 100-continue before a byte of the body leaves open whether the body will come: ended too.
//
// Order of calls: (Data | Gap | Close)* Stop. Bytes of one direction come in their order, directions as captured. Of each
// request the visitor hears, in order:  RequestHead RequestData* RequestEnd   and, beginning anywhere behind RequestHead,
// (AnswerHead AnswerData*)? AnswerEnd: both ends exactly once. ServerHeard comes anywhere.
//
// Cost: the readers', and no copy but of heads that a segment cuts. Memory: itself, which its owner takes from the MemoryShare;
// what it keeps (at most two heads and KeptPieces::kBytesMax for each direction) it takes from there too. Not thread-safe.
// Oracle: tests/adapters/capture/http_conversation_test.cc makes pipelines and cuts them anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "adapters/capture/head_in_pieces.h"
#include "adapters/capture/kept_pieces.h"
#include "adapters/capture/memory_share.h"
#include "adapters/gateway/body_flow.h"
#include "adapters/gateway/head_reader.h"

namespace stockade {

enum class Talker : uint8_t { kClient, kServer };

// How a request or its answer ended.
enum class MessageEnd : uint8_t {
  kWhole,
  kBroken,     // the connection ended inside it, or its framing broke
  kDamaged,    // bytes of it were lost on the way to us
  kNever,      // of an answer: the connection ended and there was none
  kUnseen,     // of an answer: there may have been one, and we cannot say which it was
  kAfterLast,  // of an answer: none came, and a message before had said that it is the last
};

// Why a conversation is not followed any further.
enum class FollowEnd : uint8_t {
  kFollowed,        // it is
  kTunnel,          // 101 or CONNECT: what comes is no HTTP any more
  kBadRequest,      // a head or chunk of the client's that is refused; HttpCounts says which
  kBadAnswer,       // the same of the server's
  kUnsolicited,     // an answer that nobody asked for
  kUnclearBody,     // a final answer before the body that the client was asked about
  kTooManyWaiting,  // more than kWaitingMax requests without an answer
  kGapInPipeline,   // bytes were lost where several requests are under way at once
  kNoRoom,          // it would have to keep more than it may
};
inline constexpr std::array<std::string_view, 9> kFollowEndNames = {
    "followed",     "tunnel",           "bad_request",     "bad_answer", "unsolicited_answer",
    "unclear_body", "too_many_waiting", "gap_in_pipeline", "no_room"};

// Of all conversations of a capture.
struct HttpCounts {
  uint64_t requests = 0;        // heads read
  uint64_t answers = 0;         // final heads, paired for certain
  uint64_t never_answered = 0;  // requests, by MessageEnd
  uint64_t answers_unseen = 0;
  uint64_t after_last = 0;
  uint64_t skipped_bytes = 0;  // of which nobody can say what they were, until the next certain head
  uint64_t lost_places = 0;    // times the place in a stream was lost
  std::array<uint64_t, kFollowEndNames.size()> ended{};
  std::array<uint64_t, kHeadErrorCount> head_errors{};
  std::array<uint64_t, kChunkErrorCount> chunk_errors{};
};

// Hears what is said. `number` counts the requests of its conversation from 1. Views live during the call.
class HttpVisitor {
 public:
  virtual ~HttpVisitor() = default;
  // `bytes`: the head as it came. `time_ns`: when its first byte was captured.
  virtual void OnRequestHead(uint64_t number, const RequestHead& head, std::string_view bytes,
                             int64_t time_ns) = 0;
  virtual void OnRequestData(uint64_t number, std::string_view data) = 0;  // without chunks
  // `time_ns`: when the last byte of it that came was captured.
  virtual void OnRequestEnd(uint64_t number, MessageEnd end, int64_t time_ns) = 0;
  virtual void OnAnswerHead(uint64_t number, const ResponseHead& head, std::string_view bytes) = 0;
  virtual void OnAnswerData(uint64_t number, std::string_view data) = 0;
  virtual void OnAnswerEnd(uint64_t number, MessageEnd end) = 0;
  // A byte of the server's was seen, whatever it belongs to, or the server ended its direction: who asks is no forger that
  // sends requests without ever being answered. Also between and behind the ends of its requests.
  virtual void OnServerHeard() = 0;
  // Whether it waits for OnServerHeard, so that the conversation goes on being followed for that alone.
  virtual bool WaitsForServer() const = 0;
};

// Whether what a client says first may be a request; sooner than a reader can say so, so that of another protocol nothing is
// kept until its first line ends.
bool MayBeginRequest(std::string_view bytes) noexcept;

class HttpConversation {
 public:
  // Requests under way at once: browsers that pipelined kept to 8, load generators go to 16 or 32.
  static constexpr size_t kWaitingMax = 64;
  // How far the directions of a mirrored port may be apart: two queues of a switch or a card, emptied in turns.
  static constexpr int64_t kReorderNsMax = 20'000'000;
  // 1xx answers before the real one; more is a server gone wild (the sidecar's limit).
  static constexpr int kInterimAnswersMax = 16;

  // What conversations of a capture share; outlives them.
  struct Shared {
    Shared(const HeadLimits& head_limits, const ChunkLimits& chunk_limits, MemoryShare* share)
        : heads(head_limits),
          chunks(chunk_limits),
          memory(*share),
          requests(HeadReader::Kind::kRequest, head_limits),
          answers(HeadReader::Kind::kResponse, head_limits) {}

    const HeadLimits heads;
    const ChunkLimits chunks;
    MemoryShare& memory;
    HttpCounts counts;
    HeadReader requests, answers;  // for heads that come whole
  };

  // `shared` and `visitor` outlive it. `from_begin`: its handshake was seen, so that the first byte begins a request.
  HttpConversation(Shared* shared, HttpVisitor* visitor, bool from_begin);
  HttpConversation(const HttpConversation&) = delete;
  HttpConversation& operator=(const HttpConversation&) = delete;

  // `bytes` begin where a segment began.
  void Data(Talker talker, std::string_view bytes, int64_t time_ns);
  // So many bytes will never be seen; 0: nobody knows how many.
  void Gap(Talker talker, uint64_t bytes);
  // It sends no more.
  void Close(Talker talker);
  // The connection is over (`closed`), or is not watched any further. Idempotent.
  void Stop(bool closed);
  // Others have more use for its room.
  void GiveUpForRoom();

  // Whether more bytes would be looked at, or more of the server is waited for.
  bool following() const noexcept { return !stopped_ || (!over_ && visitor_.WaitsForServer()); }
  FollowEnd end() const noexcept { return end_; }

 private:
  enum class State : uint8_t { kSeeking, kHead, kBody, kIgnored };
  struct Half {
    explicit Half(MemoryShare* share) : head(share), kept(share) {}
    State state = State::kHead;
    bool unproven = false;  // the head being read was found by seeking
    bool damaged = false;   // the message being read
    bool lost = false;      // bytes of this direction were, ever
    bool closed = false;
    int64_t begun_ns = 0;  // of the head being read
    BodyFlow body;
    HeadInPieces head;
    KeptPieces kept;
  };
  struct Waiting {
    uint64_t number = 0;
    int64_t time_ns = 0;
    bool is_head = false;
    bool asks_upgrade = false;
    bool expects_continue = false;
    bool after_last = false;
    bool is_certain = true;  // which answer is its own
  };

  void Client(std::string_view bytes, int64_t time_ns);
  void Server(std::string_view bytes, int64_t time_ns);
  void ReadRequestHead(std::string_view* bytes, int64_t time_ns);
  void ReadAnswerHead(std::string_view* bytes);
  // Counts what was refused; false where it was a head that seeking found, and seeking goes on.
  bool Refuse(Half* half, HeadError error, std::string_view* bytes);
  void TakeRequest(const RequestHead& head, std::string_view bytes);
  void TakeAnswer(const ResponseHead& head, std::string_view bytes);
  void EndRequest(MessageEnd end);
  void EndAnswer(MessageEnd end);
  void TellAnswerEnd(MessageEnd end);
  // All that wait for an answer.
  void EndWaiting(MessageEnd end);
  // An upgrade has been asked for: what the client says next may be no HTTP.
  bool IsPaused() const noexcept { return !waiting_.empty() && waiting_.back().asks_upgrade; }
  // Lets bytes go on that have waited for long enough.
  void Settle();
  static void Drop(Half* half) {
    half->head.Drop();
    half->kept.Drop();
  }
  void LoseClient();
  void LoseServer();
  void GiveUpClient(FollowEnd why);
  void GiveUp(FollowEnd why);
  void Note(FollowEnd why);
  void CloseServer();
  // No further answer will be looked at; a request under way is still read to its end.
  void IgnoreServer();
  void StopIfDone();
  void Skip(std::string_view* bytes) noexcept {
    shared_.counts.skipped_bytes += bytes->size();
    *bytes = {};
  }

  Shared& shared_;
  HttpVisitor& visitor_;
  Half client_, server_;
  std::vector<Waiting> waiting_;  // at most kWaitingMax
  uint64_t number_ = 0;           // of the last request
  uint64_t server_pieces_ = 0;    // that have come
  uint64_t server_pieces_at_loss_ = 0;
  bool waits_for_server_ = false;  // after a loss: until the server has spoken
  bool loses_count_ = false;       // of the requests: bytes that were never seen may have held some
  bool pipelines_ = false;
  bool said_last_ = false;         // a message said that the connection closes behind it
  bool request_has_data_ = false;  // a byte of the current request's body has come
  bool ignores_answers_ = false;
  int interim_answers_ = 0;
  int64_t client_ns_ = 0;  // of the last bytes of the client's that were read
  FollowEnd end_ = FollowEnd::kFollowed;
  bool stopped_ = false;
  bool over_ = false;  // Stop was called
};

}  // namespace stockade
