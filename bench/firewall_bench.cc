// How fast blocks reach the kernel, in a network namespace that this bench makes for itself (needs root).
//
//   BM_PlainAdd       the floor: libnftables adding elements that are not there, and nothing else
//   BM_Apply          the firewall: it looks at the table, and takes elements that may be there or not
//   BM_Refresh        the same of elements that are there
//   BM_ApplyToPacket  one block, from the call until a packet from there is dropped; p50 and p99 over all iterations
//   BM_List           reading all back
//
// Before anything is timed, a packet shows that what is applied is enforced and what is released is not. Wall time: the
// kernel's work is part of it, whoever does it.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "adapters/firewall/nftables.h"
#include "bench/measure.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr uint32_t kFirst = 0x0a000000;  // 10.0.0.0

int64_t NowMs() {
  return absl::ToUnixMillis(absl::Now());
}

// Two sockets of loopback: what 127.0.0.2 sends is there or not when the call returns.
class Wire {
 public:
  Wire() {
    sockaddr_in at = On(0x7f000001);
    STOCKADE_CHECK(bind(to_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    socklen_t bytes = sizeof target_;
    STOCKADE_CHECK(getsockname(to_, reinterpret_cast<sockaddr*>(&target_), &bytes) == 0);
    sockaddr_in from = On(0x7f000002);
    STOCKADE_CHECK(bind(from_, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0);
  }
  ~Wire() {
    close(to_);
    close(from_);
  }
  bool Passes() const {
    STOCKADE_CHECK(sendto(from_, "x", 1, 0, reinterpret_cast<const sockaddr*>(&target_), sizeof target_) ==
                   1);
    char byte;
    return recv(to_, &byte, 1, MSG_DONTWAIT) == 1;
  }

 private:
  static sockaddr_in On(uint32_t address) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(address);
    return at;
  }
  const int to_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int from_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in target_{};
};

// Blocks of addresses one after the other.
class Blocks {
 public:
  Blocks(uint32_t first, size_t count, Order::Kind kind = Order::Kind::kEnforce) : decisions_(count) {
    for (size_t i = 0; i < count; ++i) {
      Decision& decision = decisions_[i];
      decision.prefix = Prefix::Around(Address::V4(first + static_cast<uint32_t>(i)), 32);
      decision.value = decision.prefix.ToString();
      decision.until_ms = NowMs() + 3600'000;
      orders_.push_back({kind, &decision});
    }
  }
  void ApplyTo(NftablesFirewall& firewall) const {
    const absl::Status done = firewall.Apply(orders_, NowMs());
    if (done.ok()) return;
    std::fprintf(stderr, "firewall_bench: %s\n", std::string(done.message()).c_str());
    std::exit(1);
  }

 private:
  std::vector<Decision> decisions_;
  std::vector<Order> orders_;
};

std::unique_ptr<NftablesFirewall> Firewall() {
  STOCKADE_CHECK(std::system("nft flush ruleset") == 0);
  NftablesOptions options;
  options.spare_loopback = false;
  options.elements_max = 4 << 20;
  auto made = NftablesFirewall::Create(options);
  STOCKADE_CHECK(made.ok());
  return *std::move(made);
}

void BM_PlainAdd(benchmark::State& state) {
  const auto firewall = Firewall();
  Blocks(kFirst, 1).ApplyTo(*firewall);
  nft_ctx* const context = nft_ctx_new(NFT_CTX_DEFAULT);
  const auto batch = static_cast<uint32_t>(state.range(0));
  uint32_t next = kFirst + 1;
  for (auto _ : state) {
    std::string command = "add element inet stockade v4_32 { ";
    for (uint32_t i = 0; i < batch; ++i, ++next)
      Append(&command, Address::V4(next).ToString(), " timeout 3600s, ");
    Append(&command, "}\n");
    STOCKADE_CHECK(nft_run_cmd_from_buffer(context, command.c_str()) == 0);
  }
  nft_ctx_free(context);
  state.SetItemsProcessed(state.iterations() * batch);
}

void BM_Apply(benchmark::State& state) {
  const auto firewall = Firewall();
  const auto batch = static_cast<uint32_t>(state.range(0));
  uint32_t next = kFirst;
  for (auto _ : state) {
    state.PauseTiming();
    const Blocks blocks(next, batch);
    next += batch;
    state.ResumeTiming();
    blocks.ApplyTo(*firewall);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

void BM_Refresh(benchmark::State& state) {
  const auto firewall = Firewall();
  const Blocks blocks(kFirst, static_cast<size_t>(state.range(0)));
  blocks.ApplyTo(*firewall);
  for (auto _ : state) blocks.ApplyTo(*firewall);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Fill(NftablesFirewall& firewall, size_t count) {
  for (size_t done = 0; done < count; done += kNftablesBatchMax)
    Blocks(kFirst + static_cast<uint32_t>(done), std::min(kNftablesBatchMax, count - done)).ApplyTo(firewall);
}

void BM_ApplyToPacket(benchmark::State& state) {
  const auto firewall = Firewall();
  Fill(*firewall, static_cast<size_t>(state.range(0)));
  const Wire wire;
  const Blocks block(0x7f000002, 1), release(0x7f000002, 1, Order::Kind::kRelease);
  std::vector<double> us;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    block.ApplyTo(*firewall);
    if (wire.Passes()) return state.SkipWithError("what was applied is not enforced");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    us.push_back(took.count() * 1e6);
    state.SetIterationTime(took.count());
    release.ApplyTo(*firewall);
    if (!wire.Passes()) return state.SkipWithError("what was released is still enforced");
  }
  std::sort(us.begin(), us.end());
  state.counters["p50_us"] = us[us.size() / 2];
  state.counters["p99_us"] = us[us.size() * 99 / 100];
}

void BM_List(benchmark::State& state) {
  const auto firewall = Firewall();
  const auto count = static_cast<size_t>(state.range(0));
  Fill(*firewall, count);
  for (auto _ : state) {
    const auto listed = firewall->List(NowMs());
    if (!listed.ok() || listed->size() != count) return state.SkipWithError("List does not show all");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A fixed number of iterations, so that every run leaves as many elements behind.
BENCHMARK(BM_PlainAdd)->Arg(1)->Iterations(2000)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_PlainAdd)->Arg(1000)->Iterations(50)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_Apply)->Arg(1)->Iterations(2000)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_Apply)->Arg(100)->Iterations(200)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_Apply)->Arg(1000)->Iterations(50)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_Refresh)->Arg(1000)->Iterations(50)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(BM_ApplyToPacket)
    ->Arg(0)
    ->Arg(100'000)
    ->Iterations(2000)
    ->Unit(benchmark::kMicrosecond)
    ->UseManualTime();
BENCHMARK(BM_List)
    ->Arg(1000)
    ->Arg(100'000)
    ->Arg(300'000)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  // Never the machine's own firewall.
  if (unshare(CLONE_NEWNET) != 0 || std::system("ip link set lo up") != 0) {
    std::fprintf(stderr,
                 "firewall_bench: no network namespace of its own; it needs root, and the program ip\n");
    return 1;
  }
  std::printf("%s\n", stockade::LoadText().c_str());
  benchmark::RunSpecifiedBenchmarks();
  std::printf("resident at most: %.0f MB\n", stockade::ResidentBytesMax() / 1e6);
}
