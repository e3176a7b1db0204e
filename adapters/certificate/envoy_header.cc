#include "adapters/certificate/envoy_header.h"

#include <optional>

#include "absl/strings/match.h"
#include "adapters/certificate/certificate_encoding.h"
#include "adapters/certificate/evidence.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct Pair {
  std::string_view key;
  std::string_view value;  // without its quotes, escapes as they stand
};

// Takes one pair off the front, up to the "," or ";" behind it. False where it is none.
bool TakePair(std::string_view* text, Pair* pair) noexcept {
  const size_t equals = text->find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  pair->key = text->substr(0, equals);
  if (pair->key.find_first_of(",;\"\\ \t") != std::string_view::npos) return false;
  text->remove_prefix(equals + 1);
  if (!text->starts_with('"')) {
    pair->value = text->substr(0, text->find_first_of(",;"));
    if (pair->value.find('"') != std::string_view::npos) return false;
    text->remove_prefix(pair->value.size());
    return true;
  }
  size_t end = 1;
  while (end < text->size() && (*text)[end] != '"') end += (*text)[end] == '\\' ? 2 : 1;
  if (end >= text->size()) return false;
  pair->value = text->substr(1, end - 1);
  text->remove_prefix(end + 1);
  return text->empty() || text->front() == ',' || text->front() == ';';
}

struct Element {
  std::optional<std::string_view> cert, chain;
  bool has_names = false;  // URI or DNS

  // False where the pair must not stand here.
  bool Add(const Pair& pair) noexcept {
    const auto is = [&](std::string_view key) {
      return absl::EqualsIgnoreCase(ToAbsl(pair.key), ToAbsl(key));
    };
    has_names = has_names || is("URI") || is("DNS");
    std::optional<std::string_view>* const held = is("Cert") ? &cert : is("Chain") ? &chain : nullptr;
    if (held == nullptr) return true;
    if (held->has_value() || has_names) return false;
    *held = pair.value;
    return true;
  }
};

bool ReadCertificates(std::string_view escaped, std::vector<std::string>* ders) {
  std::string pem;
  return escaped.size() <= kEscapedCertificateBytesMax * kCertificatesShownMax &&
         DecodePercents(escaped, &pem) && ReadPemCertificates(pem, kCertificatesShownMax, ders);
}

}  // namespace

bool ReadEnvoyCertificates(std::string_view value, std::vector<std::string>* ders) {
  Element element;
  for (Pair pair;;) {
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    if (!TakePair(&value, &pair) || !element.Add(pair)) return false;
    if (value.empty()) break;
    if (value.front() == ',') {
      if (element.has_names) return false;
      element = Element();
    }
    value.remove_prefix(1);
  }
  if (element.chain) {
    if (!ReadCertificates(*element.chain, ders)) return false;
    if (!element.cert) return true;
    std::vector<std::string> leaf;
    return ReadCertificates(*element.cert, &leaf) && leaf.size() == 1 && leaf[0] == ders->front();
  }
  return element.cert && ReadCertificates(*element.cert, ders) && ders->size() == 1;
}

}  // namespace stockade
