#include "adapters/live/syslog_framing.h"

#include <algorithm>

#include "engine/event/digits.h"

namespace stockade {
namespace {

// What a message begins with.
struct Frame {
  enum class Kind { kCounted, kLine, kUnsure } kind = Kind::kUnsure;
  size_t digits = 0;  // of a count
  size_t bytes = 0;   // that it says
};

Frame ReadFrame(std::string_view text) {
  Frame frame;
  if (text.empty()) return frame;
  if (text[0] < '1' || text[0] > '9') return {Frame::Kind::kLine, 0, 0};
  while (frame.digits < text.size() && IsDigit(text[frame.digits])) {
    if (frame.digits == SyslogFraming::kCountDigitsMax) return {Frame::Kind::kLine, 0, 0};
    frame.bytes = frame.bytes * 10 + static_cast<size_t>(text[frame.digits] - '0');
    ++frame.digits;
  }
  if (frame.digits == text.size()) return frame;
  frame.kind = text[frame.digits] == ' ' ? Frame::Kind::kCounted : Frame::Kind::kLine;
  return frame;
}

}  // namespace

bool SyslogFraming::TakeOne(std::string_view* bytes, const OnMessage& on_message) {
  if (skip_ > 0) {
    const size_t size = std::min(skip_, bytes->size());
    skip_ -= size;
    bytes->remove_prefix(size);
    return skip_ == 0;
  }
  if (skip_line_) {
    const size_t end = bytes->find('\n');
    skip_line_ = end == std::string_view::npos;
    bytes->remove_prefix(skip_line_ ? bytes->size() : end + 1);
    return !skip_line_;
  }
  // Newlines between messages: some senders count and end the line besides.
  if (bytes->front() == '\n' || bytes->front() == '\r') {
    bytes->remove_prefix(1);
    return true;
  }
  const Frame frame = ReadFrame(*bytes);
  if (frame.kind == Frame::Kind::kUnsure) return false;
  if (frame.kind == Frame::Kind::kCounted) {
    const size_t head = frame.digits + 1;
    if (frame.bytes > bytes_max_) {
      ++too_long_;
      bytes->remove_prefix(head);
      skip_ = frame.bytes;
      return true;
    }
    if (bytes->size() < head + frame.bytes) return false;
    on_message(bytes->substr(head, frame.bytes));
    bytes->remove_prefix(head + frame.bytes);
    return true;
  }
  const size_t end = bytes->find('\n');
  if (std::min(end, bytes->size()) > bytes_max_) {
    ++too_long_;
    skip_line_ = true;
    return true;
  }
  if (end == std::string_view::npos) return false;
  on_message(bytes->substr(0, end));
  bytes->remove_prefix(end + 1);
  return true;
}

void SyslogFraming::Take(std::string_view bytes, const OnMessage& on_message) {
  if (held_.empty()) {
    while (!bytes.empty() && TakeOne(&bytes, on_message)) continue;
    held_.assign(bytes);
    return;
  }
  held_.append(bytes);
  std::string_view rest = held_;
  while (!rest.empty() && TakeOne(&rest, on_message)) continue;
  held_.erase(0, held_.size() - rest.size());
}

void SyslogFraming::End(const OnMessage& on_message) {
  if (!held_.empty()) {
    if (ReadFrame(held_).kind == Frame::Kind::kLine) {
      on_message(held_);
    } else {
      ++cut_off_;
    }
  } else if (skip_ > 0) {
    ++cut_off_;
  }
  held_.clear();
  skip_ = 0;
  skip_line_ = false;
}

}  // namespace stockade
