#include "adapters/source/sshd.h"

#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "adapters/source/line_source.h"
#include "adapters/source/sshd_connections.h"
#include "adapters/source/sshd_message.h"
#include "adapters/source/syslog_line.h"

namespace stockade {
namespace {

bool IsSshd(std::string_view program) noexcept {
  return program == "sshd" || program == "sshd-session" || program == "sshd-auth";
}

// busybox and multilog name the facility where others name the program.
bool IsFacility(std::string_view program) noexcept {
  return program.starts_with("auth.") || program.starts_with("authpriv.");
}

// What a message says of its connection.
ConnectionWord::Kind KindOf(const SshdMessage& message) noexcept {
  switch (message.kind) {
    case SshdMessage::Kind::kAnnounce:
      return ConnectionWord::Kind::kAnnounce;
    case SshdMessage::Kind::kAttempt:
      return message.outcome == Outcome::kSuccess ? ConnectionWord::Kind::kSuccess
                                                  : ConnectionWord::Kind::kFailure;
    case SshdMessage::Kind::kClosing:
      return ConnectionWord::Kind::kClosing;
    default:
      return ConnectionWord::Kind::kTold;
  }
}

class SshdSource final : public LineSource {
 public:
  SshdSource(std::unique_ptr<ByteReader> reader, const SourceOptions& options)
      : LineSource(std::move(reader)),
        syslog_(YearlessDates(options.year, bytes().changed().value_or(options.reference_time),
                              options.time_zone, options.goes_on),
                options.time_zone),
        is_merged_(options.is_merged) {
    if (options.fields == nullptr) return;
    host_ = options.fields->Find("host.name");
    program_ = options.fields->Find("process.name");
    pid_ = options.fields->Find("process.pid");
    method_ = options.fields->Find("ssh.method");
  }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  void AddAttempts(const Line& line, const SyslogLine& syslog, const SshdMessage& message,
                   std::string_view channel, const ConnectionWord& word, Batch* batch);

  SyslogParser syslog_;
  SshdConnections connections_;
  const bool is_merged_;
  std::optional<FieldId> host_, program_, pid_, method_;
};

void SshdSource::ReadLine(const Line& line, Batch* batch) {
  SyslogLine syslog;
  if (const ReadError error = syslog_.Parse(line.text, &syslog); error != ReadError::kNone) {
    Fail(AddRecord(line, batch), error);
    return;
  }
  SshdMessage message;
  std::string_view channel = "ssh";
  const bool is_sshd = IsSshd(syslog.program) || IsFacility(syslog.program);
  if (is_sshd) {
    message = ReadSshdMessage(syslog.message);
  } else if (syslog.program == "dropbear") {
    message = ReadDropbearMessage(syslog.message);
  } else if (const auto pam = ReadPamMessage(syslog.message); pam.has_value() && pam->service != "sshd") {
    message = pam->attempt;
    channel = pam->service;
  }
  if (message.kind == SshdMessage::Kind::kNone) {
    CountOther();
    return;
  }
  if (message.kind == SshdMessage::Kind::kAmbiguous) {
    Fail(AddRecord(line, batch), ReadError::kBadAddress);
    return;
  }
  ConnectionWord word;
  if (syslog.pid.data() != nullptr) word = {SshdConnections::KeyOf(syslog.host, syslog.pid), KindOf(message)};
  if (!is_merged_) {
    const SshdConnections::Counted counted = connections_.Take(word);
    if (counted == SshdConnections::Counted::kNone) message.repeats = 0;
    if (counted == SshdConnections::Counted::kAllButFirst) --message.repeats;
    word = {};
    if (message.repeats == 0) {
      CountOther();
      return;
    }
  }
  AddAttempts(line, syslog, message, channel, word, batch);
}

void SshdSource::AddAttempts(const Line& line, const SyslogLine& syslog, const SshdMessage& message,
                             std::string_view channel, const ConnectionWord& word, Batch* batch) {
  std::array<ExtraField, 4> extra;
  size_t extra_count = 0;
  const auto keep = [&](const std::optional<FieldId>& id, std::string_view text) {
    if (!id.has_value() || text.data() == nullptr) return;
    FieldValue value{FieldValue::Kind::kText, 0, text};
    if (id == pid_) {
      const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value.number);
      if (failed == std::errc() && end == text.data() + text.size()) value.kind = FieldValue::Kind::kNumber;
    }
    extra[extra_count++] = ExtraField{*id, value};
  };
  keep(host_, syslog.host);
  keep(program_, syslog.program);
  keep(pid_, syslog.pid);
  keep(method_, message.method);
  const std::span<const ExtraField> kept = batch->extra.Copy({extra.data(), extra_count});
  for (int i = 0; i < message.repeats; ++i) {
    Record* const record = AddRecord(line, batch);
    record->connection = word;
    LoginEvent& event = record->event;
    event.attempt.time_ns = syslog.time_ns;
    event.attempt.source = message.source;
    event.attempt.account = message.account;
    event.attempt.channel = channel;
    event.attempt.extra = kept;
    event.aftermath.outcome = message.outcome;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> MakeSshdSource(std::unique_ptr<ByteReader> bytes,
                                                       const SourceOptions& options) {
  return std::make_unique<SshdSource>(std::move(bytes), options);
}

Recognition RecognizeSshd(std::span<const std::string_view> lines, const SourceOptions& options) {
  SyslogParser parser(YearlessDates(options.year, options.reference_time, options.time_zone),
                      options.time_zone);
  Recognition found;
  int by_sshd = 0;
  for (const std::string_view text : lines) {
    SyslogLine line;
    if (parser.Parse(text, &line) != ReadError::kNone || line.program.empty()) continue;
    ++found.matched;
    if (IsSshd(line.program) || line.program == "dropbear") ++by_sshd;
  }
  found.why = absl::StrCat("are syslog lines, ", by_sshd, " of them sshd's");
  return found;
}

}  // namespace stockade
