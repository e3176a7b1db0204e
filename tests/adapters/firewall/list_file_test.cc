// List files on a real disk: whole or not at all, read back as they are; read-only and full disks; and real nginx, which
// refuses who stands in them and lets in who was released.
#include "adapters/firewall/list_file.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/text.h"
#include "tests/adapters/firewall/orders.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

ListFileOptions Options(const std::string& path, ListFormat format = ListFormat::kPlain) {
  ListFileOptions options;
  options.path = path;
  options.format = format;
  options.write_every = absl::ZeroDuration();
  REQUIRE(CheckListFileOptions(options).ok());
  return options;
}
void Apply(ListFile* file, const Orders& orders) {
  const absl::Status status = file->Apply(orders, kOrdersNowMs);
  INFO(status.ToString());
  REQUIRE(status.ok());
}
std::vector<std::string> Standing(ListFile* file) {
  const auto standing = file->List(kOrdersNowMs);
  INFO(standing.status().ToString());
  REQUIRE(standing.ok());
  return Spelled(*standing);
}

TEST_CASE("what stands is in the file, and after a restart what the file holds stands", "[list]") {
  const TemporaryFolder folder;
  const std::string path = folder / "list";
  {
    ListFile file(Options(path));
    CHECK(Standing(&file).empty());
    Apply(&file, Orders().Enforce(Block("203.0.113.9")).Enforce(Block("198.51.100.0/24")));
    CHECK(ReadText(path) == "198.51.100.0/24\n203.0.113.9\n");
    struct stat status;
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
    CHECK_FALSE(std::filesystem::exists(path + ".new"));
  }
  ListFile file(Options(path));
  Apply(&file, Orders().Release(Block("203.0.113.9")));
  CHECK(ReadText(path) == "198.51.100.0/24\n");
  CHECK(Standing(&file) == std::vector<std::string>{"block range 198.51.100.0/24"});
}

TEST_CASE("another hand in the file is seen, and what it did can be undone", "[list]") {
  const TemporaryFolder folder;
  const std::string path = folder / "list";
  ListFile file(Options(path));
  Apply(&file, Orders().Enforce(Block("203.0.113.9")).Enforce(Block("203.0.113.10")));
  // One is taken out, one put in; and nobody listed before the next order comes.
  folder.Write("list", "203.0.113.10\n192.0.2.77\n");
  Apply(&file, Orders().Enforce(Block("203.0.113.9")).Release(Block("192.0.2.77")));
  CHECK(ReadText(path) == "203.0.113.10\n203.0.113.9\n");
  // A line of nobody's goes by the release that its listing asks for.
  folder.Write("list", "203.0.113.10\n203.0.113.9\n0.0.0.0/0 # all\n");
  const auto standing = file.List(kOrdersNowMs);
  REQUIRE(standing.ok());
  REQUIRE(standing->size() == 3);
  Decision named;
  named.scope = standing->back().key.scope;
  named.action = standing->back().key.action;
  named.value = standing->back().key.value;
  CHECK(file.capabilities().Carries(named));
  Apply(&file, Orders().Release(named));
  CHECK(ReadText(path) == "203.0.113.10\n203.0.113.9\n");
  CHECK(Standing(&file).size() == 2);
  // It is gone.
  std::filesystem::remove(path);
  CHECK(Standing(&file).empty());
  Apply(&file, Orders().Enforce(Block("203.0.113.9")));
  CHECK(ReadText(path) == "203.0.113.9\n");
}

TEST_CASE("a reader sees one list or the next, never half of one", "[list]") {
  const TemporaryFolder folder;
  const std::string path = folder / "list";
  ListFile file(Options(path));
  Orders many;
  for (int i = 0; i < 5000; ++i) many.Enforce(Block(Concat("10.0.", i / 250, ".", i % 250)));
  Orders none;
  for (const Order& order : std::span<const Order>(many)) none.Release(*order.decision);
  Apply(&file, many);
  const std::string whole = ReadText(path);
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  std::atomic<int> halves = 0;
  std::thread reader([&] {
    while (!stop || reads < 10) {
      const std::string content = ReadText(path);
      ++reads;
      if (!content.empty() && content != whole) ++halves;
    }
  });
  for (int i = 0; i < 20; ++i) Apply(&file, i % 2 == 0 ? none : many);
  stop = true;
  reader.join();
  CHECK(halves == 0);
}

TEST_CASE("a full disk leaves the old list whole, and the next try writes the new one", "[list]") {
  const TemporaryFolder folder;
  const std::string path = folder / "list";
  ListFile file(Options(path));
  Apply(&file, Orders().Enforce(Block("203.0.113.9")));
  Orders many;
  for (int i = 0; i < 5000; ++i) many.Enforce(Block(Concat("10.0.", i / 250, ".", i % 250)));
  // No room for more than 4 KiB in any file of ours: as a disk that is full answers, with EFBIG for ENOSPC.
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handled = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const absl::Status status = file.Apply(many, kOrdersNowMs);
  const auto standing = file.List(kOrdersNowMs);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  signal(SIGXFSZ, handled);
  INFO(status.ToString());
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  REQUIRE(standing.ok());
  CHECK(Spelled(*standing) == std::vector<std::string>{"block ip 203.0.113.9"});
  CHECK(ReadText(path) == "203.0.113.9\n");
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
  Apply(&file, many);
  CHECK(Standing(&file).size() == 5001);
}

TEST_CASE("a disk that is really full, and one that is read-only, are said and waited for", "[list]") {
  const TemporaryFolder folder;
  const std::string disk = folder / "disk";
  std::filesystem::create_directory(disk);
  // In a mount namespace of the test's own, which ends with it.
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("skipped: no right to mount a small disk");
    return;
  }
  ListFile file(Options(disk + "/list"));
  Orders many;
  for (int i = 0; i < 10'000; ++i) many.Enforce(Block(Concat("10.0.", i / 250, ".", i % 250)));
  const absl::Status first = file.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
  const absl::Status full = file.Apply(many, kOrdersNowMs);
  const std::string kept = ReadText(disk + "/list");
  const int remounted = mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64k");
  const absl::Status read_only = file.Apply(Orders().Enforce(Block("203.0.113.10")), kOrdersNowMs);
  mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=16m");
  const absl::Status room = file.Apply(many, kOrdersNowMs);
  const auto standing = file.List(kOrdersNowMs);
  REQUIRE(umount2(disk.c_str(), MNT_DETACH) == 0);
  INFO(full.ToString() << "\n" << read_only.ToString() << "\n" << room.ToString());
  CHECK(first.ok());
  CHECK(full.code() == absl::StatusCode::kUnavailable);
  CHECK(kept == "203.0.113.9\n");
  if (remounted == 0) CHECK(read_only.code() == absl::StatusCode::kUnavailable);
  CHECK(room.ok());
  REQUIRE(standing.ok());
  CHECK(standing->size() == 10'001);
}

TEST_CASE("what the format cannot say is refused, and keeps no other from standing", "[list]") {
  const TemporaryFolder folder;
  ListFile file(Options(folder / "list", ListFormat::kNginxDeny));
  Decision bad = Block("203.0.113.9");
  bad.value = "fe80::1%0; } include /etc/passwd";
  CHECK(file.Apply(Orders().Enforce(bad).Enforce(Block("203.0.113.10")), kOrdersNowMs).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(Standing(&file) == std::vector<std::string>{"block ip 203.0.113.10"});
}

TEST_CASE("what stands in the file's place and is none is not touched", "[list]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "list");
  ListFile at_folder(Options(folder / "list"));
  CHECK_FALSE(at_folder.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs).ok());
  CHECK(std::filesystem::is_directory(folder / "list"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  ListFile at_pipe(Options(folder / "pipe"));
  CHECK(at_pipe.List(kOrdersNowMs).status().code() == absl::StatusCode::kFailedPrecondition);
  // A link in the way of what is written beside is not followed.
  folder.Write("precious", "mine");
  REQUIRE(symlink((folder / "precious").c_str(), (folder / "third.new").c_str()) == 0);
  ListFile file(Options(folder / "third"));
  Apply(&file, Orders().Enforce(Block("203.0.113.9")));
  CHECK(ReadText(folder / "precious") == "mine");
  ListFile nowhere(Options(folder / "no/such/list"));
  CHECK(nowhere.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs).code() ==
        absl::StatusCode::kUnavailable);
}

TEST_CASE("whoever must be told of a new list is told, and again where that failed", "[list]") {
  const TemporaryFolder folder;
  ListFileOptions options = Options(folder / "list");
  options.after = {
      "/bin/sh",
      folder.Write("after", "echo x >> $1/told; test -e $1/works || { echo not yet >&2; exit 65; }\n"),
      folder.path()};
  REQUIRE(CheckListFileOptions(options).ok());
  ListFile file(options);
  const Orders orders = std::move(Orders().Enforce(Block("203.0.113.9")));
  const absl::Status status = file.Apply(orders, kOrdersNowMs);
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(FromAbsl(status.message()).find("not yet") != std::string_view::npos);
  CHECK_FALSE(file.List(kOrdersNowMs).ok());
  folder.Write("works", "");
  Apply(&file, orders);
  Apply(&file, orders);
  CHECK(ReadText(folder / "told") == "x\nx\nx\n");
  // At the start once, and no more while nothing changes.
  ListFile again(options);
  CHECK(Standing(&again).size() == 1);
  CHECK(Standing(&again).size() == 1);
  CHECK(ReadText(folder / "told") == "x\nx\nx\nx\n");
}

TEST_CASE("settings of a file that could not work are refused with their key", "[list]") {
  const auto refused = [](const std::function<void(ListFileOptions*)>& change) {
    ListFileOptions options;
    options.path = "/run/list";
    CHECK(CheckListFileOptions(options).ok());
    change(&options);
    return CheckListFileOptions(options).code() == absl::StatusCode::kInvalidArgument;
  };
  CHECK(refused([](ListFileOptions* o) { o->path = "list"; }));
  CHECK(refused([](ListFileOptions* o) { o->path = "/run/"; }));
  CHECK(refused([](ListFileOptions* o) { o->after = {"nginx", "-s", "reload"}; }));
  CHECK(refused([](ListFileOptions* o) { o->mode = 04777; }));
  CHECK(refused([](ListFileOptions* o) { o->write_every = absl::Minutes(1); }));
  CHECK(refused([](ListFileOptions* o) {
    o->format = ListFormat::kPlain;
    o->action = Action::kChallenge;
  }));
}

// nginx that includes a list for deny and one for geo.
class Nginx {
 public:
  explicit Nginx(const TemporaryFolder& folder) : folder_(folder) {
    RequireProgram("nginx");
    folder_.Write("deny.conf", "");
    folder_.Write("geo.conf", "");
    for (int attempt = 0; attempt < 10 && program_ == nullptr; ++attempt) {
      port_ = FreePort();
      std::string temporary;
      for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        Append(&temporary, "  ", std::string_view(kind), "_temp_path ", folder_ / kind, ";\n");
      const std::string config = folder_.Write(
          "nginx.conf",
          Concat("daemon off;\npid ", folder_ / "pid", ";\nerror_log ", folder_ / "error.log",
                 ";\nworker_processes 1;\nevents {}\nhttp {\n  access_log off;\n", temporary,
                 "  geo $remote_addr $stockade {\n    default 0;\n    include ", folder_ / "geo.conf",
                 ";\n  }\n", "  server {\n    listen 127.0.0.1:", port_, ";\n    include ",
                 folder_ / "deny.conf",
                 ";\n    location / {\n      if ($stockade) { return 429; }\n      return 200;\n    }\n",
                 "    location /static/ {\n      alias ", folder_.path(), "/;\n    }\n  }\n}\n"));
      auto started = std::make_unique<StartedProgram>(
          std::vector<std::string>{"nginx", "-e", folder_ / "error.log", "-p", folder_.path(), "-c", config});
      if (ComesToAnswer(port_) && std::filesystem::exists(folder_ / "pid")) program_ = std::move(started);
    }
    INFO(ReadText(folder_ / "error.log"));
    REQUIRE(program_ != nullptr);
  }
  ~Nginx() {
    // Its workers end with it only where it is asked.
    kill(program_->pid(), SIGTERM);
    program_->Finish();
  }

  std::vector<std::string> reload() const {
    return {FindProgram("nginx"),
            "-e",
            folder_ / "error.log",
            "-p",
            folder_.path(),
            "-c",
            folder_ / "nginx.conf",
            "-s",
            "reload"};
  }

  // Whether a request for `target` from 127.0.0.`last` comes to be answered with `status`: nginx takes up a new list when
  // its new workers have started.
  bool ComesToAnswerWith(int last, const std::string& target, int status) const {
    int got = 0;
    for (const auto deadline = TestClock::now() + kTestDeadline; TestClock::now() < deadline;
         poll(nullptr, 0, 20)) {
      got = Ask(last, target);
      if (got == status) return true;
    }
    UNSCOPED_INFO("answered with " << got << "\n" << ReadText(folder_ / "error.log"));
    return false;
  }

 private:
  int Ask(int last, const std::string& target) const {
    const Socket socket = Socket::Tcp();
    sockaddr_in from = Loopback(0);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<uint32_t>(last));
    const sockaddr_in to = Loopback(port_);
    if (bind(socket.fd(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
        connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      return -1;
    WriteAll(socket, Concat("GET ", target, " HTTP/1.1\r\nHost: bank\r\nConnection: close\r\n\r\n"));
    std::string said;
    char buffer[4096];
    const auto deadline = TestClock::now() + kTestDeadline;
    for (ssize_t size;
         IsReadable(socket.fd(), deadline) && (size = read(socket.fd(), buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<size_t>(size));
    return said.starts_with("HTTP/1.1 ") ? std::stoi(said.substr(9, 3)) : -1;
  }

  const TemporaryFolder& folder_;
  uint16_t port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

TEST_CASE("nginx refuses who stands in its deny list or geo, and lets in who was released", "[list]") {
  const TemporaryFolder folder;
  // nginx's workers may be another user's, who must read what they serve.
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  folder.Write("page", "a page");
  const Nginx nginx(folder);
  ListFileOptions deny_options = Options(folder / "deny.conf", ListFormat::kNginxDeny);
  deny_options.after = nginx.reload();
  ListFile deny(deny_options);
  ListFileOptions geo_options = Options(folder / "geo.conf", ListFormat::kNginxGeo);
  geo_options.action = Action::kThrottle;
  geo_options.after = nginx.reload();
  ListFile geo(geo_options);
  // `return` comes before nginx's access phase: deny holds for what is served, here a file.
  CHECK(nginx.ComesToAnswerWith(5, "/static/page", 200));
  CHECK(nginx.ComesToAnswerWith(6, "/", 200));
  Apply(&deny, Orders().Enforce(Block("127.0.0.5")).Enforce(Block("127.0.0.64/26")));
  CHECK(nginx.ComesToAnswerWith(5, "/static/page", 403));
  CHECK(nginx.ComesToAnswerWith(100, "/static/page", 403));
  CHECK(nginx.ComesToAnswerWith(6, "/static/page", 200));
  Decision throttle = MadeDecision(Action::kThrottle, Scope::kIp, "127.0.0.6");
  Apply(&geo, Orders().Enforce(throttle));
  CHECK(nginx.ComesToAnswerWith(6, "/", 429));
  CHECK(nginx.ComesToAnswerWith(5, "/", 200));
  Apply(&deny, Orders().Release(Block("127.0.0.5")).Release(Block("127.0.0.64/26")));
  CHECK(nginx.ComesToAnswerWith(5, "/static/page", 200));
  CHECK(nginx.ComesToAnswerWith(100, "/static/page", 200));
  Apply(&geo, Orders().Release(throttle));
  CHECK(nginx.ComesToAnswerWith(6, "/", 200));
  CHECK(ReadText(folder / "error.log").find("[emerg]") == std::string::npos);
}

}  // namespace
}  // namespace stockade
