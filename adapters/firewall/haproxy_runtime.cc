#include "adapters/firewall/haproxy_runtime.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/firewall/haproxy_call.h"
#include "adapters/firewall/haproxy_map.h"
#include "adapters/firewall/haproxy_table.h"
#include "adapters/firewall/haproxy_text.h"
#include "adapters/firewall/variants.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr Action kActions[] = {Action::kChallenge, Action::kThrottle, Action::kBlock, Action::kLock};
constexpr Scope kScopes[] = {Scope::kIp, Scope::kRange, Scope::kAsn, Scope::kFingerprint, Scope::kAccount};
// As many as build one map of this size anew in well below a call's time.
constexpr size_t kBatchMax = 10'000;

// Whether the map of these options holds values of `scope`.
bool Holds(HaproxyMapOptions::Holds holds, Scope scope) {
  switch (holds) {
    case HaproxyMapOptions::Holds::kAddresses:
      return NamesAddresses(scope);
    case HaproxyMapOptions::Holds::kAsns:
      return scope == Scope::kAsn;
    case HaproxyMapOptions::Holds::kFingerprints:
      return scope == Scope::kFingerprint;
    case HaproxyMapOptions::Holds::kAccounts:
      return scope == Scope::kAccount;
  }
  return false;
}

// The lines of `show info` that another process, or the same after a restart, would give differently.
std::string ProcessOf(std::string_view info) {
  std::string process;
  while (!info.empty()) {
    const size_t end = std::min(info.find('\n'), info.size());
    const std::string_view line = info.substr(0, end);
    if (line.starts_with("Pid: ") || line.starts_with("Start_time_sec: ")) Append(&process, line, "\n");
    info.remove_prefix(std::min(end + 1, info.size()));
  }
  return process;
}

}  // namespace

absl::Status CheckHaproxyOptions(const HaproxyOptions& options) {
  RETURN_IF_ERROR(CheckHaproxyEndpoint(options.socket));
  if (options.maps.empty() && options.tables.empty())
    return absl::InvalidArgumentError("maps: HAProxy is given neither a map nor a table, and nothing to do");
  for (size_t i = 0; i < options.maps.size(); ++i) {
    const HaproxyMapOptions& one = options.maps[i];
    if (!IsPlainWord(one.map)) {
      return absl::InvalidArgumentError(
          Concat("maps: map: '", PrintableText(one.map),
                 "' is no file that HAProxy can be told of (spaces, ;, \\, <, #, @)"));
    }
    for (size_t j = 0; j < i; ++j) {
      const HaproxyMapOptions& other = options.maps[j];
      if (other.map == one.map)
        return absl::InvalidArgumentError(Concat("maps: ", one.map, " is named twice; use a map for each"));
      if (other.action == one.action && other.holds == one.holds)
        return absl::InvalidArgumentError(Concat("maps: ", other.map, " and ", one.map,
                                                 " would hold the same decisions (", Name(one.action), ")"));
    }
  }
  for (size_t i = 0; i < options.tables.size(); ++i) {
    const HaproxyTableOptions& one = options.tables[i];
    if (!IsPlainWord(one.table) || one.table.find(',') != std::string::npos)
      return absl::InvalidArgumentError(
          Concat("tables: table: '", PrintableText(one.table), "' is no name of a section of HAProxy's"));
    if (one.counter != "gpc0" && one.counter != "gpc1" && one.counter != "gpt0") {
      return absl::InvalidArgumentError(
          Concat("tables: counter: '", PrintableText(one.counter), "' is none of gpc0, gpc1, gpt0"));
    }
    if (one.action != Action::kBlock && one.action != Action::kThrottle) {
      return absl::InvalidArgumentError(
          Concat("tables: action: a counter cannot tell the kinds of a ", Name(one.action), "; use a map"));
    }
    for (size_t j = 0; j < i; ++j) {
      const HaproxyTableOptions& other = options.tables[j];
      if (other.action == one.action || (other.table == one.table && other.counter == one.counter)) {
        return absl::InvalidArgumentError(
            Concat("tables: ", other.table, " and ", one.table, " would hold the same decisions"));
      }
    }
  }
  if (options.answer_time <= absl::ZeroDuration() || options.call_time < options.answer_time ||
      options.call_time >= Firewall::kCallTimeMax)
    return absl::InvalidArgumentError(
        "answer_time must be above 0 and at most call_time, and call_time below 30s");
  return absl::OkStatus();
}

struct HaproxyRuntime::State {
  explicit State(HaproxyOptions given) : options(std::move(given)) {
    for (const HaproxyMapOptions& one : options.maps) {
      Scope other = Scope::kIp;
      for (const Scope scope : kScopes)
        if (Holds(one.holds, scope)) other = scope;
      maps.emplace_back(one.map, one.action, one.holds == HaproxyMapOptions::Holds::kAddresses, other);
    }
    for (const HaproxyTableOptions& one : options.tables)
      tables.emplace_back(one.table, one.counter, one.action);
  }

  // Which table or map carries these; nothing: none.
  std::optional<size_t> TableOf(Action action, Scope scope) const {
    if (scope != Scope::kIp) return std::nullopt;
    for (size_t i = 0; i < options.tables.size(); ++i)
      if (options.tables[i].action == action) return i;
    return std::nullopt;
  }
  std::optional<size_t> MapOf(Action action, Scope scope) const {
    for (size_t i = 0; i < options.maps.size(); ++i)
      if (options.maps[i].action == action && Holds(options.maps[i].holds, scope)) return i;
    return std::nullopt;
  }

  // How the maps stand, in the order of `maps`; those of another process are forgotten.
  absl::StatusOr<std::vector<MapState>> Look(const HaproxyCall& call) {
    std::vector<MapState> states;
    if (maps.empty()) return states;
    ASSIGN_OR_RETURN(const std::string text, call.Ask("show info;show map\n"));
    if (text.starts_with("Permission denied")) return HaproxyError("Permission denied", "show info");
    ASSIGN_OR_RETURN(const std::vector<std::string_view> answers, SplitAnswers(text, 2));
    std::string now = ProcessOf(answers[0]);
    if (now.empty())
      return absl::UnavailableError(
          Concat("socket: ", ToString(options.socket), " does not answer as HAProxy does"));
    if (now != process) {
      for (HaproxyMap& map : maps) map.Forget();
      process = std::move(now);
    }
    for (const HaproxyMap& map : maps) {
      const std::optional<MapState> state = FindMapState(answers[1], map.map());
      if (!state) return HaproxyError("Unknown map identifier", map.map());
      states.push_back(*state);
    }
    return states;
  }

  HaproxyOptions options;
  std::vector<HaproxyMap> maps;
  std::vector<HaproxyTable> tables;
  std::string process;
};

HaproxyRuntime::HaproxyRuntime(HaproxyOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
HaproxyRuntime::~HaproxyRuntime() = default;

Capabilities HaproxyRuntime::capabilities() const {
  Capabilities can;
  for (const Action action : kActions)
    for (const Scope scope : kScopes)
      if (state_->TableOf(action, scope) || state_->MapOf(action, scope))
        can.scopes[static_cast<int>(action)] |= Capabilities::Bit(scope);
  can.lists = true;
  can.batch_max = kBatchMax;
  return can;
}

absl::Status HaproxyRuntime::Apply(std::span<const Order> orders, int64_t) {
  State& state = *state_;
  std::vector<std::vector<HaproxyMap::Change>> on_maps(state.maps.size());
  std::vector<std::vector<HaproxyTable::Change>> on_tables(state.tables.size());
  absl::Status refused;
  for (const Order& order : orders) {
    const Decision& decision = *order.decision;
    const bool enforce = order.kind == Order::Kind::kEnforce;
    // What no command can carry never stood there either.
    const auto refuse = [&](std::string_view why) {
      if (enforce) {
        refused = absl::InvalidArgumentError(
            Concat("HAProxy: ", Name(decision.scope), " '", PrintableText(decision.value), "' ", why));
      }
    };
    if (const auto table = state.TableOf(decision.action, decision.scope)) {
      if (SpellsNetwork(decision.scope, decision.value)) {
        on_tables[*table].push_back({enforce, *Address::Parse(decision.value)});
      } else {
        refuse("is not spelled as an address");
      }
      // From before there was a table, the map may hold it still.
      const auto map = state.MapOf(decision.action, decision.scope);
      if (map && !enforce && IsHaproxyKey(decision.value))
        on_maps[*map].push_back({false, OrderKey::Of(decision), {}});
    } else if (const auto map = state.MapOf(decision.action, decision.scope)) {
      const bool is_network = NamesAddresses(decision.scope);
      if (!IsHaproxyKey(decision.value)) {
        refuse("has control characters or is too long, which its runtime API cannot carry");
      } else if (enforce && is_network && !SpellsNetwork(decision.scope, decision.value)) {
        refuse("is not spelled as an address or network");
      } else {
        on_maps[*map].push_back(
            {enforce, OrderKey::Of(decision),
             state.options.value == HaproxyOptions::Value::kRule ? decision.rule : decision.id});
      }
    }
  }
  const HaproxyCall call(state.options.socket, state.options.answer_time, state.options.call_time);
  ASSIGN_OR_RETURN(const std::vector<MapState> states, state.Look(call));
  for (size_t i = 0; i < on_maps.size(); ++i)
    if (!on_maps[i].empty()) RETURN_IF_ERROR(state.maps[i].Apply(call, states[i], on_maps[i]));
  for (size_t i = 0; i < on_tables.size(); ++i) {
    const absl::Status status = state.tables[i].Apply(call, on_tables[i]);
    if (status.code() == absl::StatusCode::kInvalidArgument) {
      refused = status;
    } else if (!status.ok()) {
      return status;
    }
  }
  return refused;
}

absl::StatusOr<std::vector<Enforced>> HaproxyRuntime::List(int64_t) {
  State& state = *state_;
  const HaproxyCall call(state.options.socket, state.options.answer_time, state.options.call_time);
  ASSIGN_OR_RETURN(const std::vector<MapState> states, state.Look(call));
  std::vector<Enforced> standing;
  for (size_t i = 0; i < state.maps.size(); ++i)
    RETURN_IF_ERROR(state.maps[i].List(call, states[i], &standing));
  for (HaproxyTable& table : state.tables) RETURN_IF_ERROR(table.List(call, &standing));
  return standing;
}

}  // namespace stockade
