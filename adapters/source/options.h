// Everything a user may set about how logs are read: one struct, validated whole before anything is opened.
//
// Defaults read the common case without a word: the format is detected, dates without a zone are UTC, dates
// without a year are placed so that none lies in the future of the file, an access log counts POST requests
// to login-like paths.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/source/foreign_format.h"
#include "engine/event/field.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/outcome.h"

namespace stockade {

// Which requests of an access log are login attempts, and what came of them.
struct AccessLogOptions {
  // How a path of the log (without its query) is compared.
  enum class PathMatch { kExact, kPrefix, kRegex };  // kRegex: RE2, whole path
  struct LoginPath {
    PathMatch match = PathMatch::kExact;
    std::string text;
  };
  // Empty: the built-in pattern: a path whose last segment is a login word (login, signin, sign-in, log_in,
  // logon, auth, authenticate, session(s), token, wp-login.php, xmlrpc.php, login.php …, kLoginPathPattern in
  // access_log.h).
  std::vector<LoginPath> login_paths;
  // Methods that send credentials. HTTP Basic is another matter: if `basic` is set, a request answered by 401
  // is a failure and the first one of a user and address that is let in a success, whatever their method and
  // path (access_log.h).
  std::vector<std::string> methods = {"POST"};
  bool basic = true;
  // Status → outcome. "200", "4xx". The more exact wins. Statuses that match nothing are kUnknown. Empty: the
  // defaults that access_log.h lists.
  std::map<std::string, Outcome> outcomes;
};

struct SourceOptions {
  // A format of registry.h or of `foreign_formats`, or "auto".
  std::string format = "auto";
  // What else can be opened; looked at before the formats of lines.
  std::vector<ForeignFormat> foreign_formats;

  // Which fields beyond the known ones to keep: those of this table's extra_names(). Null: none. Must outlive
  // the source, and be complete before it is opened.
  const FieldTable* fields = nullptr;

  // NDJSON: field → dotted path in the log, as {"user.name": "actor.alternateId", "@timestamp": "published"}.
  // A mapped field is read from its path only. The same path may serve two fields.
  std::map<std::string, std::string> field_paths;
  // NDJSON: words of the log → outcomes, compared whole and without regard to case, for logs whose outcome
  // words are not those of the design: {"INVALID_CREDENTIALS": bad_password}. Looked up before the built-in
  // words.
  std::map<std::string, Outcome> outcome_words;

  // Of a login.password_id that is no id but may be the password itself: it is replaced by its hash under
  // this key (field_text.h). The engine's, so that ids agree with what else is hashed.
  HashKey hash_key;

  // CSV: field → name of its column. A mapped field is read from its column only; other fields from the
  // columns that are known by name (csv.h).
  std::map<std::string, std::string> columns;
  // CSV: 0 detects one of , ; tab | from the header.
  char delimiter = 0;
  // CSV: the header of inputs whose first row is data. OpenInputs sets it to the header of the input before,
  // so that a log cut into parts needs its header only once.
  std::string csv_header;

  AccessLogOptions access_log;

  // Text patterns: the format file (YAML) to read by; text_pattern.h describes it. Set: the format is "text".
  std::string format_file;

  // The year of the first date without a year. Nothing: the latest year in which no date of the input lies
  // after the time the input was last changed (a file's mtime), or after `reference_time` where there is
  // none.
  std::optional<int> year;
  // The zone of dates without one. IANA zones by absl::LoadTimeZone.
  absl::TimeZone time_zone = absl::UTCTimeZone();
  // "Now" for standard input, given by the caller: readers have no clock. Unset (the Unix epoch): an input
  // without mtime and `year` reads year-less dates in 1970 and says so by that.
  absl::Time reference_time = absl::UnixEpoch();
  // The log is read while it is written: its dates go on beyond `reference_time`.
  bool goes_on = false;
  // The input is one of several that are merged: what a line of sshd says of its connection is judged where all are in
  // order (merge.h), and not by the source.
  bool is_merged = false;
};

// "/login" is that path, "/auth/*" all that begin with "/auth/"; nothing for a text that does not begin with
// a slash.
std::optional<AccessLogOptions::LoginPath> ParseLoginPath(std::string_view text);

// The format of `options.foreign_formats` of this name, or null.
const ForeignFormat* FindForeignFormat(std::string_view name, const SourceOptions& options) noexcept;

// Everything that can be wrong with options before a byte is read: unknown format or field name, two delimiters, a
// pattern RE2 refuses, a status that is none. Each message begins with the option, "year: …".
std::vector<std::string> Problems(const SourceOptions& options);
// The first of them.
absl::Status Validate(const SourceOptions& options);

}  // namespace stockade
