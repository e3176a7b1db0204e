#include "adapters/gateway/login_exchange.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "adapters/certificate/signed_text.h"
#include "adapters/gateway/account_text.h"
#include "adapters/gateway/form_body.h"
#include "adapters/gateway/header_value.h"
#include "adapters/gateway/outcome_table.h"
#include "adapters/gateway/path_match.h"
#include "adapters/gateway/request_body.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// X-HTTP-Method-Override and its kin, "_" for "-" as gateways that make variables of names have it.
bool IsMethodOverride(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"x-http-method-override", "x-http-method",
                                                      "x-method-override"};
  return std::any_of(kNames.begin(), kNames.end(), [name](std::string_view known) {
    return name.size() == known.size() &&
           std::equal(name.begin(), name.end(), known.begin(), [](char given, char wanted) {
             return (given == '_' ? '-' : absl::ascii_tolower(static_cast<unsigned char>(given))) == wanted;
           });
  });
}

constexpr size_t kRequestIdBytesMax = 128;

bool IsSaneRequestId(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kRequestIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           (c != '\0' && std::string_view("-_.:/+=@").find(c) != std::string_view::npos);
  });
}

// One request while its values are looked up.
class RequestReader {
 public:
  RequestReader(const RequestView& request, std::string_view body)
      : request_(request), body_(request, body) {}

  // The first of the sources that yields a value. An error ends the search where it leaves open which value the
  // application takes; a body of a type we do not read is no answer, and a later source may still have one.
  LoginReadError Find(const std::vector<ValueSource>& sources, FoundValue* value) {
    LoginReadError missed = LoginReadError::kNone;
    for (const ValueSource& source : sources) {
      const LoginReadError error = Read(source, value);
      if (error == LoginReadError::kUnknownType) {
        missed = error;
      } else if (error != LoginReadError::kNone) {
        return error;
      } else if (value->found) {
        return LoginReadError::kNone;
      }
    }
    value->Clear();
    return missed;
  }

 private:
  LoginReadError Read(const ValueSource& source, FoundValue* value) {
    using Type = RequestBody::Type;
    switch (source.from) {
      case ValueSource::From::kBody:
        return body_.Read(source.name, value);
      case ValueSource::From::kForm:
        if (body_.type() == Type::kJson) break;
        return body_.Read(source.name, value);
      case ValueSource::From::kJson:
        if (body_.type() == Type::kForm || body_.type() == Type::kMultipart) break;
        return body_.Read(source.name, value);
      case ValueSource::From::kHeader:
        return ReadHeader(request_.fields, source.name, value);
      case ValueSource::From::kQuery:
        return ReadFormField(request_.query(), source.name, value);
      case ValueSource::From::kCookie:
        return ReadCookie(request_.fields, source.name, value);
      case ValueSource::From::kBasic: {
        value->Clear();
        BasicCredentials basic;
        const LoginReadError error = ReadBasic(request_.fields, &basic);
        FoundValue& wanted = source.name == "password" ? basic.password : basic.user;
        if (error != LoginReadError::kNone || !wanted.found) return error;
        value->found = true;
        value->text.Swap(wanted.text);
        return LoginReadError::kNone;
      }
    }
    value->Clear();
    return LoginReadError::kNone;
  }

  const RequestView& request_;
  const RequestBody body_;
};

// A text of a certificate's kind: a fault where it stands there and nobody can say what it is.
CertificateEvidence::Fault ReadProof(RequestReader* reader, const std::vector<ValueSource>& sources,
                                     size_t bytes_max, std::string* text) {
  FoundValue value;
  const LoginReadError error = reader->Find(sources, &value);
  if (error != LoginReadError::kNone && error != LoginReadError::kUnknownType)
    return CertificateEvidence::Fault::kUnreadable;
  if (!value.found) return CertificateEvidence::Fault::kNone;
  if (value.separator_inside || value.text.size() > bytes_max) return CertificateEvidence::Fault::kUnreadable;
  text->assign(value.text.view());
  return CertificateEvidence::Fault::kNone;
}

class Exchange final : public LoginExchange {
 public:
  struct Compiled {
    EndpointSettings settings;
    PathMatch path;
    OutcomeTable outcomes;
    std::optional<SignedText> signed_text;
  };

  Exchange(std::vector<Compiled> endpoints, const HashKey& key)
      : endpoints_(std::move(endpoints)), key_(key) {}

  int Find(const RequestView& request) const noexcept override {
    const std::string_view path = request.path();
    bool is_method_of_some = false;
    size_t found = endpoints_.size();  // the first that the path fits, in whatever form
    for (size_t i = 0; i < found; ++i) {
      if (!TakesMethod(i, request)) continue;
      is_method_of_some = true;
      if (endpoints_[i].path.Matches(path)) found = i;
    }
    // The target "*" is no path.
    if (is_method_of_some && path != "*" && NeedsResolving(path)) {
      const auto find_before = [&](auto fits) {
        for (size_t i = 0; i < found; ++i)
          if (TakesMethod(i, request) && fits(endpoints_[i].path)) found = i;
      };
      const bool is_read = VisitReadings(path, [&](std::string_view form) {
        find_before([&](const PathMatch& match) { return match.Matches(form); });
      });
      if (!is_read) find_before([](const PathMatch&) { return true; });
    }
    return found < endpoints_.size() ? static_cast<int>(found) : kNoEndpoint;
  }
  const EndpointSettings& endpoint(int index) const noexcept override { return At(index).settings; }
  int endpoint_count() const noexcept override { return static_cast<int>(endpoints_.size()); }

  LoginReadError ReadRequest(int index, const RequestView& request, std::string_view body,
                             LoginClaim* claim) const override {
    *claim = LoginClaim();
    ReadFields(request, claim);
    const EndpointSettings& settings = At(index).settings;
    RequestReader reader(request, body);
    FoundValue value;
    // A device is the client's own word in any case: two cookies are no reason to refuse him.
    reader.Find(settings.device, &value);
    if (value.found) claim->device = Utf8Text(value.text.view(), kHeaderTextBytesMax);

    LoginReadError error = reader.Find(settings.account, &value);
    if (error != LoginReadError::kNone) return error;
    if (value.found && value.separator_inside) return LoginReadError::kTwoValues;
    // What an application that hands the name to C makes of a zero byte is another name.
    if (value.found && value.text.view().find('\0') != std::string_view::npos)
      return LoginReadError::kBadBody;
    std::string typed_account;
    if (value.found) {
      claim->account = AccountText(value.text.view(), settings.fold_account_case);
      typed_account.assign(value.text.view().substr(0, kSignedTextBytesMax + 1));
    }
    claim->has_account = !claim->account.empty();
    if (!claim->has_account) return LoginReadError::kNoAccount;

    error = reader.Find(settings.password, &value);
    if (error != LoginReadError::kNone && error != LoginReadError::kUnknownType) return error;
    if (value.found && value.text.size() > 0) claim->password_id = ToHex(SipHash128(key_, value.text.view()));
    if (settings.signature) ReadSignature(At(index), typed_account, &reader, claim);
    if (!settings.bare_certificate.empty()) ReadBare(settings, &reader, claim);
    return LoginReadError::kNone;
  }

  bool NeedsBody(int index, const ResponseView& answer) const noexcept override {
    return At(index).outcomes.NeedsBody(answer);
  }
  bool has_body_rows(int index) const noexcept override { return At(index).outcomes.has_body_rows(); }
  Outcome ReadOutcome(int index, const ResponseView& answer, std::string_view body, int* row) const override {
    const Compiled& endpoint = At(index);
    return endpoint.outcomes.Read(answer, body.substr(0, endpoint.settings.answer_bytes), row);
  }

 private:
  const Compiled& At(int index) const noexcept {
    STOCKADE_CHECK(index >= 0 && index < endpoint_count());
    return endpoints_[static_cast<size_t>(index)];
  }

  bool TakesMethod(size_t index, std::string_view method) const noexcept {
    const auto& methods = endpoints_[index].settings.methods;
    return std::any_of(methods.begin(), methods.end(), [&](const std::string& own) {
      return absl::EqualsIgnoreCase(ToAbsl(own), ToAbsl(method));
    });
  }

  bool TakesMethod(size_t index, const RequestView& request) const noexcept {
    if (TakesMethod(index, request.method)) return true;
    // What some frameworks take for the method.
    return std::any_of(request.fields.begin(), request.fields.end(), [&](const HeaderField& field) {
      return IsMethodOverride(field.name) && TakesMethod(index, field.value);
    });
  }

  // `typed_account`: as it stands in the request, for so it was signed.
  static void ReadSignature(const Compiled& endpoint, std::string_view typed_account, RequestReader* reader,
                            LoginClaim* claim) {
    const SignatureSettings& settings = *endpoint.settings.signature;
    SignedLogin found;
    found.fault = ReadProof(reader, settings.value, kSignatureTextBytesMax, &found.signature);
    // A form has the field, empty, where nothing was signed.
    if (found.fault == CertificateEvidence::Fault::kNone && found.signature.empty()) return;
    const auto read = [&](const std::vector<ValueSource>& sources, size_t bytes_max, std::string* text) {
      if (found.fault == CertificateEvidence::Fault::kNone)
        found.fault = ReadProof(reader, sources, bytes_max, text);
    };
    read(settings.timestamp, kTimestampBytesMax, &found.timestamp);
    read(settings.nonce, kNonceBytesMax, &found.nonce);
    // One that cannot be read is none.
    if (ReadProof(reader, settings.ocsp, kOcspResponseTextBytesMax, &found.ocsp) !=
        CertificateEvidence::Fault::kNone)
      found.ocsp.clear();
    if (found.fault == CertificateEvidence::Fault::kNone) {
      std::optional<std::string> text =
          endpoint.signed_text->Fill({typed_account, found.timestamp, found.nonce});
      if (text) {
        found.text = *std::move(text);
      } else {
        found.fault = CertificateEvidence::Fault::kIncomplete;
      }
    }
    claim->signature = std::move(found);
  }

  static void ReadBare(const EndpointSettings& settings, RequestReader* reader, LoginClaim* claim) {
    std::string text;
    const auto fault = ReadProof(reader, settings.bare_certificate, kBareCertificateTextBytesMax, &text);
    if (fault != CertificateEvidence::Fault::kNone) text.clear();
    if (fault != CertificateEvidence::Fault::kNone || !text.empty())
      claim->bare_certificate = std::move(text);
  }

  // What any request says of its client.
  void ReadFields(const RequestView& request, LoginClaim* claim) const {
    const std::string_view agent = FindField(request.fields, "user-agent");
    claim->has_user_agent = agent.data() != nullptr;
    claim->user_agent = Utf8Text(agent, kHeaderTextBytesMax);
    const std::string_view id = FindField(request.fields, "x-request-id");
    if (IsSaneRequestId(id)) claim->request_id = id;
    claim->header_order = HeaderOrder(request.fields, key_);
  }

  const std::vector<Compiled> endpoints_;
  const HashKey key_;
};

}  // namespace

std::string_view Name(LoginReadError error) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"none", "no_account", "bad_body", "unknown_type",
                                                             "two_values"};
  return kNames[static_cast<size_t>(error)];
}

absl::StatusOr<std::unique_ptr<LoginExchange>> LoginExchange::Create(
    const std::vector<EndpointSettings>& endpoints, const HashKey& hash_key) {
  std::vector<Exchange::Compiled> compiled;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const EndpointSettings& settings = endpoints[i];
    const auto refuse = [&](const absl::Status& status) {
      return absl::InvalidArgumentError(Concat("endpoints[", i, "]", settings.name.empty() ? "" : " (",
                                               settings.name, settings.name.empty() ? "" : ")", ".",
                                               FromAbsl(status.message())));
    };
    absl::StatusOr<PathMatch> path = PathMatch::Create(settings);
    if (!path.ok()) return refuse(path.status());
    absl::StatusOr<OutcomeTable> outcomes = OutcomeTable::Create(settings.outcomes);
    if (!outcomes.ok()) return refuse(outcomes.status());
    std::optional<SignedText> signed_text;
    if (settings.signature) {
      absl::StatusOr<SignedText> text = SignedText::Parse(settings.signature->over);
      if (!text.ok()) {
        return refuse(
            absl::InvalidArgumentError(Concat("signature.over: ", FromAbsl(text.status().message()))));
      }
      signed_text = *std::move(text);
    }
    compiled.push_back({settings, *std::move(path), *std::move(outcomes), std::move(signed_text)});
  }
  return std::make_unique<Exchange>(std::move(compiled), hash_key);
}

}  // namespace stockade
