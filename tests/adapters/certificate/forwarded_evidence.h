// What a real proxy in front forwards of the certificate that curl shows it, read as evidence: one request, from curl's
// start to its end.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/certificate/from_header.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {

// `curl` asks the proxy, which forwards to `behind`; that answers 204.
inline CertificateEvidence ForwardedEvidence(const std::vector<std::string>& curl, Listener* behind,
                                             CertificateForm form) {
  struct Field {
    std::string_view name, value;
  };
  StartedProgram asking(curl);
  const auto deadline = TestClock::now() + kTestDeadline;
  const Socket connection = behind->Accept(deadline);
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char buffer[4096];
    REQUIRE(IsReadable(connection.fd(), deadline));
    const ssize_t size = read(connection.fd(), buffer, sizeof buffer);
    REQUIRE(size > 0);
    head.append(buffer, static_cast<size_t>(size));
  }
  WriteAll(connection, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  const auto [code, text] = asking.Finish();
  INFO(text);
  REQUIRE(code == 0);

  std::vector<Field> fields;
  VisitFields(head, [&](std::string_view name, std::string_view value) { fields.push_back({name, value}); });
  return ReadCertificateFields(form, fields);
}

}  // namespace stockade
