#include "adapters/firewall/nftables.h"

#include <fcntl.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Of what libnftables says: the kernel's words, and the beginning of the command it means.
constexpr size_t kErrorBytesMax = 240;

// Contexts are apart, but what they stand on (its parser, the library's tables of symbols) is nowhere said to be.
std::mutex& LibraryMutex() {
  static std::mutex mutex;
  return mutex;
}

std::string Said(int error) {
  return std::system_category().message(error);
}

// Without the lines that only point at something above them.
std::string FirstWords(std::string_view error) {
  std::string words;
  while (!error.empty() && words.size() < kErrorBytesMax) {
    const std::string_view line = error.substr(0, error.find('\n'));
    error.remove_prefix(std::min(line.size() + 1, error.size()));
    if (line.find_first_not_of(" ^~-") == std::string_view::npos) continue;
    Append(&words, words.empty() ? "" : " / ", line.substr(0, kErrorBytesMax));
  }
  return words.substr(0, kErrorBytesMax);
}

absl::Status NoNamespace(std::string_view path, int error) {
  const std::string why = Concat("nftables.network_namespace: ", path, ": ", Said(error));
  if (error == EPERM) return absl::PermissionDeniedError(Concat(why, ": this needs CAP_SYS_ADMIN"));
  return absl::UnavailableError(Concat(why, error == ENOENT ? ": `ip netns add` makes one" : ""));
}

absl::Status EnterNamespace(const std::string& name) {
  const std::string path = absl::StrContains(name, '/') ? name : "/run/netns/" + name;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return NoNamespace(path, errno);
  const int error = setns(file, CLONE_NEWNET) == 0 ? 0 : errno;
  close(file);
  return error == 0 ? absl::OkStatus() : NoNamespace(path, error);
}

absl::StatusOr<NftablesChange> ChangeOf(const Order& order, int64_t now_ms) {
  const Decision& decision = *order.decision;
  const auto wrong = [&decision](std::string_view what) {
    return absl::InvalidArgumentError(Concat("nftables: ", Name(decision.action), " ", Name(decision.scope),
                                             " ", decision.value, ": ", what));
  };
  if (decision.action != Action::kBlock || !NamesAddresses(decision.scope))
    return wrong("only blocks of scope ip and range are carried out here");
  // Where only the key is known there is no prefix yet.
  const std::optional<Prefix> prefix =
      decision.prefix.address.present() ? decision.prefix : Prefix::Parse(decision.value);
  if (!prefix) return wrong("is no address or network");
  if (prefix->is_single() != (decision.scope == Scope::kIp))
    return wrong("scope ip is one address, scope range is several");
  if (prefix->length == 0) return wrong("would cut off everybody");
  const bool lasts = order.kind == Order::Kind::kEnforce && decision.until_ms > now_ms;
  if (!lasts) return NftablesChange{*prefix, 0};
  // Not by subtraction of what may be far apart.
  const bool beyond = now_ms < 0 || decision.until_ms - now_ms > kNftablesTimeoutMsMax;
  return NftablesChange{*prefix, beyond ? kNftablesTimeoutMsMax : decision.until_ms - now_ms};
}

// A prefix that two spellings name stands as long as the longer.
void KeepOneEach(std::vector<NftablesChange>* changes) {
  std::sort(changes->begin(), changes->end(), [](const NftablesChange& a, const NftablesChange& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.timeout_ms > b.timeout_ms;
  });
  const auto same = [](const NftablesChange& a, const NftablesChange& b) { return a.prefix == b.prefix; };
  changes->erase(std::unique(changes->begin(), changes->end(), same), changes->end());
}

NftablesReader::Clock::time_point ReadDeadline() {
  return NftablesReader::Clock::now() + absl::ToChronoSeconds(kNftablesReadTime);
}

}  // namespace

void NftablesFirewall::Free::operator()(nft_ctx* context) const {
  const std::lock_guard lock(LibraryMutex());
  nft_ctx_free(context);
}

absl::StatusOr<std::unique_ptr<NftablesFirewall>> NftablesFirewall::Create(NftablesOptions options) {
  RETURN_IF_ERROR(CheckNftablesOptions(options));
  return std::unique_ptr<NftablesFirewall>(new NftablesFirewall(std::move(options)));
}

NftablesFirewall::NftablesFirewall(NftablesOptions options) : options_(std::move(options)) {}
NftablesFirewall::~NftablesFirewall() = default;

Capabilities NftablesFirewall::capabilities() const {
  Capabilities all;
  all.scopes[static_cast<int>(Action::kBlock)] =
      static_cast<uint8_t>(Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange));
  all.expires = true;
  all.lists = true;
  all.batch_max = kNftablesBatchMax;
  return all;
}

absl::Status NftablesFirewall::InNamespace(const std::function<absl::Status()>& work) const {
  if (options_.network_namespace.empty()) return work();
  // A namespace is a thread's, so it takes one: the caller's stays where it is.
  absl::Status result;
  try {
    std::thread([&] {
      result = EnterNamespace(options_.network_namespace);
      if (result.ok()) result = work();
    }).join();
  } catch (const std::system_error& e) {
    return absl::UnavailableError(Concat("nftables: no thread: ", std::string_view(e.what())));
  }
  return result;
}

absl::StatusOr<NftablesTable> NftablesFirewall::Look(NftablesReader::Clock::time_point deadline) {
  if (!reader_) {
    ASSIGN_OR_RETURN(reader_, NftablesReader::Open());
  }
  auto table = reader_->Table(options_.table, deadline);
  // What else may still come through that socket is of no use.
  if (!table.ok()) reader_.reset();
  return table;
}

absl::Status NftablesFirewall::Run(const std::string& commands, bool* missing) {
  const std::lock_guard lock(LibraryMutex());
  if (context_ == nullptr) {
    context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
    if (context_ == nullptr || nft_ctx_buffer_output(context_.get()) != 0 ||
        nft_ctx_buffer_error(context_.get()) != 0) {
      nft_ctx* const half = context_.release();
      if (half != nullptr) nft_ctx_free(half);
      return absl::UnavailableError("nftables: libnftables gives no context: is there memory left?");
    }
  }
  const int failed = nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  // Fetching also empties them.
  nft_ctx_get_output_buffer(context_.get());
  const std::string error(nft_ctx_get_error_buffer(context_.get()));
  if (failed == 0) return absl::OkStatus();

  *missing = absl::StrContains(error, Said(ENOENT)) || absl::StrContains(error, Said(EEXIST)) ||
             absl::StrContains(error, Said(EBUSY));
  const std::string why = Concat("nftables: table inet ", options_.table, ": ", FirstWords(error));
  if (absl::StrContains(error, Said(EPERM)))
    return absl::PermissionDeniedError(Concat(why, ": this needs CAP_NET_ADMIN"));
  if (absl::StrContains(error, Said(ENFILE)))
    return absl::ResourceExhaustedError(
        Concat("nftables: a set of table inet ", options_.table, " is full: raise nftables.elements_max (",
               options_.elements_max, "), or block networks instead of addresses"));
  if (*missing)
    return absl::UnavailableError(Concat(
        why, ": does something else change this table, or lacks the kernel a module (nft_reject_inet)?"));
  return absl::UnavailableError(why);
}

absl::Status NftablesFirewall::Apply(std::span<const Order> orders, int64_t now_ms) {
  std::vector<NftablesChange> changes;
  changes.reserve(orders.size());
  for (const Order& order : orders) {
    ASSIGN_OR_RETURN(const NftablesChange change, ChangeOf(order, now_ms));
    changes.push_back(change);
  }
  if (changes.empty()) return absl::OkStatus();
  KeepOneEach(&changes);
  return InNamespace([&] { return Carry(std::move(changes)); });
}

absl::Status NftablesFirewall::Carry(std::vector<NftablesChange> changes) {
  const auto deadline = ReadDeadline();
  for (int tries = 1;; ++tries) {
    ASSIGN_OR_RETURN(const NftablesTable table, Look(deadline));
    bool missing = false;
    const absl::Status done = Run(NftablesCommands(options_, table, changes), &missing);
    if (absl::IsResourceExhausted(done) && Release(&changes)) continue;
    if (!missing || tries >= kNftablesTriesMax) return done;
  }
}

bool NftablesFirewall::Release(std::vector<NftablesChange>* changes) {
  const size_t before = changes->size();
  std::erase_if(*changes, [this](const NftablesChange& change) {
    if (change.timeout_ms > 0) return false;
    bool missing = false;
    return Run(NftablesDelete(options_, change.prefix), &missing).ok() || missing;
  });
  return changes->size() < before && !changes->empty();
}

absl::StatusOr<std::vector<Enforced>> NftablesFirewall::List(int64_t now_ms) {
  return ListUnless(false, now_ms);
}

absl::StatusOr<std::vector<Enforced>> NftablesFirewall::ListUnless(const std::atomic<bool>& gives_way,
                                                                   int64_t now_ms) {
  std::vector<Enforced> standing;
  RETURN_IF_ERROR(InNamespace([&] { return Read(gives_way, now_ms, &standing); }));
  return standing;
}

absl::Status NftablesFirewall::Read(const std::atomic<bool>& gives_way, int64_t now_ms,
                                    std::vector<Enforced>* standing) {
  const auto deadline = ReadDeadline();
  ASSIGN_OR_RETURN(const NftablesTable table, Look(deadline));
  if (JudgeNftables(options_, table) != NftablesState::kEnforced) return absl::OkStatus();
  const auto begin = std::chrono::steady_clock::now();
  for (const NftablesLength& length : LengthsOf(table)) {
    const size_t before = standing->size();
    const auto on_element = [&](const NftablesSetElement& element) {
      const std::optional<Prefix> prefix = length.PrefixOf(element.key);
      if (!prefix) return;
      Enforced enforced;
      enforced.key.scope = prefix->is_single() ? Scope::kIp : Scope::kRange;
      enforced.key.action = Action::kBlock;
      enforced.key.value = prefix->ToString();
      // The kernel says how much is left, as it comes to the element; one that somebody made without an end has none.
      if (element.left_ms) {
        const auto since = std::chrono::steady_clock::now() - begin;
        enforced.until_ms = now_ms + std::chrono::duration_cast<std::chrono::milliseconds>(since).count() +
                            std::min(*element.left_ms, kNftablesTimeoutMsMax);
      }
      standing->push_back(std::move(enforced));
    };
    const absl::Status read = reader_->Elements(
        options_.table, length.Name(), on_element, [&] { standing->resize(before); }, gives_way, deadline);
    if (!read.ok()) {
      reader_.reset();
      return read;
    }
  }
  return absl::OkStatus();
}

}  // namespace stockade
