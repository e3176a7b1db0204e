// Certificate fields of any names and values, one "name: value" a line: evidence is whole or it is none, the limits hold,
// and what is read is what may go on.
#include "adapters/certificate/from_header.h"

#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using stockade::CertificateEvidence;
using stockade::CertificateForm;

struct Field {
  std::string_view name, value;
};

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Field> fields;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    const size_t colon = std::min(line.find(": "), line.size());
    fields.push_back({line.substr(0, colon), line.substr(std::min(colon + 2, line.size()))});
    start = end + 1;
  }
  for (size_t i = 0; i < stockade::kCertificateFormNames.size(); ++i) {
    const auto form = static_cast<CertificateForm>(i);
    const CertificateEvidence evidence = stockade::ReadCertificateFields(form, fields);
    const bool shown = evidence.from == CertificateEvidence::From::kHeader;
    Require(evidence.from != CertificateEvidence::From::kTls);
    Require(shown != evidence.leaf_der.empty());
    Require(evidence.leaf_der.size() <= stockade::kCertificateBytesMax);
    for (const std::string& der : evidence.chain_der)
      Require(!der.empty() && der.size() <= stockade::kCertificateBytesMax);
    Require(evidence.chain_der.size() <= (shown ? stockade::kCertificateChainMax : 0));
    Require(shown || evidence.refused_by_front.empty());
    if (form == CertificateForm::kNone) Require(evidence.from == CertificateEvidence::From::kNone);
    // Taking off what an unlisted peer may not send leaves nothing to read.
    std::vector<Field> left;
    for (const Field& field : fields)
      if (stockade::MayPassOn(field.name, form, false)) left.push_back(field);
    Require(stockade::ReadCertificateFields(form, left).from == CertificateEvidence::From::kNone);
  }
  return 0;
}
