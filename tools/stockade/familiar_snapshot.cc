#include "tools/stockade/familiar_snapshot.h"

#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/console.h"

namespace stockade {

absl::StatusOr<FamiliarFacts> ReadSnapshot(const std::string& path, const LoadFamiliar& load) {
  ASSIGN_OR_RETURN(const auto bytes, FamiliarBytes::Open(path));
  bool read_failed = false;
  absl::StatusOr<FamiliarFacts> facts = load([&]() -> absl::StatusOr<std::string_view> {
    absl::StatusOr<std::string_view> piece = bytes->Next();
    read_failed = !piece.ok();
    return piece;
  });
  if (facts.ok() || read_failed) return facts;
  return absl::Status(facts.status().code(), ToAbsl(Concat(path, ": ", FromAbsl(facts.status().message()))));
}

absl::StatusOr<WrittenSnapshot> WriteSnapshot(FamiliarFile* file, const HashKey& key,
                                              const std::function<bool(FamiliarWriter*)>& copy) {
  FamiliarWriter writer(key);
  WrittenSnapshot written;
  ASSIGN_OR_RETURN(written.bytes, file->Save([&](std::string* bytes) {
    const bool more = copy(&writer);
    writer.Encode(bytes);
    return more;
  }));
  written.accounts = writer.accounts();
  written.id = writer.id();
  return written;
}

std::string SnapshotText(const FamiliarFacts& facts) {
  std::string text = Concat(CountText(facts.accounts), facts.accounts == 1 ? " account" : " accounts",
                            " as of ", TimeText(facts.as_of_ms), ", ", BytesText(facts.bytes));
  if (facts.given_way != 0)
    Append(&text, "; ", CountText(facts.given_way),
           " of them, with the fewest logins, found no room: raise `memory`");
  return text;
}

}  // namespace stockade
