// What is known of a login's certificate at once, or how to have it judged by somebody who may take his time.
#pragma once

#include <functional>
#include <utility>

#include "engine/event/outcome.h"

namespace stockade {

// Told exactly once, by any thread.
using CertificateDone = std::function<void(CertificateStatus)>;

struct CertificateFinding {
  CertificateFinding(CertificateStatus found) : status(found) {}  // implicit: most say no more
  explicit CertificateFinding(std::function<void(CertificateDone)> judge) : later(std::move(judge)) {}

  CertificateStatus status = CertificateStatus::kUnchecked;
  // Null: `status` is the answer. Else has it judged: keeps what it needs, is called once, and does not block.
  std::function<void(CertificateDone)> later;
};

}  // namespace stockade
