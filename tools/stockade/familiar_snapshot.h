// Snapshots of who is at home, between an engine and a file: what `run` and `replay` share.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/store/familiar_file.h"
#include "engine/engine.h"

namespace stockade {

// `load`: LoadFamiliar of an engine or a desk. Errors name the file and say what to do; NotFound: nothing is there.
using LoadFamiliar = std::function<absl::StatusOr<FamiliarFacts>(
    const std::function<absl::StatusOr<std::string_view>()>& next)>;
absl::StatusOr<FamiliarFacts> ReadSnapshot(const std::string& path, const LoadFamiliar& load);

// What was written. `copy`: CopyFamiliar of an engine or a desk.
struct WrittenSnapshot {
  uint64_t bytes = 0;
  uint64_t accounts = 0;
  Hash128 id;
};
absl::StatusOr<WrittenSnapshot> WriteSnapshot(FamiliarFile* file, const HashKey& key,
                                              const std::function<bool(FamiliarWriter*)>& copy);

// "41,512 accounts as of 2026-11-23 09:00:00.000 UTC, 1.4 MiB", and what gave way.
std::string SnapshotText(const FamiliarFacts& facts);

}  // namespace stockade
