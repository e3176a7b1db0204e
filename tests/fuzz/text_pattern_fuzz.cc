// Text lines by the shipped format files, and format files themselves: the first byte says which.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "engine/text.h"
#include "tests/fuzz/source_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // Those whose lines differ most in what they ask of the reader: a syslog head, pairs, JSON, several expressions and groups,
  // lines to be ignored, times of their own. 0 stays dovecot.
  static constexpr std::string_view kFormats[] = {"dovecot", "authelia", "exim",     "fortigate_vpn",
                                                  "grafana", "immich",   "keycloak", "mongodb",
                                                  "mysql",   "windows"};
  stockade::SourceOptions options;
  if (data[0] % 2 == 0) {
    options.format_file = stockade::Concat(STOCKADE_SOURCE_DIR "/rules/formats/",
                                           kFormats[data[0] / 2 % std::size(kFormats)], ".yml");
    stockade::FuzzSource(data + 1, size - 1, options);
    return 0;
  }
  static const std::string file = "/tmp/stockade_format_fuzz_" + std::to_string(::getpid()) + ".yml";
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data + 1), static_cast<std::streamsize>(size - 1));
  options.format_file = file;
  static constexpr std::string_view kLog = "2024-05-01T10:11:12Z 192.0.2.1 alice failed\n";
  stockade::FuzzSource(reinterpret_cast<const uint8_t*>(kLog.data()), kLog.size(), options);
  std::remove(file.c_str());
  return 0;
}
