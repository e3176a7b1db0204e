#include "adapters/firewall/http_post.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kSecretBytesMin = 16;
constexpr size_t kSecretBytesMax = size_t{4} << 10;
// Of the fields of an answer; servers send some hundred bytes.
constexpr size_t kFieldBytesMax = size_t{64} << 10;
constexpr absl::Duration kAnswerTimeMax = absl::Seconds(20);

std::string Hex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(2 * size);
  for (size_t i = 0; i < size; ++i) {
    out.push_back(kHex[bytes[i] >> 4]);
    out.push_back(kHex[bytes[i] & 15]);
  }
  return out;
}

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Fields = std::unique_ptr<curl_slist, FreeList>;

bool AddField(const std::string& field, Fields* fields) {
  curl_slist* longer = curl_slist_append(fields->get(), field.c_str());
  if (longer == nullptr) return false;
  (void)fields->release();
  fields->reset(longer);
  return true;
}

// What came back, as far as it is taken.
struct Answer {
  std::string body;
  size_t field_bytes = 0;
  bool too_long = false;
};

size_t TakeBody(char* bytes, size_t size, size_t count, void* to) {
  auto& answer = *static_cast<Answer*>(to);
  const size_t all = size * count;
  if (answer.body.size() + all > HttpPost::kAnswerBytesMax) {
    answer.too_long = true;
    return all + 1;  // ends the exchange
  }
  answer.body.append(bytes, all);
  return all;
}
size_t TakeField(char*, size_t size, size_t count, void* to) {
  auto& answer = *static_cast<Answer*>(to);
  answer.field_bytes += size * count;
  if (answer.field_bytes <= kFieldBytesMax) return size * count;
  answer.too_long = true;
  return size * count + 1;
}

// The scheme and host of a URL.
std::string Whereabouts(std::string_view url) {
  const size_t host = url.find("://");
  const size_t end = host == std::string_view::npos ? 0 : url.find_first_of("/?#", host + 3);
  return PrintableText(url.substr(0, end));
}

}  // namespace

absl::Status CheckPostUrl(std::string_view key, std::string_view url) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(Concat(key, ": ", why, "; write https://host/path"));
  };
  if (std::any_of(url.begin(), url.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; }))
    return refuse("a URL holds no white space or control characters");
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    return refuse("neither http:// nor https://");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  if (parts == nullptr) return absl::ResourceExhaustedError("no memory for a URL");
  if (curl_url_set(parts.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK)
    return refuse("not a URL");
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD}) {
    char* text = nullptr;
    if (curl_url_get(parts.get(), part, &text, 0) == CURLUE_OK) {
      curl_free(text);
      return refuse("a user or password in a URL ends in logs; use `authorization`");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPostOptions(const HttpPostOptions& options) {
  if (options.connect_time <= absl::ZeroDuration() || options.answer_time < options.connect_time ||
      options.answer_time > kAnswerTimeMax)
    return absl::InvalidArgumentError("answer_time: must be at least connect_time and at most 20s");
  if (options.certificate_file.empty() != options.key_file.empty())
    return absl::InvalidArgumentError("certificate: and key: belong together");
  if (!options.proxy.empty()) return CheckPostUrl("proxy", options.proxy);
  return absl::OkStatus();
}

std::string PostSignature(std::string_view secret, int64_t unix_seconds, std::string_view body) {
  std::string signed_text = Concat(unix_seconds, ".", body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned size = 0;
  STOCKADE_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                      reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
                      mac.data(), &size) != nullptr);
  return Concat("t=", unix_seconds, ",v1=", Hex(mac.data(), size));
}

std::string UrlPart(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  // As a whole segment these would be steps up the path.
  if (text == "." || text == "..") return text.size() == 1 ? "%2E" : "%2E%2E";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

absl::StatusOr<std::string> ReadSecretFile(std::string_view key, const std::string& file, size_t bytes_min) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kSecretBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  if (stream.bad() || text.empty())
    return absl::FailedPreconditionError(
        Concat(key, ": ", PrintableText(file), " cannot be read, or is empty"));
  const size_t size = text.size();
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  if (size > kSecretBytesMax || text.size() < bytes_min) {
    return absl::FailedPreconditionError(Concat(key, ": ", PrintableText(file), " must hold ", bytes_min,
                                                " to ", kSecretBytesMax,
                                                " bytes; make one with `openssl rand -hex 32`"));
  }
  return text;
}

struct HttpPost::State {
  HttpPostOptions options;
  // Kept for its connections; made anew where one failed.
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{nullptr, curl_easy_cleanup};

  absl::Status Prepare(const HttpMessage& message, const Fields& fields, absl::Duration time, Answer* answer,
                       char* error);
};

HttpPost::HttpPost(HttpPostOptions options) : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->options = std::move(options);
}
HttpPost::~HttpPost() = default;

absl::Status HttpPost::State::Prepare(const HttpMessage& message, const Fields& fields, absl::Duration time,
                                      Answer* answer, char* error) {
  if (curl == nullptr) curl.reset(curl_easy_init());
  if (curl == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  CURL* const easy = curl.get();
  curl_easy_reset(easy);
  CURLcode code = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);
  };
  set(CURLOPT_URL, std::string(message.url).c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PATH_AS_IS, 1L);  // "/.." may be somebody's name
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, options.proxy.c_str());  // also empty: then the environment's is not used
  set(CURLOPT_POST, 1L);
  set(CURLOPT_CUSTOMREQUEST, std::string(message.method).c_str());
  set(CURLOPT_POSTFIELDS, message.body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.body.size()));
  set(CURLOPT_HTTPHEADER, fields.get());
  set(CURLOPT_WRITEFUNCTION, &TakeBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(answer));
  set(CURLOPT_HEADERFUNCTION, &TakeField);
  set(CURLOPT_HEADERDATA, static_cast<void*>(answer));
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_NOSIGNAL, 1L);
  // A name server that hangs must not be waited for when the time is over.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(absl::ToInt64Milliseconds(std::min(options.connect_time, time))));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(time)));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  if (!options.certificate_file.empty()) {
    set(CURLOPT_SSLCERT, options.certificate_file.c_str());
    set(CURLOPT_SSLKEY, options.key_file.c_str());
  }
  if (code == CURLE_OK) return absl::OkStatus();
  return absl::FailedPreconditionError(Concat("libcurl: ", curl_easy_strerror(code)));
}

absl::Status HttpPost::Send(const HttpMessage& message, std::chrono::steady_clock::time_point deadline) {
  State& state = *state_;
  const absl::Duration left = absl::FromChrono(deadline - std::chrono::steady_clock::now());
  const absl::Duration time = std::min(state.options.answer_time, left);
  if (time < absl::Milliseconds(1))
    return absl::DeadlineExceededError(
        Concat(Whereabouts(message.url), ": no time is left for this message"));

  Fields fields;
  bool added = AddField("Content-Type: application/json", &fields) && AddField("Expect:", &fields) &&
               AddField("User-Agent: Stockade", &fields) &&
               AddField(Concat("Idempotency-Key: ", message.id), &fields);
  if (!state.options.secret_file.empty()) {
    ASSIGN_OR_RETURN(const std::string secret,
                     ReadSecretFile("secret", state.options.secret_file, kSecretBytesMin));
    added = added && AddField(Concat("Stockade-Signature: ",
                                     PostSignature(secret, absl::ToUnixSeconds(absl::Now()), message.body)),
                              &fields);
  }
  if (!state.options.authorization.empty()) {
    ASSIGN_OR_RETURN(const std::string value,
                     ReadSecretFile("authorization", state.options.authorization, 1));
    if (std::any_of(value.begin(), value.end(),
                    [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }))
      return absl::FailedPreconditionError("authorization: the file must hold one line");
    added = added && AddField(Concat("Authorization: ", value), &fields);
  }
  if (!added) return absl::ResourceExhaustedError("no memory for a message");

  Answer answer;
  char error[CURL_ERROR_SIZE] = "";
  RETURN_IF_ERROR(state.Prepare(message, fields, time, &answer, error));
  const CURLcode code = curl_easy_perform(state.curl.get());
  long status = 0;
  curl_easy_getinfo(state.curl.get(), CURLINFO_RESPONSE_CODE, &status);
  const std::string where = Whereabouts(message.url);
  if (code != CURLE_OK) {
    state.curl.reset();
    if (answer.too_long) {
      return absl::UnavailableError(Concat(where, ": answered with more than ", kAnswerBytesMax >> 10,
                                           " KiB; is this the right receiver?"));
    }
    return absl::UnavailableError(
        Concat(where, ": ", PrintableText(error[0] == '\0' ? curl_easy_strerror(code) : error)));
  }
  if (status >= 200 && status <= 299) return absl::OkStatus();
  const std::string said = Concat(where, ": answered ", status, " '", PrintableText(answer.body), "'");
  if (status == 413 || status == 422) return absl::InvalidArgumentError(said);
  if (status >= 300 && status <= 399)
    return absl::UnavailableError(Concat(said, "; redirects are not followed: name the right URL"));
  if (status == 401 || status == 403)
    return absl::UnavailableError(Concat(said, "; does it have the same secret and the right time?"));
  return absl::UnavailableError(said);
}

const DeliveryNames::Name& DeliveryNames::Of(std::string_view content, int64_t now_ms) {
  std::array<unsigned char, 32> digest;
  STOCKADE_CHECK(EVP_Digest(content.data(), content.size(), digest.data(), nullptr, EVP_sha256(), nullptr) ==
                 1);
  std::string key(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (const auto found = by_digest_.find(key); found != by_digest_.end()) return found->second;
  if (by_digest_.size() >= kRememberedMax) by_digest_.clear();
  std::array<unsigned char, 16> random;
  STOCKADE_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
  return by_digest_.emplace(std::move(key), Name{Hex(random.data(), random.size()), now_ms}).first->second;
}

void DeliveryNames::Forget(std::string_view content) {
  std::array<unsigned char, 32> digest;
  STOCKADE_CHECK(EVP_Digest(content.data(), content.size(), digest.data(), nullptr, EVP_sha256(), nullptr) ==
                 1);
  by_digest_.erase(std::string(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace stockade
