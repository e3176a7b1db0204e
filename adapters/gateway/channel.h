// One stream socket, plain or TLS, that never blocks: bytes are moved at once or not at all, and whoever owns it is
// called when it is worth trying again. The event loop is Boost.Asio's, asked for readiness only; the bytes go from
// kernel to buffer with nothing between.
//
// TLS is OpenSSL's on the same socket. SIGPIPE never comes of it.
//
// Threads: that of the io_context it was made with. Errors: IoStatus. Owner: shared, because an armed wait keeps it
// alive; after Close its owner hears nothing more.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace stockade {

enum class IoStatus : uint8_t {
  kOk,
  kWantRead,   // try again when it is readable
  kWantWrite,  // try again when it is writable
  kEnd,        // the peer sends no more (Read only)
  kError,      // the connection is of no use any more
};
struct IoResult {
  IoStatus status = IoStatus::kError;
  size_t bytes = 0;  // with kOk at least 1
};

class Channel;

class ChannelOwner {
 public:
  virtual ~ChannelOwner() = default;
  // A wait that was armed is over. Spurious calls happen.
  virtual void OnReady(Channel* channel) = 0;
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  // Takes the descriptor, which must not block.
  Channel(boost::asio::io_context& context, int descriptor, ChannelOwner* owner);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void set_owner(ChannelOwner* owner) noexcept { owner_ = owner; }
  bool open() const noexcept { return descriptor_.is_open(); }
  int descriptor() { return descriptor_.native_handle(); }

  // From here on TLS. Takes `tls`, whose state says whether it accepts or connects. kError if it cannot be attached.
  IoStatus StartTls(SSL* tls);
  IoStatus Handshake();
  bool is_tls() const noexcept { return tls_ != nullptr; }
  SSL* tls() const noexcept { return tls_; }

  IoResult Read(std::span<char> room);
  IoResult Write(std::string_view bytes);
  // Whether a Read may give something: false from a Read that drained the socket until a wait says otherwise.
  bool maybe_readable() const noexcept { return maybe_readable_; }
  // The caller knows that nothing can have come yet; saves a system call that would find nothing.
  void AssumeDrained() noexcept { maybe_readable_ = tls_ != nullptr && SSL_pending(tls_) > 0; }
  // Whether the peer has closed or sent something, asked of the kernel now.
  bool HasInput();

  // The owner is called once when it is readable, or writable. Armed twice is armed once.
  void WaitRead();
  void WaitWrite();
  // The wait that a call asked for which returned `status`. False: it asked for none.
  bool WaitFor(IoStatus status);

  // No more is sent; the peer sees the end of the stream behind what was written.
  void ShutdownSend();
  void Close();

 private:
  void Wait(bool write);

  // With the loop's own executor: nothing is looked up at run time.
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> descriptor_;
  ChannelOwner* owner_;
  SSL* tls_ = nullptr;
  bool read_armed_ = false, write_armed_ = false;
  bool maybe_readable_ = true;
  bool tls_broken_ = false;
};

}  // namespace stockade
