// Where one syslog message of a stream ends and the next begins (RFC 6587, RFC 5425 §4.3): by a count of its bytes in front,
// "83 <34>1 …", or by a newline behind it. Which of the two is told anew for each message by its first byte, as a message
// begins with '<' and a count with a digit 1 to 9.
//
// Messages longer than `bytes_max` are skipped and counted; memory is bounded by that. A count of more than kCountDigitsMax
// digits, or one that no space follows, is no count: the line is a message, whatever it holds. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace stockade {

class SyslogFraming {
 public:
  // RFC 5425: receivers should take 8192; a gigabyte is no count, but what a client of another protocol sends.
  static constexpr size_t kCountDigitsMax = 7;

  explicit SyslogFraming(size_t bytes_max) : bytes_max_(bytes_max) {}

  using OnMessage = std::function<void(std::string_view message)>;
  // The next bytes of the stream; `on_message` is called for each message that is whole by now, without its frame.
  void Take(std::string_view bytes, const OnMessage& on_message);
  // The stream has ended: a line without its end is a message, a counted one that is not whole is none.
  void End(const OnMessage& on_message);

  uint64_t too_long() const noexcept { return too_long_; }
  uint64_t cut_off() const noexcept { return cut_off_; }  // by the end of the stream

 private:
  // Takes one message, or a part of one, off `bytes`; false: more is needed.
  bool TakeOne(std::string_view* bytes, const OnMessage& on_message);

  const size_t bytes_max_;
  std::string held_;        // of a message that is not whole
  size_t skip_ = 0;         // bytes left of a counted message too long
  bool skip_line_ = false;  // to the end of a line too long
  uint64_t too_long_ = 0;
  uint64_t cut_off_ = 0;
};

}  // namespace stockade
