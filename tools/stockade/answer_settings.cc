// The section `gateway.answers`: what a stopped login is told.
#include <limits>
#include <utility>

#include "adapters/gateway/answer.h"
#include "engine/text.h"
#include "tools/stockade/gateway_settings.h"

namespace stockade {
namespace {

// A page; it is held in memory and sent whole.
constexpr size_t kBodyBytesMax = size_t{256} << 10;
// RFC 9110 sets no bound; a day is forever at a login.
constexpr absl::Duration kRetryMax = absl::Hours(24);

using Node = const YamlNode&;
using Path = const std::string&;

class AnswerReader {
 public:
  AnswerReader(GatewayFiles files, SettingsReader* reader) : files_(files), reader_(*reader) {}

  void Read(Node node, Path path, AnswerSettings* answer) {
    reader_.ReadMap(node, path,
                    {
                        {"status",
                         [&](Node value, Path at) {
                           if (const auto read = reader_.ReadNumber(value, at, {200, 599}))
                             answer->status = static_cast<int>(*read);
                         }},
                        {"headers", [&](Node value, Path at) { ReadHeaders(value, at, answer); }},
                        {"body",
                         [&](Node value, Path at) {
                           if (value.is_text()) {
                             answer->body = value.text;  // may be empty
                           } else {
                             reader_.Error(value, at, "must be a text");
                           }
                         }},
                        {"body_file", [&](Node value, Path at) { ReadBodyFile(value, at, answer); }},
                        {"content_type",
                         [&](Node value, Path at) {
                           if (const std::string* text = reader_.ReadText(value, at))
                             answer->content_type = *text;
                         }},
                        {"retry_after",
                         [&](Node value, Path at) {
                           const auto span = reader_.ReadSpan(value, at, {absl::ZeroDuration(), kRetryMax});
                           if (!span) return;
                           answer->retry_after_seconds.reset();
                           if (*span > absl::ZeroDuration())
                             answer->retry_after_seconds =
                                 static_cast<int>(absl::ToInt64Seconds(absl::Ceil(*span, absl::Seconds(1))));
                         }},
                        {"redirect",
                         [&](Node value, Path at) {
                           if (const std::string* text = reader_.ReadText(value, at))
                             answer->redirect = *text;
                         }},
                    });
    if (!node.is_map()) return;
    if (node.Find("body") != nullptr && node.Find("body_file") != nullptr)
      reader_.Error(node.FindEntry("body_file")->key, Concat(path, ".body_file"),
                    "body is set too; keep one of them");
    const bool redirects = node.Find("redirect") != nullptr;
    if (redirects && node.Find("status") == nullptr) answer->status = 303;
    // Whoever is sent on need not read why.
    if (redirects && node.Find("body") == nullptr && node.Find("body_file") == nullptr) answer->body.clear();
    if (redirects && answer->status / 100 != 3)
      reader_.Error(*node.Find("status"), Concat(path, ".status"),
                    "is none of a redirect; write 303, or delete the line");
    if (const absl::Status status = ValidateAnswer(*answer); !status.ok()) Refuse(node, path, status);
  }

 private:
  // "headers.X: what" at the key it speaks of.
  void Refuse(Node node, Path path, const absl::Status& status) {
    const std::string_view message = FromAbsl(status.message());
    const size_t colon = std::min(message.find(": "), message.size());
    const std::string_view key = message.substr(0, colon);
    const size_t dot = std::min(key.find('.'), key.size());
    const YamlEntry* at = node.FindEntry(key.substr(0, dot));
    if (at != nullptr && dot < key.size()) {
      if (const YamlEntry* below = at->value.FindEntry(key.substr(dot + 1))) at = below;
    }
    if (at == nullptr && key == "body") at = node.FindEntry("body_file");
    reader_.Error(at != nullptr ? at->key : node, Concat(path, ".", key),
                  message.substr(std::min(colon + 2, message.size())));
  }
  void ReadHeaders(Node node, Path path, AnswerSettings* answer) {
    if (!node.is_map()) {
      reader_.Error(node, path, "must be a map: name of the field → its value");
      return;
    }
    answer->headers.clear();
    for (const YamlEntry& entry : node.entries) {
      const std::string* text = reader_.ReadText(entry.value, Concat(path, ".", entry.key.text));
      if (text != nullptr) answer->headers.emplace_back(entry.key.text, *text);
    }
  }
  void ReadBodyFile(Node node, Path path, AnswerSettings* answer) {
    const std::string* name = reader_.ReadText(node, path);
    if (name == nullptr || files_ == GatewayFiles::kNotLookedAt) return;
    absl::StatusOr<std::string> text = ReadWholeFile(reader_.Resolve(*name), kBodyBytesMax);
    if (text.ok()) {
      answer->body = *std::move(text);
    } else {
      reader_.Error(node, path, FromAbsl(text.status().message()));
    }
  }

  const GatewayFiles files_;
  SettingsReader& reader_;
};

}  // namespace

AnswersSettings ReadAnswersSettings(const YamlNode& node, const std::string& path, GatewayFiles files,
                                    SettingsReader* reader) {
  AnswersSettings answers;
  AnswerReader answer_reader(files, reader);
  const auto key = [&](std::string_view name, AnswerSettings* answer) {
    return SettingsReader::Key{
        name, [&answer_reader, answer](Node value, Path at) { answer_reader.Read(value, at, answer); }};
  };
  reader->ReadMap(
      node, path,
      {key("deny", &answers.deny), key("throttle", &answers.throttle),
       key("challenge_human", &answers.challenge_human),
       key("challenge_identity", &answers.challenge_identity), key("certificate", &answers.certificate),
       key("certificate_expired", &answers.certificate_expired), key("unavailable", &answers.unavailable)});
  return answers;
}

}  // namespace stockade
