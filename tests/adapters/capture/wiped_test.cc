// No password stays in memory once its request has gone, whichever way it was kept on: the whole of this process's memory is
// searched for it, freed memory too. A secret that is freed as it is, is found: so the search can fail.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "adapters/capture/fragments.h"
#include "adapters/capture/login_capture.h"
#include "adapters/capture/tcp_assembler.h"
#include "adapters/owned_file.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr char kMask = 0x5a;
// "correct horse battery staple" of this test, so masked that it stands nowhere.
constexpr std::array<char, 24> kMasked = [] {
  std::array<char, 24> masked{};
  for (size_t i = 0; i < masked.size(); ++i)
    masked[i] = static_cast<char>(static_cast<char>('a' + (i * 7 + 3) % 26) ^ kMask);
  return masked;
}();

// Requests are written here, and nowhere else.
struct Page {
  char bytes[1024] = {};
  size_t size = 0;

  ~Page() { Wipe(); }
  void Wipe() {
    explicit_bzero(bytes, sizeof bytes);
    size = 0;
  }
  Page& Add(const char* text) {
    for (; *text != '\0'; ++text) bytes[size++] = *text;
    return *this;
  }
  Page& AddSecret() {
    for (const char c : kMasked) bytes[size++] = static_cast<char>(c ^ kMask);
    return *this;
  }
  std::string_view view() const { return {bytes, size}; }
};

// Whether a page of this range was ever written to.
bool IsTouched(int pages, unsigned long begin, unsigned long end) {
  const auto page_bytes = static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
  std::vector<uint64_t> entries((end - begin + page_bytes - 1) / page_bytes);
  const ssize_t got = pread(pages, entries.data(), entries.size() * sizeof(uint64_t),
                            static_cast<off_t>(begin / page_bytes * sizeof(uint64_t)));
  if (got != static_cast<ssize_t>(entries.size() * sizeof(uint64_t))) return true;  // nobody says
  // In memory, or swapped out.
  return std::any_of(entries.begin(), entries.end(), [](uint64_t entry) { return entry >> 62 != 0; });
}

// What is searched with: a mapping of its own, which is not searched.
struct Search {
  static constexpr size_t kChunk = 1 << 20;
  std::array<char, kMasked.size()> secret;
  std::array<char, kChunk + kMasked.size()> chunk;
};
Search& TheSearch() {
  static Search* const search = [] {
    // Shared, so that it is joined to no other.
    void* const at = mmap(nullptr, sizeof(Search), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    auto* const made = static_cast<Search*>(at);
    for (size_t i = 0; i < kMasked.size(); ++i) made->secret[i] = static_cast<char>(kMasked[i] ^ kMask);
    return made;
  }();
  return *search;
}

// How often it stands in what this process has mapped and may write to.
int Found() {
  Search& search = TheSearch();
  const auto own = reinterpret_cast<unsigned long>(&search);
  std::ifstream maps("/proc/self/maps");
  const OwnedFile memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  const OwnedFile pages(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  REQUIRE(memory.get() >= 0);
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    char rights[8] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %7s", &begin, &end, rights) != 3 || rights[1] != 'w') continue;
    // Not the shadow of a sanitizer: it has no bytes of ours.
    if ((begin <= own && own < end) || end - begin > (size_t{1} << 32)) continue;
    for (unsigned long at = begin; at < end; at += Search::kChunk) {
      if (!IsTouched(pages.get(), at, std::min<unsigned long>(end, at + Search::kChunk))) continue;
      const ssize_t got = pread(memory.get(), search.chunk.data(),
                                std::min<size_t>(end - at, search.chunk.size()), static_cast<off_t>(at));
      if (got <= 0) break;
      const char* const behind = search.chunk.data() + got;
      for (const char* from = search.chunk.data();; ++from, ++found) {
        from = static_cast<const char*>(
            memmem(from, static_cast<size_t>(behind - from), search.secret.data(), search.secret.size()));
        if (from == nullptr) break;
      }
    }
  }
  return found;
}

class Nobody final : public LoginSink {
 public:
  void Take(const CapturedLogin&) override { ++logins; }
  int logins = 0;
};

struct Scene {
  Scene() {
    EndpointSettings endpoint;
    endpoint.path = "/login";
    endpoint.account = {{ValueSource::From::kBody, "user"}, {ValueSource::From::kBasic, "user"}};
    endpoint.password = {{ValueSource::From::kBody, "pass"}, {ValueSource::From::kBasic, "password"}};
    reading.logins = *LoginExchange::Create({endpoint}, HashKey{1, 2});
    reading.client_addresses =
        std::make_shared<ClientAddressReader>(std::span<const Prefix>(), ForwardingField::kNone);
    reading.sink = &sink;
    capture.emplace(LoginCaptureOptions(), &reading);
    connection.id = 1;
    connection.client = {*Address::Parse("203.0.113.9"), 40000};
    connection.server = {*Address::Parse("192.0.2.80"), 80};
    connection.start_seen = true;
    capture->Opened(connection);
  }
  // In pieces of `size`.
  void Client(std::string_view bytes, size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size())))
      capture->Bytes(connection, Direction::kFromClient, bytes.substr(0, size), kSecond);
  }
  void Server(std::string_view bytes) { capture->Bytes(connection, Direction::kFromServer, bytes, kSecond); }
  void Close() { capture->Closed(connection, ConnectionClose::kFin, kSecond); }

  Nobody sink;
  LoginReading reading;
  std::optional<LoginCapture> capture;
  Connection connection;
};

constexpr char kHead[] =
    "POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    "36\r\n";
constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_CASE("a secret that is freed as it is, is found", "[capture]") {
  const int before = Found();
  {
    Page page;
    // Behind what an allocator writes into free memory itself.
    page.Add("0123456789012345678901234567890123456789").AddSecret();
    const std::string kept(page.view());
    CHECK(Found() == before + 2);
  }
  CHECK(Found() == before + 1);
}

TEST_CASE("no password of a request stays in memory", "[capture]") {
  const int before = Found();
  Page page;
  for (const size_t size : {size_t{1}, size_t{7}, size_t{100}, size_t{1000}}) {
    CAPTURE(size);
    Scene scene;
    // In a body; in a head. Cut, they begin as a PROXY header does.
    page.Add(kHead).Add("\r\nuser=a&pass=").AddSecret();
    scene.Client(page.view(), size);
    scene.Server(kAnswer);
    page.Wipe();
    page.Add("POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-Token: ").AddSecret().Add("\r\n\r\n");
    scene.Client(page.view(), size);
    scene.Server(kAnswer);
    // Never ended.
    page.Wipe();
    page.Add("POST /login HTTP/1.1\r\nX-Token: ").AddSecret();
    scene.Client(page.view(), size);
    page.Wipe();
    scene.Close();
    CHECK(scene.sink.logins == 2);
  }
  CHECK(Found() == before);
  // Behind a request for an upgrade, which nobody has answered yet.
  {
    Scene scene;
    scene.Client("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 1000);
    page.Add(kHead).Add("\r\nuser=a&pass=").AddSecret();
    scene.Client(page.view(), 50);
    page.Wipe();
    scene.Server(kAnswer);
    scene.Server(kAnswer);
    scene.Close();
    CHECK(scene.sink.logins == 1);
  }
  CHECK(Found() == before);
}

TEST_CASE("no password of segments out of order or of fragments stays in memory", "[capture]") {
  const int before = Found();
  Page page;
  CaptureCounts counts;
  {
    Scene scene;
    TcpAssembler tcp({}, &*scene.capture, &counts);
    const auto send = [&](bool from_client, uint32_t sequence, uint32_t acknowledged, uint8_t flags,
                          std::string_view bytes) {
      TcpSegment segment;
      segment.source = from_client ? scene.connection.client : scene.connection.server;
      segment.destination = from_client ? scene.connection.server : scene.connection.client;
      segment.time_ns = kSecond;
      segment.sequence = sequence;
      segment.acknowledged = acknowledged;
      segment.flags = flags;
      segment.bytes = bytes;
      segment.wire_bytes = static_cast<uint32_t>(bytes.size());
      tcp.Take(segment, kSecond);
    };
    constexpr uint8_t kSyn = TcpSegment::kSyn, kAck = TcpSegment::kAck;
    scene.capture->Closed(scene.connection, ConnectionClose::kFin, kSecond);
    send(true, 99, 0, kSyn, "");
    send(false, 499, 100, kSyn | kAck, "");
    page.Add(kHead).Add("\r\nuser=a&pass=").AddSecret();
    // The end first, in pieces of ten.
    const std::string_view all = page.view();
    for (size_t at = 30; at < all.size(); at += 10)
      send(true, 100 + static_cast<uint32_t>(at), 500, kAck, all.substr(at, 10));
    send(true, 100, 500, kAck, all.substr(0, 30));
    send(false, 500, 100 + static_cast<uint32_t>(all.size()), kAck, kAnswer);
    tcp.Finish(kSecond);
    CHECK(scene.sink.logins == 1);
    page.Wipe();
  }
  {
    FragmentTable fragments({}, &counts);
    page.AddSecret().AddSecret();
    uint8_t protocol = 0;
    std::span<const uint8_t> whole;
    Fragment fragment;
    fragment.source = *Address::Parse("203.0.113.9");
    fragment.destination = *Address::Parse("192.0.2.80");
    fragment.protocol = 6;
    fragment.more = true;
    fragment.bytes = {reinterpret_cast<const uint8_t*>(page.bytes), 24};
    CHECK_FALSE(fragments.Add(fragment, kSecond, &protocol, &whole));
    fragment.more = false;
    fragment.offset = 24;
    CHECK(fragments.Add(fragment, kSecond, &protocol, &whole));
    CHECK(whole.size() == 48);
    page.Wipe();
  }
  CHECK(Found() == before);
}

}  // namespace
}  // namespace stockade
