#include "tools/stockade/live_settings.h"

#include <array>
#include <set>
#include <utility>

#include "adapters/source/live_reader.h"
#include "engine/text.h"
#include "tools/stockade/gateway_section.h"
#include "tools/stockade/input_settings.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 2> kFrom = {"end", "begin"};
constexpr std::string_view kKinds = "tail, syslog, push, journald";
// What a datagram can hold, and more than any login line.
constexpr uint64_t kSyslogMessageBytesMax = uint64_t{64} << 10;
// Shorter is a pause for breath, longer nobody waits for.
constexpr SettingsReader::Range<absl::Duration> kSilence = {absl::Seconds(10), absl::Hours(24 * 7)};

class LiveReaderOfSettings : GatewaySection {
 public:
  LiveReaderOfSettings(const SourceOptions& base, GatewayFiles files, SettingsReader* reader)
      : GatewaySection(files, reader), base_(base) {}

  std::vector<LiveSourceSettings> Read(Node node, Path path) {
    std::vector<LiveSourceSettings> sources;
    reader_.ReadList(node, path, [&](Node item, Path at) { ReadOne(item, at, &sources); });
    return sources;
  }

 private:
  void ReadOne(Node node, Path path, std::vector<LiveSourceSettings>* sources) {
    LiveSourceSettings source;
    name_.clear();
    if (node.is_map()) {
      // First, wherever it stands: messages of the others are about a source of this name.
      if (const YamlNode* name = node.Find("name"); name != nullptr)
        if (const std::string* text = reader_.ReadText(*name, Concat(path, ".name"))) name_ = *text;
    }
    int kinds = 0;
    reader_.ReadMap(node, path,
                    {{"name", [](Node, Path) {}},
                     {"silence", [&](Node value, Path at) { ReadSilence(value, at, &source.silence); }},
                     {"tail",
                      [&](Node value, Path at) {
                        ++kinds;
                        source.kind = ReadTail(value, at);
                      },
                      /*section=*/true},
                     {"syslog",
                      [&](Node value, Path at) {
                        ++kinds;
                        source.kind = ReadSyslog(value, at);
                      },
                      /*section=*/true},
                     {"push",
                      [&](Node value, Path at) {
                        ++kinds;
                        source.kind = ReadPush(value, at);
                      },
                      /*section=*/true},
                     {"journald",
                      [&](Node value, Path at) {
                        ++kinds;
                        source.kind = ReadJournal(value, at);
                      },
                      /*section=*/true}});
    if (kinds == 1) {
      sources->push_back(std::move(source));
    } else {
      reader_.Error(node, path,
                    Concat(kinds == 0 ? "names no kind" : "names more than one kind", "; one of ", kKinds));
    }
  }

  void ReadSilence(Node node, Path path, absl::Duration* silence) {
    if (node.is_text() && (node.text == "off" || node.text == "never")) {
      *silence = absl::InfiniteDuration();
    } else if (const auto span = reader_.ReadSpan(node, path, kSilence)) {
      *silence = *span;
    }
  }

  // How lines are read, and the keys of the kind beside it.
  void ReadReading(Node node, Path path, SourceOptions* reading, const std::vector<Key>& keys) {
    *reading = base_;
    const size_t errors_before = reader_.errors();
    ReadInputSettings(node, path, &reader_, reading, keys);
    // One of them was said here, whatever `input` says.
    if (node.is_map() && node.Find("format") != nullptr && node.Find("text_format") == nullptr)
      reading->format_file.clear();
    if (reader_.errors() > errors_before) return;
    const absl::Status status = CheckLiveFormat(*reading);
    const YamlNode* const format = node.is_map() ? node.Find("format") : nullptr;
    if (!status.ok()) reader_.Error(format != nullptr ? *format : node, path, FromAbsl(status.message()));
  }

  TailOptions ReadTail(Node node, Path path) {
    TailOptions tail;
    ReadReading(node, path, &tail.reading,
                {{"path",
                  [&](Node value, Path at) {
                    if (const std::string* text = reader_.ReadText(value, at))
                      tail.pattern = reader_.Resolve(*text);
                    if (tail.pattern.ends_with(".gz") || tail.pattern.ends_with(".zst"))
                      reader_.Error(value, at, "a compressed log is finished; give it to stockade replay");
                  }},
                 Position(&tail.position_file),
                 From(&tail.from_begin)});
    tail.name = name_;
    if (tail.pattern.empty()) {
      reader_.Error(node, path, "names no `path`: the log to read");
    } else if (tail.position_file.empty()) {
      WarnOfNoPosition(node, path, "log", tail.from_begin);
    }
    return tail;
  }

  Key Position(std::string* file) {
    return {"position", [this, file](Node value, Path at) {
              if (const std::string* text = reader_.ReadText(value, at)) *file = reader_.Resolve(*text);
              if (!file->empty() && !position_files_.insert(*file).second)
                reader_.Error(value, at, "another source keeps its position there");
            }};
  }
  Key From(bool* from_begin) {
    return {"from", [this, from_begin](Node value, Path at) {
              if (const auto word = reader_.ReadWord(value, at, kFrom)) *from_begin = *word == 1;
            }};
  }

  void WarnOfNoPosition(Node node, Path path, std::string_view what, bool from_begin) {
    reader_.Warn(node, path,
                 from_begin
                     ? Concat("keeps no `position`: every restart reads the ", what, " from its begin again")
                     : "keeps no `position`: what is written while this does not run is not read");
  }

  JournalOptions ReadJournal(Node node, Path path) {
    JournalOptions journal;
    ReadReading(node, path, &journal.reading,
                {{"unit",
                  [&](Node value, Path at) {
                    const auto add = [&](Node item, Path where) {
                      const std::string* text = reader_.ReadText(item, where);
                      if (text == nullptr) return;
                      if (text->find('.') == std::string::npos || text->find('/') != std::string::npos)
                        return reader_.Error(item, where, "must name a unit in full, as ssh.service");
                      journal.units.push_back(*text);
                    };
                    if (value.is_text()) return add(value, at);
                    reader_.ReadList(value, at, add);
                  }},
                 {"directory",
                  [&](Node value, Path at) {
                    if (const std::string* text = reader_.ReadText(value, at))
                      journal.directory = reader_.Resolve(*text);
                  }},
                 Position(&journal.position_file),
                 From(&journal.from_begin)});
    journal.name = name_;
#ifndef STOCKADE_HAS_JOURNAL
    reader_.Error(node, path, "this build reads no journal; build with -DSTOCKADE_JOURNAL=ON");
#endif
    if (journal.units.empty()) {
      reader_.Error(node, path, "names no `unit`: whose messages to read, as ssh.service");
    } else if (journal.position_file.empty()) {
      WarnOfNoPosition(node, path, "journal", journal.from_begin);
    }
    return journal;
  }

  // "udp://127.0.0.1:5514".
  void ReadListen(Node node, Path path, SyslogOptions* syslog) {
    const std::string* text = reader_.ReadText(node, path);
    if (text == nullptr) return;
    for (size_t i = 0; i < std::size(kSyslogTransportNames); ++i) {
      const std::string scheme = Concat(kSyslogTransportNames[i], "://");
      if (!text->starts_with(scheme)) continue;
      const absl::StatusOr<Endpoint> at = ParseEndpoint(std::string_view(*text).substr(scheme.size()));
      if (!at.ok()) return reader_.Error(node, path, FromAbsl(at.status().message()));
      if (at->is_unix() || !Address::Parse(at->host).has_value())
        return reader_.Error(node, path, "must name a numeric address to listen on, as udp://127.0.0.1:5514");
      syslog->transport = static_cast<SyslogTransport>(i);
      syslog->at = *at;
      return;
    }
    reader_.Error(node, path, Concat("'", *text, "' does not begin with udp://, tcp:// or tls://"));
  }

  SyslogOptions ReadSyslog(Node node, Path path) {
    SyslogOptions syslog;
    const YamlNode* tls = nullptr;
    ReadReading(node, path, &syslog.reading,
                {{"listen", [&](Node value, Path at) { ReadListen(value, at, &syslog); }},
                 {"allow",
                  [&](Node value, Path at) {
                    for (const auto& [network, item] : reader_.ReadNetworks(value, at))
                      syslog.allow.push_back(network);
                  }},
                 Number("connections", {1, 65536}, &syslog.connections),
                 Bytes("message_bytes", {480, kSyslogMessageBytesMax}, &syslog.message_bytes),
                 {"tls",
                  [&](Node value, Path at) {
                    tls = &value;
                    reader_.ReadMap(value, at,
                                    {Pem("certificate", &syslog.certificate_file),
                                     Pem("key", &syslog.key_file), Pem("client_ca", &syslog.client_ca_file)});
                  },
                  /*section=*/true}});
    syslog.name = name_;
    const bool is_tls = syslog.transport == SyslogTransport::kTls;
    if (!IsSet(syslog.at)) {
      reader_.Error(node, path, "names no address to `listen` on, as udp://127.0.0.1:5514");
    } else if (is_tls && (syslog.certificate_file.empty() || syslog.key_file.empty())) {
      reader_.Error(tls != nullptr ? *tls : node, path, "tls:// needs tls: {certificate: …, key: …}");
    } else if (!is_tls && tls != nullptr) {
      reader_.Error(*tls, Concat(path, ".tls"), "is for tls:// only");
    } else if (syslog.allow.empty() && syslog.client_ca_file.empty() && !IsLoopback(syslog.at)) {
      reader_.Warn(
          node, path,
          "takes messages from everybody who can reach it, and whoever sends one can have others blocked; "
          "list the senders' networks in `allow`");
    }
    return syslog;
  }

  PushSettings ReadPush(Node node, Path path) {
    PushSettings push;
    PushOptions& options = push.options;
    options.reading = base_;
    options.reading.format = "ndjson";
    options.reading.format_file.clear();
    ReadInputSettings(node, path, &reader_, &options.reading,
                      {{"listen", [&](Node value, Path at) { ReadAddress(value, at, &options.at); }},
                       {"key_file",
                        [&](Node value, Path at) {
                          if (const std::string* text = reader_.ReadText(value, at))
                            push.key_file = reader_.Resolve(*text);
                        }},
                       Bytes("body_bytes", {1024, kPushBodyBytesMax}, &options.body_bytes)});
    options.name = name_;
    if (options.reading.format != "ndjson" && node.is_map() && node.Find("format") != nullptr)
      reader_.Error(*node.Find("format"), Concat(path, ".format"), "what is pushed is ndjson");
    if (!IsSet(options.at)) {
      reader_.Error(node, path, "names no address to `listen` on, as 127.0.0.1:8182");
    } else if (push.key_file.empty() && !IsLoopback(options.at)) {
      reader_.Error(
          node, path,
          "listens beyond this machine without a `key_file`: whoever can push can have others blocked");
    }
    return push;
  }

  Key Pem(std::string_view name, std::string* file) {
    return {name, [this, file](Node value, Path at) { ReadFile(value, at, file); }};
  }

  const SourceOptions& base_;
  std::string name_;
  std::set<std::string> position_files_;
};

}  // namespace

std::vector<LiveSourceSettings> ReadLiveSettings(const YamlNode& node, const std::string& path,
                                                 const SourceOptions& base, GatewayFiles files,
                                                 SettingsReader* reader) {
  return LiveReaderOfSettings(base, files, reader).Read(node, path);
}

}  // namespace stockade
