// From decision to enforcement, adapter by adapter: the time from the moment a change leaves the ledger until the real other
// side has confirmed it, at 1, 1,000 and 20,000 decisions a second.
//
// Each adapter works behind its delivery, as in a running gate: the kernel's nftables in a network namespace of this process's
// own (needs root), a HAProxy of its own, a receiver of webhooks that answers over loopback, a command, a file on disk, and
// the table that CrowdSec's bouncers are answered from. What cannot keep up falls behind, and its times then say how far:
// the bench waits for all of it at the end, and checks that all of it stands.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/firewall/crowdsec_view.h"
#include "adapters/firewall/delivery.h"
#include "adapters/firewall/exec_command.h"
#include "adapters/firewall/haproxy_runtime.h"
#include "adapters/firewall/list_file.h"
#include "adapters/firewall/nftables.h"
#include "adapters/firewall/webhook.h"
#include "adapters/http/http_service.h"
#include "bench/measure.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using SteadyClock = std::chrono::steady_clock;
using MakeFirewall = std::function<std::unique_ptr<Firewall>()>;

Decision MakeDecision(size_t number) {
  Decision decision;
  decision.id = Concat("bench", number);
  decision.scope = Scope::kIp;
  decision.value =
      Concat(10 + (number >> 24), ".", (number >> 16) & 255, ".", (number >> 8) & 255, ".", number & 255);
  decision.prefix = *Prefix::Parse(decision.value);
  decision.time_ms = MachineTime().wall_ms;
  decision.until_ms = decision.time_ms + 3'600'000;
  decision.rule = "many_accounts";
  decision.reason = "23 of user.name within 10m (gte 20)";
  return decision;
}

void Pace(const std::string& name, const MakeFirewall& make, int64_t rate, int64_t seconds) {
  StandingOrders standing({});
  auto started = Delivery::Start(name, make(), &standing, {}, [](std::string_view text) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  });
  STOCKADE_CHECK(started.ok());
  Delivery& delivery = **started;
  STOCKADE_CHECK(delivery.WaitIdle(absl::Seconds(30)));
  const int64_t count = rate * seconds;
  const int64_t burst = std::max<int64_t>(rate / 1000, 1);
  const auto pause = std::chrono::nanoseconds(1'000'000'000 / rate * burst);
  std::vector<Change> changes(static_cast<size_t>(count));
  for (size_t i = 0; i < changes.size(); ++i) changes[i].decision = MakeDecision(i);
  const auto begin = SteadyClock::now();
  auto next = begin;
  for (int64_t i = 0; i < count; ++i) {
    if (i % burst == 0) std::this_thread::sleep_until(next += pause);
    standing.Take({&changes[static_cast<size_t>(i)], 1});
  }
  const bool caught_up = delivery.WaitIdle(absl::Seconds(60));
  const double took = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  const DeliveryFigures figures = delivery.Figures();
  delivery.Stop();
  std::printf("%-10s %7ld  %9.2f  %9.2f  %9.0f  %s\n", name.c_str(), static_cast<long>(rate),
              static_cast<double>(figures.delay.QuantileUs(0.5)) / 1e3,
              static_cast<double>(figures.delay.QuantileUs(0.99)) / 1e3,
              static_cast<double>(figures.enforced) / took,
              caught_up && figures.enforced == figures.decided ? "all stand" : "NOT ALL STAND");
  std::fflush(stdout);
}

// A HAProxy with one empty map, and its socket.
class Haproxy {
 public:
  explicit Haproxy(const std::filesystem::path& folder) : socket_((folder / "haproxy.sock").string()) {
    map_ = (folder / "block.map").string();
    std::ofstream(map_).close();
    const std::string config = (folder / "haproxy.cfg").string();
    std::ofstream(config)
        << "global\n  stats socket " << socket_ << " mode 600 level admin\ndefaults\n  mode http\n"
        << "  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\nfrontend f\n  bind unix@"
        << (folder / "front.sock").string() << "\n  http-request deny if { src,map_ip(" << map_
        << ") -m found }\n  http-request return status 200\n";
    child_ = fork();
    if (child_ == 0) {
      execl("/usr/sbin/haproxy", "haproxy", "-db", "-q", "-f", config.c_str(), nullptr);
      _exit(127);
    }
    for (int i = 0; i < 500 && !std::filesystem::exists(socket_); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ~Haproxy() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  HaproxyOptions options() const {
    HaproxyOptions options;
    options.socket.unix_path = socket_;
    options.maps = {{Action::kBlock, HaproxyMapOptions::Holds::kAddresses, map_}};
    return options;
  }

 private:
  std::string socket_, map_;
  pid_t child_ = 0;
};

void PaceAll(const std::string& name, const MakeFirewall& make,
             const std::vector<int64_t>& rates = {1, 1000, 20'000}) {
  for (const int64_t rate : rates) Pace(name, make, rate, rate == 1 ? 5 : 3);
}

int Main() {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / Concat("stockade_enforcement_", getpid());
  std::filesystem::create_directories(folder);
  std::printf(
      "%s\n\nfrom decision to enforcement, ms\nfirewall       a s        p50        p99   enforced/s\n",
      LoadText().c_str());
  PaceAll("crowdsec", [] { return std::make_unique<CrowdsecView>(MachineTime().wall_ms); });
  ListFileOptions list;
  list.path = (folder / "deny.conf").string();
  list.format = ListFormat::kNginxDeny;
  list.write_every = absl::Milliseconds(100);
  PaceAll("file", [&] { return std::make_unique<ListFile>(list); });

  HttpServiceOptions receiver_options;
  receiver_options.at.host = "127.0.0.1";
  receiver_options.body_bytes_max = size_t{2} << 20;
  auto receiver = HttpService::Start(receiver_options, [](const ServiceRequest&) {
    return ServiceReply{204, {}, ""};
  });
  STOCKADE_CHECK(receiver.ok());
  std::ofstream(folder / "secret") << "0123456789abcdef0123456789abcdef";
  WebhookOptions webhook;
  webhook.url = Concat("http://127.0.0.1:", (*receiver)->port(), "/orders");
  webhook.post.secret_file = (folder / "secret").string();
  PaceAll("webhook", [&] { return std::make_unique<Webhook>(webhook); });

  ExecOptions exec;
  exec.command = {"/bin/true"};
  exec.each = ExecOptions::Each::kBatch;
  PaceAll("exec", [&] { return std::make_unique<ExecCommand>(exec); });

  if (std::filesystem::exists("/usr/sbin/haproxy")) {
    PaceAll("haproxy", [&] {
      static std::unique_ptr<Haproxy> haproxy;
      haproxy.reset();
      std::filesystem::remove(folder / "haproxy.sock");
      haproxy = std::make_unique<Haproxy>(folder);
      return std::make_unique<HaproxyRuntime>(haproxy->options());
    });
  }
  // Last, for all that follows lives in it.
  if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0) {
    int table = 0;
    PaceAll("nftables", [&] {
      NftablesOptions options;
      options.table = Concat("stockade", ++table);
      auto made = NftablesFirewall::Create(options);
      STOCKADE_CHECK(made.ok());
      return *std::move(made);
    });
  } else {
    std::printf("nftables   left out: needs root, for a network namespace\n");
  }
  std::printf("\n%s\n", LoadText().c_str());
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace stockade

int main() {
  return stockade::Main();
}
