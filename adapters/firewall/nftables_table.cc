#include "adapters/firewall/nftables_table.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What the kernel fills at most for one read of a dump.
constexpr size_t kReplyBytesMax = size_t{32} << 10;
// Its own and ours: a header and two names.
constexpr size_t kRequestBytesMax = 1024;
// libnftnl's kind of user data of a rule: "comment", with a zero at its end.
constexpr uint8_t kRuleComment = 0;

absl::Status Failed(int error, std::string_view doing) {
  const std::string why = Concat("nftables: ", doing, ": ", std::system_category().message(error));
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(
          Concat(why, ": this needs CAP_NET_ADMIN (of systemd: AmbientCapabilities=CAP_NET_ADMIN)"));
    case EINVAL:  // what nfnetlink says where nobody has registered for nf_tables
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
      return absl::FailedPreconditionError(
          Concat(why,
                 ": this kernel has no nf_tables: load the module (modprobe nf_tables), on the host if "
                 "this is a container"));
    case EMFILE:
    case ENFILE:
      return absl::UnavailableError(Concat(why, ": raise the limit of open files"));
    default:
      return absl::UnavailableError(why);
  }
}

// The attributes of one level by their number; what is newer than this file is left out.
template <size_t kCount>
class Attributes {
 public:
  explicit Attributes(const nlmsghdr* message) { mnl_attr_parse(message, sizeof(nfgenmsg), Take, this); }
  explicit Attributes(const nlattr* nested) {
    if (nested != nullptr) mnl_attr_parse_nested(nested, Take, this);
  }

  const nlattr* operator[](size_t number) const { return at_[number]; }
  std::string Text(size_t number) const {
    const nlattr* const found = at_[number];
    if (found == nullptr || mnl_attr_validate(found, MNL_TYPE_NUL_STRING) < 0) return "";
    return mnl_attr_get_str(found);
  }
  std::optional<uint32_t> Number(size_t number) const {
    const nlattr* const found = at_[number];
    if (found == nullptr || mnl_attr_validate(found, MNL_TYPE_U32) < 0) return std::nullopt;
    return ntohl(mnl_attr_get_u32(found));
  }
  std::optional<uint64_t> Long(size_t number) const {
    const nlattr* const found = at_[number];
    if (found == nullptr || mnl_attr_validate(found, MNL_TYPE_U64) < 0) return std::nullopt;
    return be64toh(mnl_attr_get_u64(found));
  }

 private:
  static int Take(const nlattr* attribute, void* self) {
    const uint16_t number = mnl_attr_get_type(attribute);
    if (number < kCount) static_cast<Attributes*>(self)->at_[number] = attribute;
    return MNL_CB_OK;
  }
  std::array<const nlattr*, kCount> at_{};
};

// User data are triples of kind, length and value (libnftnl's udata.h).
std::string CommentOf(const nlattr* user_data) {
  if (user_data == nullptr) return "";
  const auto* const bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(user_data));
  const size_t size = mnl_attr_get_payload_len(user_data);
  for (size_t at = 0; at + 2 <= size;) {
    const size_t length = bytes[at + 1];
    if (at + 2 + length > size) break;
    if (bytes[at] == kRuleComment && length > 0) {
      const auto* const text = reinterpret_cast<const char*>(bytes + at + 2);
      return std::string(text, std::find(text, text + length, '\0'));
    }
    at += 2 + length;
  }
  return "";
}

using OnElement = std::function<void(const NftablesSetElement&)>;
// libmnl takes functions of C, and what they work on as an address.
int HandOn(const nlattr* attribute, void* to) {
  const Attributes<NFTA_SET_ELEM_MAX + 1> element(attribute);
  const Attributes<NFTA_DATA_MAX + 1> key(element[NFTA_SET_ELEM_KEY]);
  const nlattr* const value = key[NFTA_DATA_VALUE];
  if (value == nullptr) return MNL_CB_OK;
  NftablesSetElement found;
  found.key = {static_cast<const uint8_t*>(mnl_attr_get_payload(value)), mnl_attr_get_payload_len(value)};
  if (const auto left_ms = element.Long(NFTA_SET_ELEM_EXPIRATION))
    found.left_ms = static_cast<int64_t>(std::min(*left_ms, uint64_t{INT64_MAX}));
  (*static_cast<const OnElement*>(to))(found);
  return MNL_CB_OK;
}

}  // namespace

void NftablesReader::Close::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

absl::StatusOr<NftablesReader> NftablesReader::Open() {
  NftablesReader reader;
  reader.socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (reader.socket_ == nullptr || mnl_socket_bind(reader.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return Failed(errno, "a netlink socket");
  const timeval time = absl::ToTimeval(kNftablesAnswerTime);
  if (setsockopt(mnl_socket_get_fd(reader.socket_.get()), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0)
    return Failed(errno, "a netlink socket's time");
  return reader;
}

absl::Status NftablesReader::Ask(uint16_t message, bool dump, uint16_t table_attribute,
                                 const std::string& table, uint16_t name_attribute, const std::string& name,
                                 const std::function<void(const nlmsghdr*)>& on_message,
                                 const std::atomic<bool>& gives_way, Clock::time_point deadline,
                                 bool* interrupted) {
  alignas(nlmsghdr) std::array<char, kRequestBytesMax> request;
  STOCKADE_CHECK(table.size() + name.size() + 128 < request.size());
  nlmsghdr* const header = mnl_nlmsg_put_header(request.data());
  header->nlmsg_type = static_cast<uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK));
  header->nlmsg_seq = ++sequence_;
  auto* const generic = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  generic->nfgen_family = NFPROTO_INET;
  generic->version = NFNETLINK_V0;
  generic->res_id = 0;
  mnl_attr_put_strz(header, table_attribute, table.c_str());
  if (!name.empty()) mnl_attr_put_strz(header, name_attribute, name.c_str());
  if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0)
    return Failed(errno, "asking the kernel");

  alignas(nlmsghdr) std::array<char, kReplyBytesMax> reply;
  while (true) {
    if (gives_way) return absl::AbortedError("nftables: reading gives way to a release");
    if (Clock::now() > deadline)
      return absl::UnavailableError(
          Concat("nftables: reading table inet ", table, " takes longer than ",
                 absl::ToInt64Seconds(kNftablesReadTime),
                 " s: it holds too much to be compared; block networks instead of addresses"));
    const ssize_t got = mnl_socket_recvfrom(socket_.get(), reply.data(), reply.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(errno, "waiting for the kernel's answer");
    int left = static_cast<int>(got);
    for (auto* at = reinterpret_cast<const nlmsghdr*>(reply.data()); mnl_nlmsg_ok(at, left);
         at = mnl_nlmsg_next(at, &left)) {
      // Of a question before, which ended early.
      if (at->nlmsg_seq != sequence_) continue;
      if ((at->nlmsg_flags & NLM_F_DUMP_INTR) != 0) *interrupted = true;
      if (at->nlmsg_type == NLMSG_DONE) return absl::OkStatus();
      if (at->nlmsg_type == NLMSG_ERROR) {
        if (mnl_nlmsg_get_payload_len(at) < sizeof(nlmsgerr)) return Failed(EBADMSG, "the kernel's answer");
        const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(at))->error;
        if (error == 0) return absl::OkStatus();
        // The table or the set has gone meanwhile: nothing is in it.
        if (error == ENOENT) return absl::NotFoundError("");
        return Failed(error, "reading the table");
      }
      if (at->nlmsg_type >= NLMSG_MIN_TYPE && mnl_nlmsg_get_payload_len(at) >= sizeof(nfgenmsg))
        on_message(at);
    }
  }
}

absl::StatusOr<NftablesTable> NftablesReader::TableOnce(const std::string& name, Clock::time_point deadline,
                                                        bool* interrupted) {
  NftablesTable table;
  const auto on_table = [&table](const nlmsghdr* message) {
    const Attributes<NFTA_TABLE_MAX + 1> of(message);
    table.exists = true;
    table.dormant = (of.Number(NFTA_TABLE_FLAGS).value_or(0) & NFT_TABLE_F_DORMANT) != 0;
  };
  const auto on_chain = [&table, &name](const nlmsghdr* message) {
    const Attributes<NFTA_CHAIN_MAX + 1> of(message);
    if (of.Text(NFTA_CHAIN_TABLE) != name) return;
    NftablesTable::Chain chain;
    chain.name = of.Text(NFTA_CHAIN_NAME);
    if (of[NFTA_CHAIN_HOOK] != nullptr) {
      const Attributes<NFTA_HOOK_MAX + 1> hook(of[NFTA_CHAIN_HOOK]);
      chain.hook = hook.Number(NFTA_HOOK_HOOKNUM);
      chain.priority = static_cast<int32_t>(hook.Number(NFTA_HOOK_PRIORITY).value_or(0));
      chain.accepts = of.Number(NFTA_CHAIN_POLICY).value_or(NF_ACCEPT) == NF_ACCEPT;
    }
    table.chains.push_back(std::move(chain));
  };
  const auto on_rule = [&table, &name](const nlmsghdr* message) {
    const Attributes<NFTA_RULE_MAX + 1> of(message);
    if (of.Text(NFTA_RULE_TABLE) != name) return;
    const std::string chain = of.Text(NFTA_RULE_CHAIN);
    for (NftablesTable::Chain& known : table.chains)
      if (known.name == chain) known.rules.push_back(CommentOf(of[NFTA_RULE_USERDATA]));
  };
  const auto on_set = [&table, &name](const nlmsghdr* message) {
    const Attributes<NFTA_SET_MAX + 1> of(message);
    if (of.Text(NFTA_SET_TABLE) != name) return;
    const uint32_t flags = of.Number(NFTA_SET_FLAGS).value_or(0);
    if ((flags & NFT_SET_ANONYMOUS) != 0) return;  // part of a rule: { tcp, udp }
    const Attributes<NFTA_SET_DESC_MAX + 1> description(of[NFTA_SET_DESC]);
    table.sets.push_back({of.Text(NFTA_SET_NAME), flags, of.Number(NFTA_SET_KEY_LEN).value_or(0),
                          description.Number(NFTA_SET_DESC_SIZE).value_or(0)});
  };
  const auto Once = [&](uint16_t message, bool dump, uint16_t attribute, const auto& on_message) {
    return Ask(message, dump, attribute, name, 0, "", on_message, false, deadline, interrupted);
  };
  absl::Status read = Once(NFT_MSG_GETTABLE, false, NFTA_TABLE_NAME, on_table);
  if (read.ok()) read = Once(NFT_MSG_GETCHAIN, true, NFTA_CHAIN_TABLE, on_chain);
  if (read.ok()) read = Once(NFT_MSG_GETRULE, true, NFTA_RULE_TABLE, on_rule);
  if (read.ok()) read = Once(NFT_MSG_GETSET, true, NFTA_SET_TABLE, on_set);
  if (absl::IsNotFound(read)) return NftablesTable{};
  RETURN_IF_ERROR(read);
  return table;
}

absl::StatusOr<NftablesTable> NftablesReader::Table(const std::string& name, Clock::time_point deadline) {
  for (int reads = 1;; ++reads) {
    bool interrupted = false;
    auto table = TableOnce(name, deadline, &interrupted);
    if (!interrupted || reads == kNftablesReadsMax) return table;
  }
}

absl::Status NftablesReader::Elements(const std::string& table, const std::string& set,
                                      const std::function<void(const NftablesSetElement&)>& on_element,
                                      const std::function<void()>& restart,
                                      const std::atomic<bool>& gives_way, Clock::time_point deadline) {
  const auto on_message = [&on_element](const nlmsghdr* message) {
    const Attributes<NFTA_SET_ELEM_LIST_MAX + 1> of(message);
    const nlattr* const list = of[NFTA_SET_ELEM_LIST_ELEMENTS];
    if (list != nullptr) mnl_attr_parse_nested(list, HandOn, const_cast<OnElement*>(&on_element));
  };
  for (int reads = 1;; ++reads) {
    bool interrupted = false;
    const absl::Status read = Ask(NFT_MSG_GETSETELEM, true, NFTA_SET_ELEM_LIST_TABLE, table,
                                  NFTA_SET_ELEM_LIST_SET, set, on_message, gives_way, deadline, &interrupted);
    if (absl::IsNotFound(read)) {
      restart();
      return absl::OkStatus();
    }
    if (!read.ok() || !interrupted || reads == kNftablesReadsMax) return read;
    restart();
  }
}

}  // namespace stockade
