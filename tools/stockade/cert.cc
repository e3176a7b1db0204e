// stockade cert check: what the gate would say of a certificate, step by step.
#include <openssl/pem.h>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/ocsp_client.h"
#include "adapters/certificate/ocsp_memory.h"
#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/verifier.h"
#include "adapters/source/timestamp.h"
#include "engine/event/printable_text.h"
#include "engine/gate/assess.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/certificate_options.h"
#include "tools/stockade/command.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/json_writer.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

// A leaf and what is sent with it, in PEM with text around it.
constexpr size_t kShownFileBytesMax = size_t{1} << 20;

constexpr std::string_view kCertFooter = R"(
FILE holds what a client would show: PEM with the certificate first and then what it sends along, or one
certificate in DER. Anchors, lists, names and floors are those of the settings, or of the options below.

Examples:
  stockade cert check alice.pem -c stockade.yaml --account alice
  stockade cert check alice.pem --anchors bank-ca.pem --crls /var/lib/crls --at 2027-01-31T23:59:59Z
  stockade cert check alice.pem -c stockade.yaml --ask

Possession of the key is not asked here: a running gate has it from TLS, a proxy or a signature.

Exit codes: 0 the certificate is good · 1 it is not, or nobody knows · 2 wrong arguments, settings or files
)";

struct CertOptions {
  std::string file;
  std::string config_file;
  std::string at;
  std::optional<std::string> account;
  std::string ocsp_file;
  bool ask = false;
  CertificateSettings settings;
  bool json = false;
};

// One that was asked, and what is known since.
struct Asked {
  OcspQuestion question;
  OcspMemory::Known known;
};

// The checks of verifier.h, in its order, and which words each of them ends with.
struct Step {
  std::string_view name;
  std::string_view asks;
};
constexpr std::array<Step, 4> kSteps = {{
    {"form", "X.509 as RFC 5280 has it, of a size that is looked at"},
    {"path", "to an anchor: signatures, dates, purpose, authorities, names, policies, keys, serial number"},
    {"revocation", "in the lists and, where they leave it open, of responders"},
    {"account", "the certificate speaks for"},
}};
constexpr size_t StepOf(CertificateStatus status) {
  switch (status) {
    case CertificateStatus::kMissing:
    case CertificateStatus::kMalformed:
      return 0;
    case CertificateStatus::kRevoked:
    case CertificateStatus::kRevocationUnknown:
    case CertificateStatus::kUnconfirmed:
      return 2;
    case CertificateStatus::kMismatch:
      return 3;
    case CertificateStatus::kValid:
    case CertificateStatus::kUnchecked:
      return kSteps.size();
    default:
      return 1;
  }
}

absl::StatusOr<CertificateEvidence> ReadShown(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kShownFileBytesMax));
  CertificateEvidence shown;
  shown.from = CertificateEvidence::From::kTls;
  if (text.find("-----BEGIN ") == std::string::npos) {
    shown.leaf_der = text;
    return shown;
  }
  const ClearErrorsAtEnd clear;
  const OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (const OwnedX509 certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    std::string der;
    if (!EncodeDer(certificate.get(), &der))
      return absl::InvalidArgumentError(Concat(file, ": ", LastOpensslError()));
    if (shown.leaf_der.empty()) {
      shown.leaf_der = std::move(der);
    } else {
      shown.chain_der.push_back(std::move(der));
    }
  }
  if (shown.leaf_der.empty())
    return absl::InvalidArgumentError(Concat(file, ": holds no certificate that can be read, in PEM or DER"));
  return shown;
}

// What a person wants to see of it first. Nothing of this is checked.
std::vector<std::pair<std::string, std::string>> Describe(const std::string& der) {
  std::vector<std::pair<std::string, std::string>> lines;
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const OwnedX509 certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (certificate == nullptr) return lines;
  lines.emplace_back("subject", SubjectOf(certificate.get()));
  lines.emplace_back("issuer", NameText(X509_get_issuer_name(certificate.get())));
  lines.emplace_back("not_before", TimeText(X509_get0_notBefore(certificate.get())));
  lines.emplace_back("not_after", TimeText(X509_get0_notAfter(certificate.get())));
  if (const EVP_PKEY* const key = X509_get0_pubkey(certificate.get()); key != nullptr)
    lines.emplace_back("key", Concat(EVP_PKEY_get0_type_name(key), ", ", EVP_PKEY_get_bits(key), " bits"));
  return lines;
}

std::string TextOf(const OcspMemory::Known& known) {
  switch (known.status) {
    case OcspStatus::kGood:
      return absl::FormatTime("good, until %Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(known.until_s),
                              absl::UTCTimeZone());
    case OcspStatus::kRevoked:
      return known.why;
    case OcspStatus::kUnknown:
      break;
  }
  return Concat("unknown: ", known.why);
}

// Waits for the answers, at most the time that the settings let a login wait.
absl::Status AskNow(const CertificateSettings& settings, const std::vector<OcspQuestion>& questions,
                    const std::shared_ptr<OcspMemory>& memory, std::vector<Asked>* asked) {
  ASSIGN_OR_RETURN(const std::unique_ptr<OcspClient> client,
                   OcspClient::Start(OcspClientOptionsOf(settings), memory));
  std::promise<void> answered;
  client->Ask(questions, [&answered] { answered.set_value(); });
  answered.get_future().wait();
  const int64_t now_s = absl::ToUnixSeconds(absl::Now());
  for (const OcspQuestion& question : questions)
    asked->push_back({question, memory->Find(question.key, now_s)});
  return absl::OkStatus();
}

// What follows from the word, by the table of the settings.
std::string_view Consequence(CertificateStatus status, const CertificateVerdicts& verdicts) {
  if (verdicts.policy() == CertificatePolicy::kIgnored)
    return "nothing: certificates are ignored by the settings";
  if (status == CertificateStatus::kValid) return "the login goes on in the certified lane";
  switch (verdicts.Of(status)) {
    case VerdictKind::kAllow:
      return "the login goes on in the lane of its network and device";
    case VerdictKind::kThrottle:
      return "the login is told to try again later; nobody is charged";
    case VerdictKind::kChallenge:
      return "the login is asked for another proof of who it is, before the password is checked";
    case VerdictKind::kDeny:
      break;
  }
  return "the login is denied before the password is checked; its source is charged, the account is not";
}

void PrintText(const CertificateEvidence& shown, const CertificateVerdict& verdict,
               const std::array<bool, 4>& asked, const std::vector<Asked>& responders,
               const CertificateVerdicts& verdicts, Console& console) {
  for (const auto& [name, value] : Describe(shown.leaf_der))
    console.out << PadRight(name, 12) << value << "\n";
  console.out << PadRight("sent along", 12) << shown.chain_der.size() << " certificates\n\n";
  for (const Asked& one : responders) {
    console.out << PadRight("asked", 12) << PrintableText(one.question.url) << " about " << one.question.about
                << ": " << TextOf(one.known) << "\n";
  }
  for (const OcspQuestion& question : verdict.ask) {
    console.out << PadRight("not asked", 12) << PrintableText(question.url) << " about " << question.about
                << (responders.empty() ? "; --ask asks" : "") << "\n";
  }
  if (!responders.empty() || !verdict.ask.empty()) console.out << "\n";
  const size_t failed = StepOf(verdict.status);
  for (size_t i = 0; i < kSteps.size(); ++i) {
    const std::string_view mark = !asked[i] || i > failed ? "not asked" : i == failed ? "no" : "yes";
    const Style style = mark == "yes" ? Style::kGreen : mark == "no" ? Style::kRed : Style::kDim;
    console.out << Styled(console, style, PadRight(mark, 12)) << PadRight(kSteps[i].name, 12)
                << kSteps[i].asks << "\n";
  }
  console.out << "\n"
              << Styled(console, Style::kBold, Name(verdict.status)) << ": " << verdict.explanation << "\n"
              << "so " << Consequence(verdict.status, verdicts) << "\n";
}

void PrintJson(const CertificateEvidence& shown, const CertificateVerdict& verdict,
               const std::vector<Asked>& responders, absl::Time at, const CertificateVerdicts& verdicts,
               Console& console) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : Describe(shown.leaf_der)) json.Key(name).Text(value);
  json.Key("at").Text(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", at, absl::UTCTimeZone()));
  if (!responders.empty()) {
    json.Key("asked").BeginList();
    for (const Asked& one : responders) {
      json.BeginObject().Key("url").Text(one.question.url).Key("about").Text(one.question.about);
      json.Key("answer").Text(TextOf(one.known)).EndObject();
    }
    json.EndList();
  }
  json.Key("login.certificate").Text(Name(verdict.status)).Key("why").Text(verdict.explanation);
  json.Key("then").Text(Consequence(verdict.status, verdicts));
  json.EndObject();
  console.out << json.text() << "\n";
}

int CheckCertificate(CertOptions options, Console& console) {
  CertificateVerdicts verdicts;
  if (!options.config_file.empty()) {
    const absl::StatusOr<Config> config = LoadConfig(options.config_file);
    if (!config.ok()) return Fail(console, FromAbsl(config.status().message()));
    verdicts = config->engine.certificates;
    if (config->gateway.has_value() && options.settings.anchor_files.empty()) {
      std::vector<std::string> crls = std::move(options.settings.crl_paths);
      options.settings = config->gateway->certificates;
      if (!crls.empty()) options.settings.crl_paths = std::move(crls);
    }
  }
  if (options.settings.anchor_files.empty())
    return Fail(console,
                "nothing to trust: name --anchors, or settings with gateway.certificates.anchors by -c");
  absl::Time at = absl::Now();
  if (!options.at.empty()) {
    const auto ns = ParseIso8601(options.at, LocalZone(absl::UTCTimeZone()));
    if (!ns)
      return Fail(console, Concat("--at: ", Quoted(options.at), " is no time, as 2027-01-31T23:59:59Z"));
    at = absl::FromUnixNanos(*ns);
  }
  if (options.ask && !options.at.empty())
    return Fail(console, "--ask asks now; what a responder would have said at another time nobody knows");
  absl::StatusOr<CertificateEvidence> shown = ReadShown(options.file);
  if (!shown.ok()) return Fail(console, FromAbsl(shown.status().message()));
  if (!options.ocsp_file.empty()) {
    absl::StatusOr<std::string> response = ReadWholeFile(options.ocsp_file, kOcspResponseBytesMax);
    if (!response.ok()) return Fail(console, FromAbsl(response.status().message()));
    shown->ocsp_der = *std::move(response);
  }
  if ((options.ask || !options.ocsp_file.empty()) && !options.settings.ocsp) options.settings.ocsp.emplace();
  if (options.ask && !AsksResponders(options.settings)) options.settings.ocsp->from_certificate = true;

  std::shared_ptr<CurrentCrls> crls;
  if (!options.settings.crl_paths.empty()) {
    std::shared_ptr<const CrlSet> set = CrlSet::Load(CrlOptionsOf(options.settings));
    for (const CrlProblem& problem : set->problems())
      console.err << "stockade: revocation list " << problem.file << ": " << problem.what << "\n";
    for (const std::string& line : set->StaleAt(at))
      console.err << "stockade: revocation list is stale: " << line << "\n";
    crls = std::make_shared<CurrentCrls>(std::move(set));
  }
  const auto answers = std::make_shared<OcspMemory>();
  std::shared_ptr<const Current<AccountTable>> accounts;
  if (!options.settings.accounts_file.empty()) {
    absl::StatusOr<std::shared_ptr<const AccountTable>> table =
        AccountTable::Load(options.settings.accounts_file);
    if (!table.ok()) return Fail(console, FromAbsl(table.status().message()));
    accounts = std::make_shared<Current<AccountTable>>(*std::move(table));
  }
  const auto verifier =
      CertificateVerifier::Create(VerifierOptionsOf(options.settings, crls, accounts, answers));
  if (!verifier.ok()) return Fail(console, FromAbsl(verifier.status().message()));
  CertificateVerdict verdict = (*verifier)->Verify(*shown, options.account.value_or(""), at);
  std::vector<Asked> asked;
  if (options.ask && !verdict.ask.empty()) {
    if (const absl::Status status = AskNow(options.settings, verdict.ask, answers, &asked); !status.ok())
      return Fail(console, FromAbsl(status.message()));
    verdict = (*verifier)->Verify(*shown, options.account.value_or(""), absl::Now());
  }
  // Without an account there is nobody that it could not be.
  if (!options.account && verdict.status == CertificateStatus::kMismatch) {
    verdict.status = CertificateStatus::kValid;
    verdict.explanation = "whose it is was not asked; --account asks";
  }
  if (options.json) {
    PrintJson(*shown, verdict, asked, at, verdicts, console);
  } else {
    PrintText(*shown, verdict,
              {true, true, crls != nullptr || options.settings.ocsp.has_value(), options.account.has_value()},
              asked, verdicts, console);
  }
  return verdict.status == CertificateStatus::kValid ? kExitFine : kExitFindings;
}

}  // namespace

int RunCert(std::span<const std::string> arguments, Console& console) {
  constexpr std::string_view kUsage = "stockade cert check FILE";
  if (!arguments.empty() && arguments[0] == "check") {
    arguments = arguments.subspan(1);
  } else if (!arguments.empty() && arguments[0] != "--help" && arguments[0] != "-h") {
    return Fail(console, Concat("cert: no ", Quoted(arguments[0]), "; what there is: ", kUsage));
  } else if (arguments.empty()) {
    return Fail(console, Concat("cert: what of it? ", kUsage, "\nstockade cert --help says more"));
  }
  CertOptions options;
  CLI::App app("Says what the gate would say of a certificate, and why.", "stockade cert check");
  app.add_option("FILE", options.file, "What the client shows: PEM or DER")->required();
  app.add_option("-c,--config", options.config_file, "Settings")->type_name("FILE");
  app.add_option("--account", options.account, "Who is logging in")->type_name("NAME");
  app.add_option("--at", options.at, "At this time instead of now")->type_name("TIME");
  app.add_option("--anchors", options.settings.anchor_files, "Authorities to trust, PEM; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--intermediates", options.settings.intermediate_files,
                 "Known, not trusted, PEM; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--crls", options.settings.crl_paths, "Revocation lists: files or folders")
      ->type_name("PATH");
  app.add_option("--ocsp", options.ocsp_file, "An OCSP response that comes with it, DER")->type_name("FILE");
  app.add_flag("--ask", options.ask,
               "Ask the responders of the settings, or the one that the certificate names");
  app.add_option("--account-from", options.settings.account_from,
                 "What of it is the account: cn, uid, email, upn, serial_number, an OID, none")
      ->type_name("PART");
  app.add_option("--account-pattern", options.settings.account_pattern,
                 "RE2 whose first group is the account")
      ->type_name("RE2");
  app.add_option("--account-template", options.settings.account_template,
                 "The account in terms of the pattern's groups, as \\2-\\1")
      ->type_name("TEXT");
  app.add_option("--accounts", options.settings.accounts_file, "Table of accounts, NDJSON")
      ->type_name("FILE");
  app.add_flag("--json", options.json, "Print JSON");
  app.footer(std::string(kCertFooter));
  if (const std::optional<int> done = ParseArguments(&app, arguments, console)) return *done;
  return CheckCertificate(std::move(options), console);
}

}  // namespace stockade
