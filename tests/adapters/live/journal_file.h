// Files of systemd's journal, written by systemd-journal-remote, as journald writes them.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace stockade {

inline constexpr char kJournalWriter[] = "/lib/systemd/systemd-journal-remote";

inline bool IsJournalWriterMissing() {
  if (access(kJournalWriter, X_OK) == 0) return false;
  WARN("skipped: " << kJournalWriter << " is not there");
  return true;
}

struct JournalMessage {
  std::string text, unit = "ssh.service", identifier = "sshd";
};

inline JournalMessage SshFailure(const std::string& account, const std::string& source = "192.0.2.1") {
  return {"Failed password for " + account + " from " + source + " port 22 ssh2"};
}

// Behind what a file has, one message a second from `first_s` on; in the export format (https://systemd.io/JOURNAL_EXPORT_FORMATS).
inline void AppendToJournal(const std::string& file, const std::vector<JournalMessage>& messages,
                            int64_t first_s) {
  std::string text;
  for (const JournalMessage& message : messages) {
    const std::string microseconds = std::to_string(first_s++) + "000000";
    text += "__REALTIME_TIMESTAMP=" + microseconds + "\n__MONOTONIC_TIMESTAMP=" + microseconds +
            "\n_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=gw\n_SYSTEMD_UNIT=" + message.unit +
            "\nSYSLOG_IDENTIFIER=" + message.identifier + "\n_PID=812\nMESSAGE\n";
    // With its length in front, for it may have line ends in it.
    for (size_t i = 0; i < 8; ++i) text.push_back(static_cast<char>(message.text.size() >> (8 * i)));
    text += message.text + "\n\n";
  }
  const std::string command = std::string(kJournalWriter) + " -o " + file + " - > /dev/null 2>&1";
  FILE* const writer = popen(command.c_str(), "w");
  REQUIRE(writer != nullptr);
  REQUIRE(fwrite(text.data(), 1, text.size(), writer) == text.size());
  REQUIRE(pclose(writer) == 0);
}

}  // namespace stockade
