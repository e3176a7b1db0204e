#include "adapters/capture/login_records.h"

#include <charconv>

#include "engine/status.h"

namespace stockade {

void LoginRecords::UseFields(const FieldTable* fields) {
  const auto find = [fields](std::string_view name) {
    return fields == nullptr ? std::nullopt : fields->Find(name);
  };
  method_ = find("http.request.method");
  status_ = find("http.response.status_code");
  domain_ = find("url.domain");
  server_name_ = find("tls.client.server_name");
}

void LoginRecords::Take(const CapturedLogin& login) {
  STOCKADE_CHECK(batch_ != nullptr);
  Record& record = batch_->records.emplace_back();
  record.line = record.position = ++records_;
  record.event = login.event;
  Attempt& attempt = record.event.attempt;
  for (std::string_view* const text :
       {&attempt.account, &attempt.user_agent, &attempt.ja3, &attempt.ja4, &attempt.path, &attempt.request_id,
        &attempt.password_id, &attempt.device, &attempt.channel, &attempt.header_order}) {
    // An empty text that is there stays there.
    if (text->data() != nullptr) *text = batch_->text.Copy(*text);
  }
  ExtraField extra[4];
  size_t count = 0;
  const auto add = [&](const std::optional<FieldId>& id, std::string_view text, FieldValue::Kind kind,
                       double number) {
    if (id && !text.empty()) extra[count++] = {*id, {kind, number, batch_->text.Copy(text)}};
  };
  add(method_, login.method, FieldValue::Kind::kText, 0);
  add(domain_, login.host, FieldValue::Kind::kText, 0);
  add(server_name_, login.server_name, FieldValue::Kind::kText, 0);
  if (login.status != 0) {
    char digits[8];
    const char* const end = std::to_chars(digits, digits + sizeof digits, login.status).ptr;
    add(status_, {digits, static_cast<size_t>(end - digits)}, FieldValue::Kind::kNumber, login.status);
  }
  if (count > 0) attempt.extra = batch_->extra.Copy({extra, count});
}

}  // namespace stockade
