// Signatures over texts as the openssl program makes them, by the certificates of a PKI of pki.h.
#pragma once

#include <string>
#include <vector>

#include "tests/adapters/certificate/pki.h"

namespace stockade {

// `openssl cms -sign` (or another program of its kind) in DER, detached and with the signer's certificate unless
// `options` say otherwise.
inline std::string SignText(const Pki& pki, const std::string& signer, const std::string& text,
                            const std::vector<std::string>& options = {},
                            const std::string& program = "cms") {
  const std::string out = pki.folder() / "signature.der";
  std::vector<std::string> command = {"openssl",  program,
                                      "-sign",    "-binary",
                                      "-outform", "DER",
                                      "-in",      pki.folder().Write("signed.txt", text),
                                      "-signer",  pki.pem_file(signer),
                                      "-inkey",   pki.key_file(signer),
                                      "-out",     out};
  command.insert(command.end(), options.begin(), options.end());
  const auto [code, said] = RunProgram(command);
  INFO(said);
  REQUIRE(code == 0);
  return ReadWholeFile(out);
}

// `line`: digits between two line ends; 0: no line ends.
inline std::string EncodeBase64(std::string_view bytes, size_t line = 0, bool url_safe = false) {
  const char* const digits = url_safe ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                                      : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string plain;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) {
      if (i + k > bytes.size()) {
        if (!url_safe) plain.push_back('=');
      } else {
        plain.push_back(digits[bits >> (18 - 6 * k) & 63]);
      }
    }
  }
  if (line == 0) return plain;
  std::string broken;
  for (size_t i = 0; i < plain.size(); i += line) broken += plain.substr(i, line) + "\r\n";
  return broken;
}

}  // namespace stockade
