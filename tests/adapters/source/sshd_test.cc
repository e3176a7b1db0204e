// auth.log: each attempt counts once, whatever a stranger types as his name nobody else is charged, and years
// come out right without being written.
#include "adapters/source/sshd.h"

#include <catch2/catch.hpp>

#include "adapters/source/sshd_message.h"
#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadText;

SourceOptions Sshd() {
  SourceOptions options = Format("sshd");
  options.reference_time = absl::FromCivil(absl::CivilSecond(2024, 6, 1, 0, 0, 0), absl::UTCTimeZone());
  return options;
}

// "account@address=outcome" of all records, errors by name.
std::vector<std::string> ReadMessages(const std::vector<std::string>& messages) {
  std::string text;
  for (const std::string& message : messages) Append(&text, "May  1 10:11:12 host sshd[7]: ", message, "\n");
  std::vector<std::string> out;
  for (const auto& record : ReadText(text, Sshd()).records) {
    out.push_back(record.ok() ? Concat(record.attempt().account, "@", record.attempt().source.ToString(), "=",
                                       Name(record.outcome()))
                              : std::string(Name(record.error)));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST_CASE("every kind of attempt is read", "[sshd]") {
  CHECK(ReadMessages({"Failed password for root from 192.0.2.1 port 22 ssh2"}) ==
        Lines{"root@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"Failed password for invalid user bob from 192.0.2.1 port 22 ssh2"}) ==
        Lines{"bob@192.0.2.1=unknown_account"});
  CHECK(ReadMessages({"Failed keyboard-interactive/pam for bob from 2001:db8::1%eth0 port 22 ssh2"}) ==
        Lines{"bob@2001:db8::1=bad_password"});
  CHECK(ReadMessages({"Accepted publickey for eve from 192.0.2.1 port 22 ssh2: RSA SHA256:abc"}) ==
        Lines{"eve@192.0.2.1=success"});
  CHECK(ReadMessages({"Accepted password for eve from ::ffff:192.0.2.1 port 22 ssh2"}) ==
        Lines{"eve@192.0.2.1=success"});
  CHECK(ReadMessages(
            {"Failed publickey for eve from 192.0.2.1 port 22 ssh2: RSA-CERT SHA256:a ID me (serial 1) CA "
             "RSA SHA256:b"}) == Lines{"eve@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"Invalid user bob from 192.0.2.1"}) == Lines{"bob@192.0.2.1=unknown_account"});
  CHECK(ReadMessages({"Invalid user  from 192.0.2.1 port 5"}) == Lines{"@192.0.2.1=unknown_account"});
  CHECK(ReadMessages({"User mario from 192.0.2.1 not allowed because not listed in AllowUsers"}) ==
        Lines{"mario@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"User mario from 192.0.2.1 not allowed because account is locked"}) ==
        Lines{"mario@192.0.2.1=account_locked"});
  CHECK(ReadMessages({"ROOT LOGIN REFUSED FROM 192.0.2.1 port 14423 [preauth]"}) ==
        Lines{"root@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"error: PAM: authentication failure for mario from 192.0.2.1"}) ==
        Lines{"mario@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"error: maximum authentication attempts exceeded for root from 192.0.2.1 port 9 ssh2 "
                      "[preauth]"}) == Lines{"root@192.0.2.1=bad_password"});
  CHECK(ReadMessages({"Connection closed by invalid user gp 192.0.2.1 port 9224 [preauth]"}) ==
        Lines{"gp@192.0.2.1=unknown_account"});
}

TEST_CASE("one attempt is one record, however many lines speak of it", "[sshd]") {
  CHECK(ReadMessages(
            {"Invalid user bob from 192.0.2.1 port 5", "input_userauth_request: invalid user bob [preauth]",
             "pam_unix(sshd:auth): check pass; user unknown",
             "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
             "rhost=192.0.2.1",
             "Failed password for invalid user bob from 192.0.2.1 port 5 ssh2",
             "message repeated 2 times: [ Failed password for invalid user bob from 192.0.2.1 port 5 ssh2]",
             "error: maximum authentication attempts exceeded for invalid user bob from 192.0.2.1 port 5 "
             "ssh2 [preauth]",
             "Disconnecting invalid user bob 192.0.2.1 port 5: Too many authentication failures [preauth]"})
            .size() == 3);
  CHECK(ReadMessages({"Failed none for invalid user bob from 192.0.2.1 port 5 ssh2",
                      "Failed password for invalid user bob from 192.0.2.1 port 5 ssh2",
                      "Connection closed by invalid user bob 192.0.2.1 port 5 [preauth]"})
            .size() == 1);
  CHECK(ReadMessages({"Connection closed by authenticating user root 192.0.2.1 port 5 [preauth]",
                      "Connection closed by authenticating user root 192.0.2.1 port 6 [preauth]"})
            .size() == 2);
  CHECK(ReadMessages({"Accepted password for eve from 192.0.2.1 port 5 ssh2",
                      "pam_unix(sshd:session): session opened for user eve by (uid=0)",
                      "Disconnected from user eve 192.0.2.1 port 5"})
            .size() == 1);
}

TEST_CASE("a repeat is bounded and stays at its line", "[sshd]") {
  const auto result = ReadText(
      "May  1 10:11:12 host sshd[7]: message repeated 99999999999 times: [ Failed password for x from "
      "192.0.2.1 port 5 ssh2]\n",
      Sshd());
  REQUIRE(result.records.size() == static_cast<size_t>(kRepeatsMax));
  CHECK(result.records.back().line == 1);
}

TEST_CASE("no account name frames another address", "[sshd]") {
  const std::vector<std::string> names = {
      "a from 6.6.6.6 port 1 ssh2",
      "a from 6.6.6.6",
      "from 6.6.6.6 port 1 ssh2 from 6.6.6.6 port 1 ssh2",
      "a from 6.6.6.6 port 1 ssh2: RSA SHA256:abc",
      "a from 6.6.6.6 port 1 ssh2: RSA-CERT SHA256:a ID x (serial 0) CA RSA SHA256:b",
      "a 6.6.6.6 port 1",
      "a 6.6.6.6 port 1: b",
      "a 6.6.6.6 port 1: b [preauth]",
      "x not allowed because from 6.6.6.6 not allowed because",
      "invalid user a from 6.6.6.6 port 1",
      "root from 6.6.6.6 port 1 ssh2 [preauth]",
      " rhost=6.6.6.6  user=x",
  };
  const std::vector<std::pair<std::string, std::string>> around = {
      {"Failed password for ", " from 192.0.2.1 port 22 ssh2"},
      {"Failed password for invalid user ", " from 192.0.2.1 port 22 ssh2"},
      {"Failed none for invalid user ", " from 192.0.2.1 port 22 ssh2"},
      {"Failed publickey for invalid user ", " from 192.0.2.1 port 22 ssh2: RSA SHA256:xyz"},
      {"Failed publickey for ",
       " from 192.0.2.1 port 22 ssh2: ED25519-CERT SHA256:q ID i (serial 3) CA RSA SHA256:b"},
      {"Invalid user ", " from 192.0.2.1"},
      {"Invalid user ", " from 192.0.2.1 port 22"},
      {"User ", " from 192.0.2.1 not allowed because not listed in AllowUsers"},
      {"error: PAM: authentication failure for illegal user ", " from 192.0.2.1"},
      {"error: maximum authentication attempts exceeded for invalid user ",
       " from 192.0.2.1 port 4 ssh2 [preauth]"},
      {"Connection closed by invalid user ", " 192.0.2.1 port 9 [preauth]"},
      {"Disconnecting invalid user ",
       " 192.0.2.1 port 9: Change of username or service not allowed: (x,y) [preauth]"},
  };
  for (const auto& [before, behind] : around) {
    for (const std::string& name : names) {
      const std::string message = before + name + behind;
      CAPTURE(message);
      const SshdMessage read = ReadSshdMessage(message);
      const bool charged_right = read.source == *Address::Parse("192.0.2.1");
      CHECK((read.kind == SshdMessage::Kind::kAmbiguous || charged_right));
      if (read.kind != SshdMessage::Kind::kAmbiguous) CHECK(read.kind != SshdMessage::Kind::kNone);
    }
  }
  // And the key id of a certificate, which is a stranger's text behind the address.
  const SshdMessage cert = ReadSshdMessage(
      "Failed publickey for root from 192.0.2.1 port 22 ssh2: RSA-CERT SHA256:q ID a from 6.6.6.6 port 1 "
      "ssh2: RSA-CERT "
      "SHA256:r ID x (serial 0) CA RSA SHA256:b");
  CHECK((cert.kind == SshdMessage::Kind::kAmbiguous || cert.source == *Address::Parse("192.0.2.1")));
  // PAM prints ruser and user as they came.
  const auto pam = ReadPamMessage(
      "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=a rhost=6.6.6.6 "
      "rhost=192.0.2.1  user=b");
  REQUIRE(pam.has_value());
  CHECK(pam->attempt.kind == SshdMessage::Kind::kAmbiguous);
}

TEST_CASE("heads of lines of all kinds", "[sshd]") {
  const std::string message = "Failed password for root from 192.0.2.1 port 22 ssh2";
  for (const std::string head :
       {"May  1 10:11:12 host sshd[7]: ", "May  1 10:11:12 sshd[7]: ", "<38>May  1 10:11:12 host sshd: ",
        "2024-05-01T10:11:12+00:00 host sshd[7]: ", "2024-05-01T12:11:12+0200 host sshd-session[7]: ",
        "<38>1 2024-05-01T10:11:12.000Z host sshd 7 - - ", "1714558272 host sshd[7]: ",
        "<38>1 2024-05-01T10:11:12Z host sshd 7 - [meta sequenceId=\"1\" x=\"]\"] ",
        "May 1 10:11:12 host /usr/sbin/sshd[7]: ", "2024-05-01T10:11:12 auth.info: "}) {
    CAPTURE(head);
    const auto result = ReadText(head + message + "\n", Sshd());
    REQUIRE(result.records.size() == 1);
    REQUIRE(result.records[0].ok());
    CHECK(result.records[0].attempt().time_ns == 1714558272000000000);
    CHECK(result.records[0].attempt().account == "root");
  }
}

TEST_CASE("other programs are others, lines without a head are errors", "[sshd]") {
  const auto result = ReadText(
      "May  1 10:11:12 host CRON[1]: pam_unix(cron:session): session opened for user root by (uid=0)\n"
      "garbage\n"
      "May 32 10:11:12 host sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2\n"
      "May  1 10:11:12 host vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 "
      "tty=ftp ruser=x rhost=192.0.2.9  user=x\n",
      Sshd());
  CHECK(result.counters.other == 1);
  REQUIRE(result.records.size() == 3);
  CHECK(result.records[0].error == ReadError::kNotThisFormat);
  CHECK(result.records[1].error == ReadError::kBadTimestamp);
  CHECK(result.records[2].attempt().channel == "vsftpd");
  CHECK(result.records[2].attempt().account == "x");
}

TEST_CASE("dates without a year never lie in the future and follow the turn of the year", "[sshd]") {
  const auto years = [](const std::vector<std::string>& dates, SourceOptions options) {
    std::string text;
    for (const auto& date : dates)
      Append(&text, date, " 10:00:00 h sshd[1]: Accepted password for x from 192.0.2.1 port 1 ssh2\n");
    std::vector<int> out;
    for (const auto& record : ReadText(text, options).records) {
      out.push_back(static_cast<int>(
          absl::ToCivilYear(absl::FromUnixNanos(record.attempt().time_ns), absl::UTCTimeZone()).year()));
    }
    return out;
  };
  using Years = std::vector<int>;
  CHECK(years({"May 31"}, Sshd()) == Years{2024});
  CHECK(years({"Jun  3"}, Sshd()) == Years{2023});
  CHECK(years({"Dec 30", "Dec 31", "Jan  1", "Feb 29", "Mar  1"}, Sshd()) ==
        Years{2023, 2023, 2024, 2024, 2024});
  CHECK(years({"Dec 31", "Jan  1", "Dec 31", "Jan  2"}, Sshd()) == Years{2023, 2024, 2023, 2024});
  CHECK(years({"Feb 29"}, Sshd()) == Years{2024});
  SourceOptions fixed = Sshd();
  fixed.year = 2016;
  CHECK(years({"Feb 29", "Dec 31", "Jan  1"}, fixed) == Years{2016, 2016, 2017});
}

TEST_CASE("Dropbear's attempts are read", "[sshd]") {
  CHECK(ReadDropbearMessage("Bad password attempt for 'root' from ::ffff:192.0.2.1:55990").account == "root");
  CHECK(ReadDropbearMessage("Bad password attempt for 'a' from 6.6.6.6:1' from 192.0.2.1:55990").source ==
        *Address::Parse("192.0.2.1"));
  CHECK(ReadDropbearMessage("Login attempt for nonexistent user from 192.0.2.1:5").outcome ==
        Outcome::kUnknownAccount);
  CHECK(ReadDropbearMessage("Password auth succeeded for 'root' from 192.0.2.1:5").outcome ==
        Outcome::kSuccess);
  CHECK(ReadDropbearMessage("Exit before auth from <192.0.2.1:5>: (user 'root', 0 fails): Exited normally")
            .kind == SshdMessage::Kind::kClosing);
}

}  // namespace
}  // namespace stockade
