#include "adapters/firewall/crowdsec_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "adapters/firewall/file_replacement.h"
#include "engine/event/digits.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Longer is no line of ours: an account's name is the longest thing in one.
constexpr size_t kLineBytesMax = size_t{64} << 10;

void AppendWord(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != 0x7f && byte != '%') {
      out->push_back(c);
      continue;
    }
    out->push_back('%');
    out->push_back(kDigits[byte >> 4]);
    out->push_back(kDigits[byte & 15]);
  }
}

std::optional<std::string> ReadWord(absl::string_view word) {
  std::string text;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      text.push_back(word[i]);
      continue;
    }
    if (word.size() - i < 3 || HexDigit(word[i + 1]) < 0 || HexDigit(word[i + 2]) < 0) return std::nullopt;
    text.push_back(static_cast<char>(HexDigit(word[i + 1]) * 16 + HexDigit(word[i + 2])));
    i += 2;
  }
  return text;
}

template <typename Word, size_t N>
bool ReadName(absl::string_view text, const std::string_view (&names)[N], Word* word) {
  const auto found = std::find(std::begin(names), std::end(names), FromAbsl(text));
  if (found == std::end(names)) return false;
  *word = static_cast<Word>(found - std::begin(names));
  return true;
}

}  // namespace

void AppendStateLine(const Order& order, std::string* out) {
  const Decision& decision = *order.decision;
  const bool enforces = order.kind == Order::Kind::kEnforce;
  if (enforces) {
    Append(out, "+ ", decision.until_ms, " ");
    // An absent id is a word, too.
    AppendWord(decision.id.empty() ? "0" : std::string_view(decision.id), out);
    out->push_back(' ');
  } else {
    out->append("- ");
  }
  Append(out, Name(decision.action), " ", Name(decision.scope), " ", Name(decision.challenge_kind), " ",
         decision.all_lanes ? "all" : "one", " ");
  if (enforces) {
    AppendWord(decision.rule, out);
    out->push_back(' ');
  }
  AppendWord(decision.value, out);
  out->push_back('\n');
}

bool ParseStateLine(std::string_view line, Order* order, Decision* decision) {
  const std::vector<absl::string_view> words = absl::StrSplit(ToAbsl(line), ' ');
  const bool enforces = words[0] == "+";
  if (words.size() != (enforces ? 9U : 6U) || (!enforces && words[0] != "-")) return false;
  size_t next = 1;
  *decision = Decision();
  if (enforces) {
    std::optional<std::string> id = ReadWord(words[2]);
    if (!absl::SimpleAtoi(words[1], &decision->until_ms) || !id) return false;
    decision->id = *std::move(id);
    next = 3;
  }
  if (!ReadName(words[next], kActionNames, &decision->action) ||
      !ReadName(words[next + 1], kScopeNames, &decision->scope) ||
      !ReadName(words[next + 2], kChallengeKindNames, &decision->challenge_kind))
    return false;
  decision->all_lanes = words[next + 3] == "all";
  next += 4;
  if (enforces) {
    std::optional<std::string> rule = ReadWord(words[next++]);
    if (!rule) return false;
    decision->rule = *std::move(rule);
  }
  std::optional<std::string> value = ReadWord(words[next]);
  if (!value) return false;
  decision->value = *std::move(value);
  *order = {enforces ? Order::Kind::kEnforce : Order::Kind::kRelease, decision};
  return true;
}

CrowdsecState::~CrowdsecState() {
  if (fd_ >= 0) close(fd_);
}

absl::Status CrowdsecState::Read(const std::function<void(const Order&)>& visit) {
  const int fd = open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return absl::OkStatus();
  if (fd < 0) return absl::ErrnoToStatus(errno, file_ + ": cannot be opened");
  std::string text;
  std::string buffer(size_t{256} << 10, '\0');
  absl::Status failed;
  Order order;
  Decision decision;
  while (true) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) failed = absl::ErrnoToStatus(errno, file_ + ": cannot be read");
    if (size <= 0) break;
    text.append(buffer, 0, static_cast<size_t>(size));
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      if (end - begin <= kLineBytesMax &&
          ParseStateLine(std::string_view(text).substr(begin, end - begin), &order, &decision))
        visit(order);
    text.erase(0, begin);
    // The begin of a line without end: what is left of it will be no line either.
    if (text.size() > kLineBytesMax) text.assign(1, '?');
  }
  close(fd);
  return failed;
}

absl::Status CrowdsecState::Rewrite(std::string_view lines) {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  RETURN_IF_ERROR(ReplaceFile(file_, lines));
  fd_ = open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) return absl::ErrnoToStatus(errno, file_ + ": cannot be opened");
  bytes_ = lines.size();
  return absl::OkStatus();
}

absl::Status CrowdsecState::Append(std::string_view lines) {
  if (fd_ < 0) return absl::FailedPreconditionError(file_ + ": is not open");
  bytes_ += lines.size();
  RETURN_IF_ERROR(WriteAllTo(fd_, lines, file_));
  if (fdatasync(fd_) != 0) return absl::ErrnoToStatus(errno, file_ + ": cannot be synced");
  return absl::OkStatus();
}

}  // namespace stockade
