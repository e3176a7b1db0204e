#include "adapters/gateway/channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <climits>

namespace stockade {
namespace {

// A BIO on a socket whose writes raise no SIGPIPE; OpenSSL's own uses write(2), and the program's signals are not ours
// to set. The descriptor is the BIO's data.
int DescriptorOf(BIO* bio) {
  return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
}

int WriteBio(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(DescriptorOf(bio), bytes, static_cast<size_t>(count), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int ReadBio(BIO* bio, char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = recv(DescriptorOf(bio), bytes, static_cast<size_t>(count), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long ControlBio(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

const BIO_METHOD* SocketBio() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");
    BIO_meth_set_write(made, WriteBio);
    BIO_meth_set_read(made, ReadBio);
    BIO_meth_set_ctrl(made, ControlBio);
    return made;
  }();
  return method;
}

IoStatus StatusOf(SSL* tls, int result) {
  switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
      return IoStatus::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::kEnd;
    default:
      // What OpenSSL queued is nobody's; left there it would be taken for the next connection's.
      ERR_clear_error();
      return IoStatus::kError;
  }
}

}  // namespace

Channel::Channel(boost::asio::io_context& context, int descriptor, ChannelOwner* owner)
    : descriptor_(context, descriptor), owner_(owner) {}

Channel::~Channel() {
  Close();
}

IoStatus Channel::StartTls(SSL* tls) {
  tls_ = tls;
  BIO* bio = BIO_new(SocketBio());
  if (bio == nullptr) return IoStatus::kError;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(descriptor())));
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_, bio, bio);
  return IoStatus::kOk;
}

IoStatus Channel::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_);
  if (result == 1) return IoStatus::kOk;
  const IoStatus status = StatusOf(tls_, result);
  if (status != IoStatus::kWantRead && status != IoStatus::kWantWrite) tls_broken_ = true;
  return status == IoStatus::kEnd ? IoStatus::kError : status;
}

IoResult Channel::Read(std::span<char> room) {
  if (!open() || room.empty()) return {};
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int got = SSL_read(tls_, room.data(), static_cast<int>(std::min<size_t>(room.size(), INT_MAX)));
    if (got > 0) return {IoStatus::kOk, static_cast<size_t>(got)};
    IoStatus status = StatusOf(tls_, got);
    // A peer that closes without close_notify ends the stream as one that says so: HTTP has its own ends, and they
    // are checked.
    if (status == IoStatus::kError) {
      tls_broken_ = true;
      if (BIO_test_flags(SSL_get_rbio(tls_), BIO_FLAGS_IN_EOF) != 0) status = IoStatus::kEnd;
    }
    if (status == IoStatus::kWantRead) maybe_readable_ = false;
    return {status, 0};
  }
  while (true) {
    const ssize_t got = recv(descriptor(), room.data(), room.size(), 0);
    if (got > 0) {
      // Less than asked for: the socket is empty, and a wait armed now will see what comes.
      if (static_cast<size_t>(got) < room.size()) maybe_readable_ = false;
      return {IoStatus::kOk, static_cast<size_t>(got)};
    }
    if (got == 0) return {IoStatus::kEnd, 0};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return {};
    maybe_readable_ = false;
    return {IoStatus::kWantRead, 0};
  }
}

IoResult Channel::Write(std::string_view bytes) {
  if (!open() || bytes.empty()) return {};
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int sent = SSL_write(tls_, bytes.data(), static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX)));
    if (sent > 0) return {IoStatus::kOk, static_cast<size_t>(sent)};
    const IoStatus status = StatusOf(tls_, sent);
    if (status == IoStatus::kWantRead || status == IoStatus::kWantWrite) return {status, 0};
    tls_broken_ = true;
    return {};
  }
  while (true) {
    const ssize_t sent = send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) return {IoStatus::kOk, static_cast<size_t>(sent)};
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {IoStatus::kWantWrite, 0};
    return {};
  }
}

bool Channel::HasInput() {
  if (tls_ != nullptr && SSL_pending(tls_) > 0) return true;
  char byte = 0;
  const ssize_t got = recv(descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void Channel::WaitRead() {
  Wait(false);
}
void Channel::WaitWrite() {
  Wait(true);
}

bool Channel::WaitFor(IoStatus status) {
  if (status != IoStatus::kWantRead && status != IoStatus::kWantWrite) return false;
  Wait(status == IoStatus::kWantWrite);
  return true;
}

void Channel::Wait(bool write) {
  bool& armed = write ? write_armed_ : read_armed_;
  if (armed || !open()) return;
  armed = true;
  auto ready = [self = shared_from_this(), write](const boost::system::error_code&) {
    (write ? self->write_armed_ : self->read_armed_) = false;
    if (!write) self->maybe_readable_ = true;
    if (self->owner_ != nullptr) self->owner_->OnReady(self.get());
  };
  // What OpenSSL has decrypted already, no socket will announce.
  if (!write && tls_ != nullptr && SSL_pending(tls_) > 0) {
    boost::asio::post(descriptor_.get_executor(),
                      [ready = std::move(ready)]() mutable { ready(boost::system::error_code()); });
    return;
  }
  descriptor_.async_wait(write ? boost::asio::posix::descriptor_base::wait_write
                               : boost::asio::posix::descriptor_base::wait_read,
                         std::move(ready));
}

void Channel::ShutdownSend() {
  if (!open()) return;
  if (tls_ != nullptr && !tls_broken_ && SSL_is_init_finished(tls_) == 1) {
    ERR_clear_error();
    SSL_shutdown(tls_);
    ERR_clear_error();
  }
  shutdown(descriptor(), SHUT_WR);
}

void Channel::Close() {
  owner_ = nullptr;
  if (tls_ != nullptr) {
    if (open() && !tls_broken_ && SSL_is_init_finished(tls_) == 1) {
      ERR_clear_error();
      SSL_shutdown(tls_);
      ERR_clear_error();
    }
    SSL_free(tls_);
    tls_ = nullptr;
  }
  boost::system::error_code ignored;
  if (descriptor_.is_open()) descriptor_.close(ignored);
}

}  // namespace stockade
