// A stick table of HAProxy as haproxy_runtime.h uses it: an address stands where its counter is above zero.
//
// Nothing is kept in mind: setting what is set is the same to HAProxy. One thread at a time. Errors are haproxy_call.h's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/haproxy_call.h"
#include "adapters/firewall/variants.h"

namespace stockade {

class HaproxyTable {
 public:
  struct Change {
    bool enforce = false;
    Address address;
  };

  HaproxyTable(std::string table, std::string counter, Action action)
      : table_(std::move(table)), counter_(std::move(counter)), action_(action) {}

  const std::string& table() const noexcept { return table_; }

  // kInvalidArgument, after all others were carried out, where an IPv6 address meets a table of `type ip`.
  absl::Status Apply(const HaproxyCall& call, std::span<const Change> changes);
  // Appends what stands there.
  absl::Status List(const HaproxyCall& call, std::vector<Enforced>* standing);

 private:
  std::string table_;
  std::string counter_;
  Action action_;
};

}  // namespace stockade
