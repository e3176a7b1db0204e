// A public-key infrastructure made on the spot by the openssl program: authorities and certificates with exact dates,
// signed by `openssl ca`. Keys are P-256 unless asked otherwise.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/adapters/programs.h"

namespace stockade {

inline std::string ReadWholeFile(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

class Pki {
 public:
  struct Wish {
    std::string subject;                    // "/CN=alice"
    std::string issuer;                     // the name of an authority; its own: self-signed
    std::string extensions = "client";      // a section of kConfig
    std::string from = "20240101000000Z";   // notBefore
    std::string until = "20250101000000Z";  // notAfter
    std::vector<std::string> key = {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"};
    std::string digest = "sha256";
    std::string key_of = "";  // the name of one whose key it has, too
    std::string serial = "";  // hexadecimal, of even length; empty: the next
  };

  Pki() { folder_.Write("config", "folder = " + folder_.path() + "\n" + kConfig); }

  // Makes NAME.key and NAME.pem.
  void Make(const std::string& name, const Wish& wish) {
    if (wish.key_of.empty()) {
      std::vector<std::string> generate = {"openssl", "genpkey", "-out", folder_ / (name + ".key")};
      generate.insert(generate.end(), wish.key.begin(), wish.key.end());
      Must(generate);
    } else {
      folder_.Write(name + ".key", ReadWholeFile(key_file(wish.key_of)));
    }
    Must({"openssl", "req", "-new", "-config", folder_ / "config", "-utf8", "-key", folder_ / (name + ".key"),
          "-subj", wish.subject, "-out", folder_ / (name + ".csr"), "-sha256"});
    // One database an authority; a fresh one each time, so that a subject may be certified twice.
    folder_.Write("index.txt", "");
    folder_.Write("index.txt.attr", "unique_subject = no\n");
    serials_[name] = wish.serial.empty() ? Serial() : wish.serial;
    folder_.Write("serial", serials_[name] + "\n");
    std::vector<std::string> sign = {"openssl",
                                     "ca",
                                     "-batch",
                                     "-notext",
                                     "-config",
                                     folder_ / "config",
                                     "-in",
                                     folder_ / (name + ".csr"),
                                     "-out",
                                     folder_ / (name + ".pem"),
                                     "-startdate",
                                     wish.from,
                                     "-enddate",
                                     wish.until,
                                     "-extensions",
                                     wish.extensions,
                                     "-md",
                                     wish.digest,
                                     "-preserveDN",
                                     "-keyfile",
                                     folder_ / (wish.issuer + ".key")};
    if (wish.issuer == name) {
      sign.push_back("-selfsign");
    } else {
      sign.insert(sign.end(), {"-cert", folder_ / (wish.issuer + ".pem")});
    }
    Must(sign);
  }

  // Makes FILE, in PEM: a CRL of that authority that lists those certificates. Times as in notBefore.
  std::string MakeCrl(const std::string& file, const std::string& authority,
                      const std::vector<std::string>& revoked,
                      const std::string& last_update = "20240501000000Z",
                      const std::string& next_update = "20240601000000Z",
                      const std::string& extensions = "crl") const {
    std::string index;
    for (const std::string& name : revoked)
      index += "R\t250101000000Z\t240201000000Z\t" + serials_.at(name) + "\tunknown\t/CN=" + name + "\n";
    folder_.Write("index.txt", index);
    folder_.Write("index.txt.attr", "unique_subject = no\n");
    Must({"openssl", "ca", "-gencrl", "-config", folder_ / "config", "-md", "sha256", "-keyfile",
          key_file(authority), "-cert", pem_file(authority), "-crl_lastupdate", last_update,
          "-crl_nextupdate", next_update, "-crlexts", extensions, "-out", folder_ / file});
    return folder_ / file;
  }

  // Hexadecimal, of even length.
  const std::string& serial(const std::string& name) const { return serials_.at(name); }
  std::string pem_file(const std::string& name) const { return folder_ / (name + ".pem"); }
  std::string key_file(const std::string& name) const { return folder_ / (name + ".key"); }
  std::string Der(const std::string& name) const {
    const std::string file = folder_ / (name + ".der");
    Must({"openssl", "x509", "-in", pem_file(name), "-outform", "DER", "-out", file});
    return ReadWholeFile(file);
  }
  const TemporaryFolder& folder() const { return folder_; }

  // `openssl verify`'s answer: 0, or the number of its first error.
  int OpensslVerify(const std::string& leaf, const std::vector<std::string>& anchors,
                    const std::vector<std::string>& sent, int64_t time_s) const {
    std::string all_anchors, all_sent;
    for (const std::string& name : anchors) all_anchors += ReadWholeFile(pem_file(name));
    for (const std::string& name : sent) all_sent += ReadWholeFile(pem_file(name));
    std::vector<std::string> verify = {"openssl",
                                       "verify",
                                       "-no-CApath",
                                       "-no-CAstore",
                                       "-partial_chain",
                                       "-auth_level",
                                       "2",
                                       "-purpose",
                                       "sslclient",
                                       "-attime",
                                       std::to_string(time_s),
                                       "-CAfile",
                                       folder_.Write("verify_anchors", all_anchors)};
    if (!sent.empty()) verify.insert(verify.end(), {"-untrusted", folder_.Write("verify_sent", all_sent)});
    verify.push_back(pem_file(leaf));
    const auto [code, text] = RunProgram(verify);
    if (code == 0) return 0;
    const size_t at = text.find("error ");
    REQUIRE(at != std::string::npos);
    return std::atoi(text.c_str() + at + 6);
  }

 private:
  static constexpr char kConfig[] = R"(
[req]
distinguished_name = name
string_mask = utf8only
[name]
[ca]
default_ca = authority
[authority]
dir = $folder
new_certs_dir = $dir
database = $dir/index.txt
serial = $dir/serial
policy = anything
email_in_dn = yes
[anything]
countryName = optional
organizationName = optional
commonName = optional
emailAddress = optional
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[no_authority]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
[crl]
authorityKeyIdentifier = keyid
[crl_critical]
authorityKeyIdentifier = keyid
1.2.3.4 = critical, DER:0500
[server_authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
[authority_0]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[authority_of_example]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nameConstraints = critical, permitted;email:example.org
[authority_of_policy]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 1.2.3.4, 1.2.3.5
policyConstraints = critical, requireExplicitPolicy:0
[of_policy]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
certificatePolicies = 1.2.3.4
[unknown_extension]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
1.2.3.4 = critical, DER:0500
[code_signer]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth, codeSigning
[client]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[client_of_responder]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
authorityInfoAccess = OCSP;URI:https://ocsp.example/, caIssuers;URI:http://ca.example/, OCSP;URI:http://ocsp.example:81/a?b
[responder]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = OCSPSigning
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[encipher]
basicConstraints = CA:FALSE
keyUsage = keyEncipherment
[any_use]
basicConstraints = CA:FALSE
[mail]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = email:Alice@Example.org
[two_mails]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = email:alice@example.org, email:bob@example.org
[upn]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = email:other@example.org, otherName:1.3.6.1.4.1.311.20.2.3;UTF8:Alice@corp.example
[two_upns]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = otherName:msUPN;UTF8:alice@corp.example, otherName:msUPN;UTF8:bob@corp.example
[odd_upn]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = otherName:msUPN;INT:4711
[own_extension]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
1.3.6.1.4.1.55555.1 = ASN1:UTF8String:D-4711
[own_and_other]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
1.3.6.1.4.1.55555.1 = ASN1:UTF8String:D-4711
subjectAltName = otherName:1.3.6.1.4.1.55555.1;UTF8:d-4712
)";

  static void Must(const std::vector<std::string>& command) {
    const auto [code, text] = RunProgram(command);
    INFO(text);
    for (const std::string& word : command) UNSCOPED_INFO(word);
    REQUIRE(code == 0);
  }
  std::string Serial() { return std::to_string(1000 + ++serial_); }

  TemporaryFolder folder_;
  int serial_ = 0;
  std::map<std::string, std::string> serials_;
};

}  // namespace stockade
