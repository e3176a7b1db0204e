// Logins as browsers send them, as a capture, and how they are read: what benches of captures share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/capture/capture_source.h"
#include "engine/status.h"
#include "tests/adapters/capture/made_capture.h"

namespace stockade {

// A browser's login, 640 bytes, and an answer of 2 KiB, as a page with "wrong password" on it.
inline MadeCapture LoginTraffic(int logins, int logins_a_connection) {
  MadeCapture made;
  int login = 0;
  for (int connection = 0; login < logins; ++connection) {
    std::vector<MadeCapture::Turn> turns;
    for (int i = 0; i < logins_a_connection && login < logins; ++i, ++login) {
      const std::string body =
          "username=customer" + std::to_string(login) + "&password=secret" + std::to_string(login);
      turns.emplace_back(
          "POST /login HTTP/1.1\r\nHost: broker.example\r\nConnection: keep-alive\r\nContent-Length: " +
              std::to_string(body.size()) +
              "\r\nsec-ch-ua: \"Chromium\";v=\"131\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "
              "\"Windows\"\r\n"
              "Origin: https://broker.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
              "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
              "Chrome/131.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml\r\nSec-Fetch-Site: "
              "same-origin\r\n"
              "Referer: https://broker.example/login\r\nAccept-Encoding: gzip, deflate, "
              "br\r\nAccept-Language: de\r\n\r\n" +
              body,
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2014\r\n\r\n" +
              std::string(1000, 'x') + "wrong password" + std::string(1000, 'y'));
    }
    made.Connection(0x0b000000u + static_cast<uint32_t>(connection % 5000),
                    static_cast<uint16_t>(1024 + connection % 60000), 80, 1767600000000 + connection * 3,
                    turns);
  }
  return made;
}

// `by_body`: what the answer means stands in its body.
inline CaptureReading LoginTrafficReading(bool by_body) {
  EndpointSettings endpoint;
  endpoint.name = "portal";
  endpoint.path = "/login";
  endpoint.account = {{ValueSource::From::kBody, "username"}};
  endpoint.password = {{ValueSource::From::kBody, "password"}};
  OutcomeRule wrong;
  wrong.status = "200";
  if (by_body) wrong.body_matches = "wrong password";
  wrong.outcome = Outcome::kBadPassword;
  endpoint.outcomes = {wrong};
  CaptureReading reading;
  auto logins = LoginExchange::Create({endpoint}, HashKey{});
  STOCKADE_CHECK(logins.ok());
  reading.logins = *std::move(logins);
  reading.client_addresses =
      std::make_shared<ClientAddressReader>(std::span<const Prefix>(), ForwardingField::kNone);
  return reading;
}

// All of a capture; how many logins it had, each a wrong password of somebody's.
inline int CountLogins(std::unique_ptr<ByteReader> bytes, const CaptureReading& reading) {
  auto source = MakeCaptureSource(std::move(bytes), SourceOptions(), reading);
  STOCKADE_CHECK(source.ok());
  Batch batch;
  int logins = 0;
  while (true) {
    const absl::StatusOr<bool> more = (*source)->Read(&batch);
    STOCKADE_CHECK(more.ok());
    if (!*more) return logins;
    for (const Record& record : batch.records)
      logins += record.event.aftermath.outcome == Outcome::kBadPassword && record.event.attempt.has_account()
                    ? 1
                    : 0;
  }
}

}  // namespace stockade
