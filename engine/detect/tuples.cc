#include "engine/detect/tuples.h"

#include "engine/decision/target.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {

uint64_t TupleHasher::HashOf(std::string_view text, uint64_t salt) const noexcept {
  return text.empty() ? uint64_t{0} : SipHash128({key_.k0 ^ salt, key_.k1}, text).low | 1;
}

TupleTags TupleHasher::Of(const Attempt& attempt) const noexcept {
  const auto tag = [](TupleKind kind, uint64_t a, uint64_t b) {
    const Hash128 mixed = Combine({a, static_cast<uint64_t>(kind) + 1}, {b, 0});
    return mixed.low | 1;
  };
  const auto [ja4, agent] = browsers_.Of(attempt.ja4, attempt.user_agent, [&] {
    return Browser{HashOf(attempt.ja4, 0x6a61340000000000), HashOf(attempt.user_agent, 0x6167656e74000000)};
  });
  const uint64_t headers = HashOf(attempt.header_order, 0x6865616465727300);
  const uint64_t country = HashOf(attempt.country, 0x636f756e74727900);
  const uint64_t password = HashOf(attempt.password_id, 0x7061737377640000);
  TupleTags tags{};
  const auto set = [&](TupleKind kind, bool there, uint64_t a, uint64_t b) {
    if (there) tags[static_cast<size_t>(kind)] = tag(kind, a, b);
  };
  set(TupleKind::kJa4, ja4 != 0, ja4, 0);
  set(TupleKind::kAgent, agent != 0, ja4, agent);
  set(TupleKind::kHeaders, headers != 0, headers, 0);
  set(TupleKind::kHeadersJa4, headers != 0 && ja4 != 0, headers, ja4);
  set(TupleKind::kAsnJa4, attempt.asn != 0 && ja4 != 0, attempt.asn, ja4);
  set(TupleKind::kCountryJa4, country != 0 && ja4 != 0, country, ja4);
  set(TupleKind::kPassword, password != 0, password, 0);
  return tags;
}

std::string TextOf(const Attempt& attempt, TupleKind kind) {
  const auto shown = [](std::string_view text) { return Printed(PrintableText(text)); };
  switch (kind) {
    case TupleKind::kJa4:
      return Concat("JA4 ", shown(attempt.ja4));
    case TupleKind::kAgent:
      return Concat(attempt.ja4.empty() ? "" : Concat("JA4 ", shown(attempt.ja4), " with "), "user agent ",
                    shown(attempt.user_agent));
    case TupleKind::kHeaders:
      return Concat("header order ", shown(attempt.header_order));
    case TupleKind::kHeadersJa4:
      return Concat("header order ", shown(attempt.header_order), " with JA4 ", shown(attempt.ja4));
    case TupleKind::kAsnJa4:
      return Concat("AS", attempt.asn, " with JA4 ", shown(attempt.ja4));
    case TupleKind::kCountryJa4:
      return Concat("country ", shown(attempt.country), " with JA4 ", shown(attempt.ja4));
    case TupleKind::kPassword:
      return "one password on many accounts";
  }
  return {};
}

}  // namespace stockade
