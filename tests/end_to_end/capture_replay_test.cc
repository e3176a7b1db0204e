// Captures as the program reads them: replay, explain, tune and test files; told by their first bytes, packed, merged with
// logs, damaged, and empty of logins.
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/adapters/capture/made_capture.h"
#include "tests/adapters/client_hello/sealed_initial.h"
#include "tests/read_text.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMonday = 1767600000000;  // 2026-01-05 08:00 UTC

struct Run {
  int exit_code = 0;
  std::string out, err;
};
Run Program(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  Console console{out, err};
  Run run;
  run.exit_code = RunProgram(arguments, console);
  run.out = out.str();
  run.err = err.str();
  return run;
}

std::string Login(std::string_view user, std::string_view password) {
  const std::string body = "username=" + std::string(user) + "&password=" + std::string(password);
  return "POST /login HTTP/1.1\r\nHost: h\r\nUser-Agent: Mozilla/5.0\r\nContent-Type: "
         "application/x-www-form-urlencoded\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string Answer(std::string_view line) {
  return "HTTP/1.1 " + std::string(line) + "\r\nContent-Length: 0\r\n\r\n";
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("stockade-capture-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  std::string At(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

// One address guesses at twelve accounts; a customer gets in.
MadeCapture Attack(MadeCapture::Form form = MadeCapture::Form::kPcap) {
  MadeCapture made(form);
  made.Connection(0xcb007109, 40001, 80, kMonday,
                  {{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", Answer("200 OK")},
                   {Login("alice", "right"), Answer("302 Found")}});
  for (uint16_t i = 0; i < 12; ++i)
    made.Connection(0xcb00710a, static_cast<uint16_t>(41000 + i), 80, kMonday + 1000 + i * 500,
                    {{Login("user" + std::to_string(i), "guess"), Answer("401 No")}});
  return made;
}

TEST_CASE("a capture is told by its first bytes and replayed", "[capture]") {
  const Folder folder;
  const std::string file = folder.Write("wire", Attack().bytes());
  const Run run = Program({"replay", "--observe", "--json", "--verdicts", folder.At("v"), file});
  INFO(run.err);
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("\"attempts\":13") != std::string::npos);
  CHECK(run.out.find("\"format\":\"pcap\"") != std::string::npos);
  CHECK(run.out.find("\"requests\":14,\"answers\":14") != std::string::npos);
  CHECK(run.out.find("\"success\":1,\"bad_password\":12") != std::string::npos);
  const std::string verdicts = ReadText(folder.At("v"));
  CHECK(std::count(verdicts.begin(), verdicts.end(), '\n') == 13);
  CHECK(verdicts.find("{\"line\":13,") != std::string::npos);

  const Run people = Program({"replay", file});
  CHECK(people.out.find("it begins as captures of packets do; logins are told by the usual paths") !=
        std::string::npos);
  CHECK(people.out.find("14 HTTP requests") != std::string::npos);
  CHECK(Program({"replay", "--format", "pcap", file}).exit_code == 0);
}

TEST_CASE("a capture gives the same verdicts whatever it is packed in", "[capture]") {
  const Folder folder;
  const auto verdicts = [&folder](const std::string& name, const std::string& bytes) {
    const Run run = Program({"replay", "--verdicts", folder.At("v"), folder.Write(name, bytes)});
    INFO(run.err);
    CHECK(run.exit_code == 0);
    return ReadText(folder.At("v"));
  };
  const auto pack = [](const std::string& bytes, const auto& compressor) {
    std::ostringstream packed;
    boost::iostreams::filtering_ostream out;
    out.push(compressor);
    out.push(packed);
    out << bytes;
    out.reset();
    return packed.str();
  };
  const std::string pcap = Attack().bytes();
  const std::string pcapng = Attack(MadeCapture::Form::kPcapng).bytes();
  const std::string plain = verdicts("wire.pcap", pcap);
  CHECK(std::count(plain.begin(), plain.end(), '\n') == 13);
  CHECK(plain.find("deny") != std::string::npos);
  CHECK(verdicts("wire.pcap.gz", pack(pcap, boost::iostreams::gzip_compressor())) == plain);
  CHECK(verdicts("wire.pcap.zst", pack(pcap, boost::iostreams::zstd_compressor())) == plain);
  CHECK(verdicts("wire.pcapng", pcapng) == plain);
  CHECK(verdicts("wire.pcapng.gz", pack(pcapng, boost::iostreams::gzip_compressor())) == plain);
}

TEST_CASE("a login is joined to the QUIC hello of its address, and to no forged one", "[capture]") {
  const Folder folder;
  const std::string rules = folder.Write("rules.yml", R"(
title: By the stack of a QUIC hello
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a11
name: quic
logsource: {category: authentication}
detection: {selection: {tls.client.ja4|startswith: q13d1516h2, tls.client.server_name: login.example.com}, condition: selection}
)");
  const std::string asked = "asked-for", chosen = "chosen-by";
  const auto datagram = [](const std::string& to, const std::string& from) {
    return "\xe0" + Big(1, 4) + Vector(to, 1) + Vector(from, 1) + std::string(40, 'x');
  };
  for (const bool is_forged : {false, true}) {
    MadeCapture made;
    std::string initial = SealedInitial(1, asked, "", 0, CryptoFrame(0, DocumentedHello().Message()));
    initial.resize(std::max<size_t>(initial.size(), 1200));
    made.Datagram(true, 0xcb007109, 50000, kMonday, initial);
    made.Datagram(false, 0xcb007109, 50000, kMonday + 1, datagram("", chosen));
    made.Datagram(true, 0xcb007109, 50000, kMonday + 2, datagram(is_forged ? "whatever" : chosen, ""));
    made.Connection(0xcb007109, 40001, 80, kMonday + 1000, {{Login("alice", "right"), Answer("302 Found")}});
    const Run run = Program({"replay", "--observe", "--json", "--rules-only", "--rules", rules, "--alerts",
                             folder.At("a"), folder.Write("wire.pcap", made.bytes())});
    INFO(run.err);
    CHECK(run.out.find(is_forged ? "\"tls_joined\":0" : "\"tls_joined\":1") != std::string::npos);
    CHECK(run.out.find(is_forged ? "\"tls_hellos_unanswered\":1" : "\"quic_hellos\":1") != std::string::npos);
    CHECK((ReadText(folder.At("a")).find("\"quic\"") != std::string::npos) == !is_forged);
  }
}

TEST_CASE("explain and tune read captures as replay does", "[capture]") {
  const Folder folder;
  const std::string file = folder.Write("wire.pcap", Attack().bytes());
  const Run explain = Program({"explain", "--line", "13", file});
  INFO(explain.err);
  CHECK(explain.exit_code == 0);
  CHECK(explain.out.find("user11") != std::string::npos);
  CHECK(explain.out.find("203.0.113.10") != std::string::npos);
  const Run tune = Program({"tune", "--json", "--jobs", "1", file});
  INFO(tune.err);
  CHECK(tune.exit_code == 0);
  CHECK(tune.out.find("13") != std::string::npos);
}

TEST_CASE("endpoints of the settings say what a login is", "[capture]") {
  const Folder folder;
  const std::string file = folder.Write("wire.pcap", Attack().bytes());
  const std::string settings = folder.Write("stockade.yaml", R"(
gateway:
  endpoints:
    - {name: portal, path: /login, account: username, password: password, outcomes: [{status: 401, outcome: unknown_account}]}
)");
  const Run run = Program({"replay", "-c", settings, "--observe", "--json", file});
  INFO(run.err);
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("\"unknown_account\":12") != std::string::npos);
  CHECK(run.out.find("logins are those of gateway.endpoints") != std::string::npos);
  const Run elsewhere = Program({"replay", "--login-path", "/elsewhere", file});
  CHECK(elsewhere.exit_code == 1);
  CHECK(elsewhere.err.find("/login") != std::string::npos);
  CHECK(elsewhere.err.find("--login-path") != std::string::npos);
}

TEST_CASE("captures and logs are merged in order of time", "[capture]") {
  const Folder folder;
  const std::string file = folder.Write("wire.pcap", Attack().bytes());
  const std::string log = folder.Write(
      "log.ndjson",
      R"({"@timestamp":"2026-01-05T08:00:00.500Z","source.ip":"198.51.100.1","user.name":"bob","event.reason":"success"})"
      "\n");
  const Run run = Program({"replay", "--observe", "--json", "--verdicts", folder.At("v"), file, log});
  INFO(run.err);
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("\"attempts\":14") != std::string::npos);
  CHECK(run.out.find("\"success\":2") != std::string::npos);
}

TEST_CASE("a damaged capture gives what stands before the damage", "[capture]") {
  const Folder folder;
  const std::string bytes = Attack().bytes();
  const Run run = Program(
      {"replay", "--observe", "--json", folder.Write("cut.pcap", bytes.substr(0, bytes.size() - 10))});
  CHECK(run.exit_code == 2);
  CHECK(run.out.find("\"attempts\":13") != std::string::npos);
  CHECK(run.err.find("cut.pcap") != std::string::npos);

  const Run none =
      Program({"replay", "--format", "pcap", folder.Write("log", "no capture at all, but lines\n")});
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("pcap") != std::string::npos);
  const Run unknown = Program({"replay", "--format", "pcapp", folder.At("log")});
  CHECK(unknown.err.find("sshd, text, pcap") != std::string::npos);
}

TEST_CASE("a capture without logins says what it has", "[capture]") {
  const Folder folder;
  MadeCapture made;
  made.Connection(0xcb007109, 40001, 443, kMonday, {{std::string("\x16\x03\x01\x00\x05\x01", 6), "x"}});
  const Run run = Program({"replay", folder.Write("tls.pcap", made.bytes())});
  CHECK(run.exit_code == 1);
  CHECK(run.err.find("behind TLS nobody sees logins") != std::string::npos);
}

}  // namespace
}  // namespace stockade
