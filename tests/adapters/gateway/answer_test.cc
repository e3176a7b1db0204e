// What a stopped login is told: the bytes, and that nobody but the operator writes them.
#include "adapters/gateway/answer.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

std::string Bytes(const AnswerSettings& settings, std::string_view id = "r1", bool head = false,
                  bool open = true) {
  REQUIRE(ValidateAnswer(settings).ok());
  return WriteAnswer(MakeAnswer(settings, id), head, open);
}

TEST_CASE("every default answer is a whole HTTP answer", "[gateway][answer]") {
  const AnswersSettings answers;
  for (const AnswerSettings* settings :
       {&answers.deny, &answers.throttle, &answers.challenge_human, &answers.challenge_identity,
        &answers.certificate, &answers.unavailable}) {
    const std::string bytes = Bytes(*settings);
    CAPTURE(bytes);
    const size_t end = bytes.find("\r\n\r\n");
    REQUIRE(end != std::string::npos);
    CHECK(bytes.substr(end + 4) == settings->body);
    CHECK_THAT(bytes,
               Catch::Contains("\r\nContent-Length: " + std::to_string(settings->body.size()) + "\r\n"));
    CHECK_THAT(bytes, Catch::Contains("\r\nCache-Control: no-store\r\n"));
  }
  CHECK(Bytes(answers.throttle) ==
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 10\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Cache-Control: no-store\r\nContent-Length: 50\r\n\r\nToo many logins from here; try again in a "
        "moment.\n");
}

TEST_CASE("a verdict chooses its answer", "[gateway][answer]") {
  const AnswersSettings answers;
  GateAnswer verdict;
  verdict.kind = VerdictKind::kDeny;
  verdict.by = "many_accounts";
  CHECK(&ChooseAnswer(answers, verdict) == &answers.deny);
  verdict.by = "certificate";
  CHECK(&ChooseAnswer(answers, verdict) == &answers.certificate);
  verdict.certificate = CertificateStatus::kExpired;
  CHECK(&ChooseAnswer(answers, verdict) == &answers.certificate_expired);
  verdict.kind = VerdictKind::kThrottle;
  CHECK(&ChooseAnswer(answers, verdict) == &answers.throttle);
  verdict.kind = VerdictKind::kChallenge;
  CHECK(&ChooseAnswer(answers, verdict) == &answers.challenge_human);
  verdict.challenge_kind = ChallengeKind::kIdentity;
  CHECK(&ChooseAnswer(answers, verdict) == &answers.challenge_identity);
}

TEST_CASE("placeholders are filled in body, headers and redirect", "[gateway][answer]") {
  AnswerSettings settings{429,
                          {{"X-Id", "id {request_id}"}},
                          "{\"retry\":{retry_after},\"id\":\"{request_id}\"}",
                          "application/json",
                          7,
                          ""};
  CHECK(
      Bytes(settings, "a-1") ==
      "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: application/json\r\nX-Id: id a-1\r\n"
      "Cache-Control: no-store\r\nContent-Length: 22\r\n\r\n{\"retry\":7,\"id\":\"a-1\"}");
  settings = AnswerSettings{403, {}, "", "text/plain", std::nullopt, "/step-up?id={request_id}"};
  CHECK(Bytes(settings, "a-1") ==
        "HTTP/1.1 303 See Other\r\nLocation: /step-up?id=a-1\r\nCache-Control: no-store\r\nContent-Length: "
        "0\r\n\r\n");
  settings.status = 307;
  CHECK_THAT(Bytes(settings), Catch::StartsWith("HTTP/1.1 307 "));
}

TEST_CASE("a request id cannot write a field or a page", "[gateway][answer]") {
  const AnswerSettings settings{
      403, {{"X-Id", "{request_id}"}}, "<p>{request_id}</p>", "text/html", std::nullopt, ""};
  for (const char* id : {"a\r\nSet-Cookie: x=y", "<script>", "a\"b", "{retry_after}", "a b", "a\x01"}) {
    const std::string bytes = Bytes(settings, id);
    CHECK_THAT(bytes, Catch::Contains("\r\nX-Id: \r\n"));
    CHECK_THAT(bytes, Catch::EndsWith("\r\n\r\n<p></p>"));
  }
}

TEST_CASE("HEAD, 204 and a connection that ends are written as they must be", "[gateway][answer]") {
  const AnswersSettings answers;
  const std::string head = Bytes(answers.deny, "r", /*head=*/true, /*open=*/false);
  CHECK_THAT(head, Catch::EndsWith("\r\n\r\n"));
  CHECK_THAT(head, Catch::Contains("Content-Length: 24\r\nConnection: close\r\n"));
  const std::string empty = Bytes(AnswerSettings{204, {}, "", "", std::nullopt, ""});
  CHECK_THAT(empty, !Catch::Contains("Content-Length"));
  CHECK_THAT(Bytes(answers.challenge_human), Catch::Contains("WWW-Authenticate: Stockade"));
  AnswerSettings own = answers.challenge_human;
  own.headers.emplace_back("www-authenticate", "Negotiate");
  own.headers.emplace_back("Cache-Control", "private");
  CHECK_THAT(Bytes(own), !Catch::Contains("Stockade realm") && !Catch::Contains("no-store"));
}

TEST_CASE("an answer that would break HTTP is refused by its key", "[gateway][answer]") {
  struct Case {
    AnswerSettings settings;
    const char* says;
  };
  const auto with = [](const char* name, const char* value) {
    return AnswerSettings{403, {{name, value}}, "", "text/plain", std::nullopt, ""};
  };
  for (const Case& each :
       {Case{with("X", "a\r\nSet-Cookie: b"), "headers.X: holds a control"},
        Case{with("X", "a\nb"), "headers.X"}, Case{with("X Y", "a"), "no name of a field"},
        Case{with("", "a"), "no name"}, Case{with("X:", "a"), "no name"},
        Case{with("Content-Length", "3"), "is counted"},
        Case{with("transfer-encoding", "chunked"), "the connection's"},
        Case{with("Location", "/x"), "redirect"},
        Case{AnswerSettings{100, {}, "", "x", std::nullopt, ""}, "status: 100"},
        Case{AnswerSettings{600, {}, "", "x", std::nullopt, ""}, "status: 600"},
        Case{AnswerSettings{204, {}, "x", "x", std::nullopt, ""}, "body: an answer of status 204"},
        Case{AnswerSettings{403, {}, "x", "a\r\nb: c", std::nullopt, ""}, "content_type"},
        Case{AnswerSettings{403, {}, "x", "", std::nullopt, ""}, "content_type"},
        Case{AnswerSettings{403, {}, "", "x", std::nullopt, "/a\r\nb: c"}, "redirect"},
        Case{AnswerSettings{403, {}, "", "x", std::nullopt, "/a b"}, "redirect"},
        Case{AnswerSettings{403, {}, "", "x", -1, ""}, "retry_after"}}) {
    CAPTURE(each.says);
    CHECK_THAT(std::string(ValidateAnswer(each.settings).message()), Catch::Contains(each.says));
  }
}

}  // namespace
}  // namespace stockade
