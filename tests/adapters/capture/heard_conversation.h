// A conversation whose every word is written down, for tests: one line a request with what was said of its answer.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/capture/http_conversation.h"

namespace stockade {

class Heard final : public HttpVisitor {
 public:
  struct Exchange {
    std::string request;  // "POST /login"
    std::string body;
    int ends = 0;  // times that the request was told to have ended
    MessageEnd request_end = MessageEnd::kUnseen;
    int status = 0;
    std::string answer_body;
    int answer_ends = 0;
    MessageEnd answer_end = MessageEnd::kWhole;
    int64_t time_ns = 0;
    int64_t end_ns = 0;
  };

  void OnRequestHead(uint64_t number, const RequestHead& head, std::string_view bytes,
                     int64_t time_ns) override {
    out_of_order = out_of_order || number != exchanges.size() + 1 || bytes.size() != head.bytes;
    Exchange& exchange = exchanges.emplace_back();
    exchange.request = std::string(head.view.method) + " " + std::string(head.view.target);
    exchange.time_ns = time_ns;
  }
  void OnRequestData(uint64_t number, std::string_view data) override {
    out_of_order = out_of_order || At(number).ends > 0;
    At(number).body.append(data);
  }
  void OnRequestEnd(uint64_t number, MessageEnd end, int64_t time_ns) override {
    At(number).end_ns = time_ns;
    ++At(number).ends;
    At(number).request_end = end;
  }
  void OnAnswerHead(uint64_t number, const ResponseHead& head, std::string_view bytes) override {
    out_of_order =
        out_of_order || At(number).status != 0 || At(number).answer_ends > 0 || bytes.size() != head.bytes;
    At(number).status = head.view.status;
  }
  void OnAnswerData(uint64_t number, std::string_view data) override {
    out_of_order = out_of_order || At(number).status == 0 || At(number).answer_ends > 0;
    At(number).answer_body.append(data);
  }
  void OnAnswerEnd(uint64_t number, MessageEnd end) override {
    ++At(number).answer_ends;
    At(number).answer_end = end;
  }
  void OnServerHeard() override { ++server_heard; }
  bool WaitsForServer() const override { return waits_for_server; }

  Exchange& At(uint64_t number) { return exchanges.at(number - 1); }

  std::vector<Exchange> exchanges;
  bool out_of_order = false;
  int server_heard = 0;
  bool waits_for_server = false;
};

// A conversation with all it needs.
struct Scene {
  explicit Scene(bool from_begin = true, size_t memory_bytes = size_t{1} << 20)
      : memory(memory_bytes), shared({}, {}, &memory), conversation(&shared, &heard, from_begin) {}

  Scene& Client(std::string_view bytes, int64_t time_ns = 0) {
    conversation.Data(Talker::kClient, bytes, time_ns);
    return *this;
  }
  Scene& Server(std::string_view bytes, int64_t time_ns = 0) {
    conversation.Data(Talker::kServer, bytes, time_ns);
    return *this;
  }

  MemoryShare memory;
  HttpConversation::Shared shared;
  Heard heard;
  HttpConversation conversation;
};

}  // namespace stockade
