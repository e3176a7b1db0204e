#include "adapters/certificate/name_look_ups.h"

#include <netdb.h>

#include <boost/asio/post.hpp>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace stockade {
namespace {

using Tcp = NameLookUps::Tcp;

std::vector<Tcp::endpoint> LookUp(const std::string& host, uint16_t port) {
  std::vector<Tcp::endpoint> endpoints;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &first) != 0) return endpoints;
  for (const addrinfo* at = first; at != nullptr; at = at->ai_next) {
    Tcp::endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
    endpoint.port(port);
    endpoints.push_back(endpoint);
  }
  freeaddrinfo(first);
  return endpoints;
}

}  // namespace

bool NameLookUps::Start(const std::string& host, uint16_t port, Found found) {
  if (found_.size() >= kNameLookUpsMax) return false;
  const uint64_t number = ++last_;
  found_[number] = std::move(found);
  try {
    std::thread([self = shared_from_this(), host, port, number] {
      self->Post(number, LookUp(host, port));
    }).detach();
  } catch (const std::system_error&) {
    found_.erase(number);
    return false;
  }
  return true;
}

void NameLookUps::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    context_ = nullptr;
  }
  found_.clear();
}

void NameLookUps::Post(uint64_t number, std::vector<Tcp::endpoint> endpoints) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (context_ == nullptr) return;
  boost::asio::post(*context_,
                    [self = shared_from_this(), number, endpoints = std::move(endpoints)]() mutable {
                      const auto at = self->found_.find(number);
                      if (at == self->found_.end()) return;
                      const Found found = std::move(at->second);
                      self->found_.erase(at);
                      found(std::move(endpoints));
                    });
}

}  // namespace stockade
