#include "adapters/source/sshd.h"

#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "adapters/source/line_source.h"
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

// What a connection has had so far. A table of fixed size in which a newcomer takes the place of whoever
// hashes there: what is forgotten costs one attempt counted twice.
class Connections {
 public:
  struct State {
    uint64_t key = 0;
    bool charged = false;    // some attempt of it is a record
    bool announced = false;  // and its "Failed" is still to come
  };

  State& At(std::string_view host, std::string_view pid) noexcept {
    uint64_t key = 0xcbf29ce484222325ULL;  // FNV-1a: names of our own hosts, nobody to fight
    for (const char c : pid) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    key = (key ^ 0xff) * 0x100000001b3ULL;
    for (const char c : host) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    State& state = states_[(key ^ key >> 32) % kConnectionsRemembered];
    if (state.key != key) state = State{key, false, false};
    return state;
  }

 private:
  std::array<State, kConnectionsRemembered> states_{};
};

class SshdSource final : public LineSource {
 public:
  SshdSource(std::unique_ptr<ByteReader> reader, const SourceOptions& options)
      : LineSource(std::move(reader)),
        syslog_(YearlessDates(options.year, bytes().changed().value_or(options.reference_time),
                              options.time_zone, options.goes_on),
                options.time_zone) {
    if (options.fields == nullptr) return;
    host_ = options.fields->Find("host.name");
    program_ = options.fields->Find("process.name");
    pid_ = options.fields->Find("process.pid");
    method_ = options.fields->Find("ssh.method");
  }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  void AddAttempts(const Line& line, const SyslogLine& syslog, const SshdMessage& message,
                   std::string_view channel, Batch* batch);

  SyslogParser syslog_;
  Connections connections_;
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
  if (syslog.pid.data() != nullptr) {
    Connections::State& state = connections_.At(syslog.host, syslog.pid);
    bool counts = true;
    switch (message.kind) {
      case SshdMessage::Kind::kAnnounce:
        counts = !state.announced;
        state.announced = true;
        break;
      case SshdMessage::Kind::kAttempt:
        if (message.outcome != Outcome::kSuccess && state.announced) {
          --message.repeats;
          counts = message.repeats > 0;
        }
        state.announced = false;
        break;
      default:
        counts = !state.charged;
        break;
    }
    // A pid is used again: what ended, begins anew.
    state.charged = message.kind != SshdMessage::Kind::kClosing;
    if (!state.charged) state.announced = false;
    if (!counts) {
      CountOther();
      return;
    }
  }
  AddAttempts(line, syslog, message, channel, batch);
}

void SshdSource::AddAttempts(const Line& line, const SyslogLine& syslog, const SshdMessage& message,
                             std::string_view channel, Batch* batch) {
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
    LoginEvent& event = AddRecord(line, batch)->event;
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
