// What stands, as a file for whoever reads files: nginx's `deny` and `geo`, other programs' block lists, or NDJSON
// (list_text.h has the formats).
//
// The file is written whole, beside its place (`<path>.new`), synced, renamed over the old one, and its folder synced: a
// reader sees the old list or the new one, never half of either, also after a crash or on a full disk, which leave the old
// one. Then `after` is run (nginx must be told to reload), again where it failed, and once at the start, since a crash may
// have come between. At most one write in `write_every`: Apply waits for that.
//
// The file is Stockade's alone. List reads it as it is now; an entry somebody took out is missing, one he put in stands, and
// a line that is none of ours is listed as a value that nobody decided on, whose release writes the file anew without it. A file
// that is gone is an empty one. What stands is kept in mind: 200 bytes an address, of ndjson the line and its key.
//
// Entries do not go by themselves (`expires` false): releases must come. Errors: kInvalidArgument, after all others of the
// batch were carried out, for a value the format cannot say; Unavailable with what the system said (read-only, full);
// FailedPrecondition where the path is no file. One thread at a time.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/list_text.h"

namespace stockade {

struct ListFileOptions {
  std::string path;                         // path: from /
  ListFormat format = ListFormat::kNdjson;  // format: ndjson | plain | nginx_deny | nginx_geo
  Action action = Action::kBlock;           // action: of plain, nginx_deny (block, throttle) and nginx_geo
  std::vector<Action> actions;              // actions: of ndjson, a list; empty: all
  std::vector<Scope> scopes;                // scopes: of ndjson, a list; empty: all
  absl::Duration write_every = absl::Seconds(1);  // write_every: at most 10s
  std::vector<std::string> after;                 // after: a list: a program's whole path and its arguments
  absl::Duration after_timeout = absl::Seconds(10);  // after_timeout: at most 15s
  mode_t mode = 0640;                                // mode: of the file, in octal
};

// InvalidArgument, naming the key.
absl::Status CheckListFileOptions(const ListFileOptions& options);

class ListFile final : public Firewall {
 public:
  // A million decisions as NDJSON.
  static constexpr size_t kFileBytesMax = size_t{1} << 30;
  // With many changes it is the same one write.
  static constexpr size_t kBatchMax = 50'000;

  // `options` have passed CheckListFileOptions.
  explicit ListFile(ListFileOptions options);

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

 private:
  // Which file stood at the path, and which content of it.
  struct Identity {
    bool is_there = false;
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_ns = 0;

    friend bool operator==(const Identity&, const Identity&) = default;
  };

  static Identity Of(const struct stat& status);
  absl::StatusOr<Identity> Look() const;
  absl::Status ReadFile();
  absl::Status WriteFile();
  absl::Status RunAfter();

  ListFileOptions options_;
  ListText text_;
  bool known_ = false;  // lines_, strange_ and identity_ are the file's
  Identity identity_;
  ListText::Lines lines_;
  size_t strange_ = 0;
  bool after_due_ = false;
  std::chrono::steady_clock::time_point write_after_{};
};

}  // namespace stockade
