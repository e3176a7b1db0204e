#include "adapters/certificate/certificate_encoding.h"

#include "adapters/certificate/structured_field.h"
#include "engine/event/digits.h"

namespace stockade {
namespace {

bool TakeLineEnd(std::string_view* text) noexcept {
  if (text->starts_with("\r\n")) {
    text->remove_prefix(2);
    return true;
  }
  if (!text->starts_with('\n')) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

bool DecodePercents(std::string_view text, std::string* out) {
  out->clear();
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return true;
}

bool ReadPemCertificates(std::string_view text, size_t count_max, std::vector<std::string>* ders) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  ders->clear();
  do {
    if (ders->size() == count_max || !text.starts_with(kBegin)) return false;
    text.remove_prefix(kBegin.size());
    if (!TakeLineEnd(&text)) return false;
    const size_t end = text.find(kEnd);
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\n') return false;
    std::string base64;
    base64.reserve(end);
    for (const char c : text.substr(0, end))
      if (c != '\n' && c != '\r') base64.push_back(c);
    std::string& der = ders->emplace_back();
    if (!DecodeBase64(base64, &der) || der.empty() || der.size() > kCertificateBytesMax) return false;
    text.remove_prefix(end + kEnd.size());
    if (!text.empty() && !TakeLineEnd(&text)) return false;
    while (TakeLineEnd(&text)) continue;
  } while (!text.empty());
  return true;
}

bool DecodeSentBase64(std::string_view text, size_t bytes_max, std::string* bytes) {
  bytes->clear();
  // Line ends of the shortest lines that anybody breaks, 64 digits, are a 32nd.
  if (text.size() > bytes_max * 2) return false;
  std::string plain;
  plain.reserve(text.size() + 3);
  bool has_plain = false, has_url_safe = false;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    has_plain = has_plain || c == '+' || c == ' ' || c == '/';
    has_url_safe = has_url_safe || c == '-' || c == '_';
    plain.push_back(c == '-' || c == ' ' ? '+' : c == '_' ? '/' : c);
  }
  if (has_plain && has_url_safe) return false;
  if (!plain.ends_with('=')) plain.append((4 - plain.size() % 4) % 4, '=');
  return DecodeBase64(plain, bytes) && !bytes->empty() && bytes->size() <= bytes_max;
}

}  // namespace stockade
