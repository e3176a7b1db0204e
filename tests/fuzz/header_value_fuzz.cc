// HTTP Basic, cookies, parameters and paths on any bytes; and a whole login whose head is the lines of the input.
#include "adapters/gateway/header_value.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "adapters/gateway/account_text.h"
#include "adapters/gateway/header_parameters.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/path_match.h"
#include "engine/status.h"

namespace {

std::unique_ptr<stockade::LoginExchange> MakeExchange() {
  using From = stockade::ValueSource::From;
  stockade::EndpointSettings endpoint;
  endpoint.path = "/login";
  endpoint.account = {
      {From::kBasic, "user"}, {From::kBody, "user"}, {From::kCookie, "user"}, {From::kQuery, "user"}};
  endpoint.password = {{From::kBasic, "password"}, {From::kBody, "password"}};
  endpoint.device = {{From::kCookie, "device"}};
  auto made = stockade::LoginExchange::Create({endpoint}, stockade::HashKey{1, 2});
  STOCKADE_CHECK(made.ok());
  return *std::move(made);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<stockade::LoginExchange> exchange = MakeExchange();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  // target, then "name:value" lines up to an empty one, then the body
  std::vector<stockade::HeaderField> fields;
  std::string_view target;
  for (bool first = true; !text.empty(); first = false) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    const size_t colon = std::min(line.find(':'), line.size());
    if (first) {
      target = line;
    } else {
      fields.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size()))});
    }
    stockade::ReadParameters(line);
    STOCKADE_CHECK(!stockade::ResolvePath(line).empty());
  }
  const stockade::RequestView request{"POST", target, fields};
  const int endpoint = exchange->Find(request);
  STOCKADE_CHECK(endpoint == 0 || endpoint == stockade::LoginExchange::kNoEndpoint);
  stockade::LoginClaim claim;
  const stockade::LoginReadError error = exchange->ReadRequest(0, request, text, &claim);
  STOCKADE_CHECK((error == stockade::LoginReadError::kNone) == claim.has_account ||
                 (claim.has_account && error != stockade::LoginReadError::kNoAccount));
  STOCKADE_CHECK(claim.password_id.empty() || claim.password_id.size() == 32);
  // What is recorded reads back as the same: it is UTF-8 and stays itself.
  STOCKADE_CHECK(stockade::Utf8Text(claim.account, claim.account.size()) == claim.account);
  STOCKADE_CHECK(stockade::Utf8Text(claim.device, claim.device.size()) == claim.device);
  STOCKADE_CHECK(claim.account.size() <= 4 * stockade::kAccountBytesMax);
  return 0;
}
