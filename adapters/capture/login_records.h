// Captured logins → records of a batch, as readers of logs give them.
//
// The batch must be set before a login comes; text is copied into it. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "adapters/capture/captured_login.h"
#include "adapters/source/source.h"
#include "engine/event/field.h"

namespace stockade {

class LoginRecords final : public LoginSink {
 public:
  // `fields`: those that rules ask for; null: none. Outlives it, or UseFields comes before it goes.
  explicit LoginRecords(const FieldTable* fields) { UseFields(fields); }

  void UseFields(const FieldTable* fields);
  void FillInto(Batch* batch) noexcept { batch_ = batch; }
  void Take(const CapturedLogin& login) override;

  uint64_t records() const noexcept { return records_; }

 private:
  Batch* batch_ = nullptr;
  uint64_t records_ = 0;
  std::optional<FieldId> method_, status_, domain_, server_name_;
};

}  // namespace stockade
