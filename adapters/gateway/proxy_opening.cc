// The part of a session before its first request: who may come, the PROXY header, TLS.
#include "adapters/certificate/from_tls.h"
#include "adapters/gateway/proxy_protocol.h"
#include "adapters/gateway/proxy_session.h"
#include "adapters/gateway/tls_context.h"
#include "adapters/gateway/tls_print.h"

namespace stockade {

bool Session::EnterSource(const Address& source) {
  if (!source.present() || state_ptr_->client_addresses->Lists(source)) return true;
  if (!worker_->limits().EnterSource(source, limits().connections_per_source)) {
    counts_->Add(Count::kConnectionsOverSource);
    return false;
  }
  counted_source_ = source;
  is_source_counted_ = true;
  return true;
}

Session::Step Session::StepOpening() {
  if (!EnterSource(socket_peer_)) return Step::kClose;
  const bool announced = state_ptr_->settings.listeners[listener_].proxy_protocol;
  state_ = announced ? State::kProxyHeader : State::kHandshake;
  SetDeadline(announced ? limits().header_time : limits().tls_handshake_time);
  if (!announced && state_ptr_->listener_tls[listener_] == nullptr) {
    peer_is_listed_ = state_ptr_->client_addresses->Lists(peer_);
    state_ = State::kHead;
    SetDeadline(limits().header_time);
  }
  return Step::kAgain;
}

Session::Step Session::StepProxyHeader() {
  // Byte by byte past the header nothing may be read here: behind it TLS may begin, and OpenSSL reads the socket itself.
  // So exactly what the header asks for is taken, never more.
  while (true) {
    const ProxyHeaderRead read = ReadProxyHeader(from_client_.view());
    if (read.state == ProxyHeaderState::kBroken) {
      counts_->Add(Count::kProxyHeaderBad);
      return Step::kClose;
    }
    if (read.state == ProxyHeaderState::kDone) {
      from_client_.Consume(read.bytes);
      peer_ = state_ptr_->client_addresses->ConnectionPeer(socket_peer_, read.header);
      if (peer_ != socket_peer_ && !EnterSource(peer_)) return Step::kClose;
      peer_is_listed_ = state_ptr_->client_addresses->Lists(peer_);
      const bool tls = state_ptr_->listener_tls[listener_] != nullptr;
      state_ = tls ? State::kHandshake : State::kHead;
      SetDeadline(tls ? limits().tls_handshake_time : limits().header_time);
      return Step::kAgain;
    }
    const size_t wanted = read.bytes - from_client_.size();
    const IoResult result = client_->Read(from_client_.Room(wanted).first(wanted));
    if (result.status == IoStatus::kWantRead) {
      client_->WaitRead();
      return Step::kWait;
    }
    if (result.status != IoStatus::kOk) {
      counts_->Add(Count::kProxyHeaderBad);
      return Step::kClose;
    }
    from_client_.Commit(result.bytes);
  }
}

Session::Step Session::StepHandshake() {
  if (!client_->is_tls()) {
    SSL* tls = NewListenerConnection(state_ptr_->listener_tls[listener_]);
    if (tls == nullptr || client_->StartTls(tls) != IoStatus::kOk) return Step::kClose;
    WatchClientHello(tls, &fingerprint_);
    peer_is_listed_ = state_ptr_->client_addresses->Lists(peer_);
  }
  const IoStatus status = client_->Handshake();
  if (client_->WaitFor(status)) return Step::kWait;
  if (status != IoStatus::kOk) {
    counts_->Add(Count::kTlsFailed);
    return Step::kClose;
  }
  counts_->Add(Count::kTlsHandshakes);
  StopWatching(client_->tls());
  if (state_ptr_->settings.listeners[listener_].tls->ask_client_certificate)
    shown_ = EvidenceOf(client_->tls());
  state_ = State::kHead;
  SetDeadline(limits().header_time);
  return Step::kAgain;
}

}  // namespace stockade
