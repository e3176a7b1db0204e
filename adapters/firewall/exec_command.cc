#include "adapters/firewall/exec_command.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <system_error>
#include <thread>

#include "absl/strings/ascii.h"
#include "adapters/firewall/carrier.h"
#include "adapters/firewall/run_command.h"
#include "adapters/firewall/variants.h"
#include "adapters/firewall/webhook_text.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr absl::Duration kTimeoutMax = absl::Seconds(20);
constexpr int kAtOnceMax = 16;
// All runs of a batch, at their slowest, and something to spare below Firewall::kCallTimeMax.
constexpr absl::Duration kRunsTime = absl::Seconds(26);

// A run at its slowest.
absl::Duration RunTime(const ExecOptions& options) {
  return options.timeout + 2 * kKillTime;
}

}  // namespace

absl::Status CheckExecOptions(const ExecOptions& options) {
  RETURN_IF_ERROR(CheckArgv("command", options.command));
  for (const auto& [name, value] : options.environment) {
    const bool is_name = !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
                         std::all_of(name.begin(), name.end(), [](char c) {
                           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
                         });
    if (!is_name || name.starts_with("STOCKADE_") || value.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          Concat("environment: '", PrintableText(name),
                 "': a name has letters, digits and _, and does not begin with STOCKADE_"));
    }
  }
  if (options.timeout < absl::Milliseconds(10) || options.timeout > kTimeoutMax)
    return absl::InvalidArgumentError("timeout: from 10ms to 20s");
  if (options.at_once < 1 || options.at_once > kAtOnceMax)
    return absl::InvalidArgumentError("at_once: from 1 to 16");
  return absl::OkStatus();
}

ExecCommand::ExecCommand(ExecOptions options) : options_(std::move(options)) {}

Capabilities ExecCommand::capabilities() const {
  Capabilities can = CarrierOf(options_.actions, options_.scopes);
  can.batch_max = kBatchMax;
  if (options_.each == ExecOptions::Each::kOrder) {
    // As many as end in time even where each of them hangs: a batch that never ended in time would never be carried out.
    const auto rounds = static_cast<size_t>(std::max<int64_t>(1, kRunsTime / RunTime(options_)));
    can.batch_max = rounds * static_cast<size_t>(options_.at_once);
  }
  return can;
}

absl::Status ExecCommand::RunOrder(const Order& order, int64_t now_ms) const {
  const Decision& decision = *order.decision;
  const bool enforce = order.kind == Order::Kind::kEnforce;
  const bool has_kind = decision.action == Action::kChallenge || decision.action == Action::kLock;
  const std::string_view kind =
      has_kind ? VariantName(decision.action, VariantOf(OrderKey::Of(decision))) : std::string_view();
  const int64_t left_ms = enforce ? std::max<int64_t>(decision.until_ms - now_ms, 0) : 0;
  CommandCall command;
  command.argv = options_.command;
  command.environment = options_.environment;
  const std::pair<std::string_view, std::string> variables[] = {
      {"STOCKADE_ORDER", enforce ? "enforce" : "release"},
      {"STOCKADE_ACTION", std::string(Name(decision.action))},
      {"STOCKADE_KIND", std::string(kind)},
      {"STOCKADE_SCOPE", std::string(Name(decision.scope))},
      {"STOCKADE_VALUE", decision.value},
      {"STOCKADE_UNTIL", enforce ? FormatTimeMs(decision.until_ms) : std::string()},
      {"STOCKADE_SECONDS", Concat((left_ms + 999) / 1000)},
      {"STOCKADE_RULE", decision.rule},
      {"STOCKADE_ID", decision.id}};
  for (const auto& [name, value] : variables) command.environment.emplace_back(name, value);
  const std::string input = OrderJson(order) + "\n";
  command.input = input;
  command.timeout = options_.timeout;
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command));
  return ToStatus(command, result);
}

absl::Status ExecCommand::Apply(std::span<const Order> orders, int64_t now_ms) {
  if (orders.empty()) return absl::OkStatus();
  if (options_.each == ExecOptions::Each::kBatch) {
    std::string input;
    for (const Order& order : orders) Append(&input, OrderJson(order), "\n");
    CommandCall command;
    command.argv = options_.command;
    command.environment = options_.environment;
    command.environment.emplace_back("STOCKADE_ORDERS", Concat(orders.size()));
    command.input = input;
    command.timeout = options_.timeout;
    ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command));
    return ToStatus(command, result);
  }
  std::mutex mutex;
  absl::Status worst;  // guarded by mutex
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next.fetch_add(1); i < orders.size(); i = next.fetch_add(1)) {
      const absl::Status status = RunOrder(orders[i], now_ms);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      // What may yet succeed comes again whole; only then what never will is looked for.
      if (worst.ok() || worst.code() == absl::StatusCode::kInvalidArgument) worst = status;
    }
  };
  std::vector<std::thread> beside;
  const size_t threads = std::min(orders.size(), static_cast<size_t>(options_.at_once));
  for (size_t i = 1; i < threads; ++i) {
    try {
      beside.emplace_back(work);
    } catch (const std::system_error&) {
      break;  // then with fewer
    }
  }
  work();
  for (std::thread& thread : beside) thread.join();
  return worst;
}

absl::StatusOr<std::vector<Enforced>> ExecCommand::List(int64_t) {
  return absl::UnimplementedError("a command cannot be asked what stands");
}

}  // namespace stockade
