// Addresses of host names, by the system's resolver, for whoever runs on one Asio context. The system's look-up cannot be
// cancelled and may take half a minute, and Asio's own resolver makes whoever ends wait for it. So each look-up here has a
// thread that nobody waits for; it holds on to nothing of its owner's, and finds nobody where that has ended.
//
//   auto look_ups = std::make_shared<NameLookUps>(&context);   (Start)*  Stop
//
// Start, Stop and `found`: the context's thread. Before the context ends Stop must have been called.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace stockade {

// Under way: those of all requests of ocsp_client.h, and as many that were given up.
inline constexpr size_t kNameLookUpsMax = 64;

class NameLookUps : public std::enable_shared_from_this<NameLookUps> {
 public:
  using Tcp = boost::asio::ip::tcp;
  using Found = std::function<void(std::vector<Tcp::endpoint>)>;

  explicit NameLookUps(boost::asio::io_context* context) : context_(context) {}

  // `found` gets nothing where there is no such name. False where too many are under way, or no thread can be had.
  bool Start(const std::string& host, uint16_t port, Found found);
  // Nothing is called from then on.
  void Stop();

 private:
  void Post(uint64_t number, std::vector<Tcp::endpoint> endpoints);

  std::mutex mutex_;
  boost::asio::io_context* context_;  // under mutex_
  // Of the context's thread: whom each look-up under way is for.
  absl::flat_hash_map<uint64_t, Found> found_;
  uint64_t last_ = 0;
};

}  // namespace stockade
