// Every reader of foreign decisions on any bytes: none is guessed, what one reads can be sent, and is read again as it was.
#include <cstdlib>
#include <string>

#include "adapters/exchange/exchange_format.h"
#include "adapters/exchange/stix_pattern.h"
#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stockade;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr int64_t kNow = 1'795'694'400'000;  // 2026-11-26T12:00:00Z
  static_cast<void>(DetectExchangeFormat(text));
  static_cast<void>(ReadAddressPattern(text));
  for (const ExchangeFormat format :
       {ExchangeFormat::kPlain, ExchangeFormat::kCrowdsec, ExchangeFormat::kStix, ExchangeFormat::kNdjson}) {
    absl::StatusOr<Exchanged> read = ReadExchanged(format, text, kNow);
    if (!read.ok()) continue;
    STOCKADE_CHECK(read->problems.size() <= read->refused);
    for (NewDecision& decision : read->decisions) {
      STOCKADE_CHECK(!decision.target.value.empty() && decision.line > 0);
      // No reader gives a network that is a large part of the internet.
      const Prefix& prefix = decision.target.prefix;
      const bool is_network = decision.target.scope == Scope::kIp || decision.target.scope == Scope::kRange;
      STOCKADE_CHECK(!is_network ||
                     prefix.length >= (prefix.address.is_v4() ? kNetworkBitsMinV4 : kNetworkBitsMinV6));
      if (!decision.action) decision.action = Action::kBlock;
      if (!decision.for_ms && !decision.until_ms) decision.for_ms = 1000;
      if (decision.reason.empty()) decision.reason = "r";
      if (!CheckNewDecision(decision, kNow).ok()) continue;
      const absl::StatusOr<NewDecision> again = ReadNewDecision(ToJson(decision));
      STOCKADE_CHECK(again.ok() && again->target == decision.target && again->action == decision.action);
    }
  }
  return 0;
}
