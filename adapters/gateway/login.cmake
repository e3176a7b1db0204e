# Reading logins and answers, answering those that are stopped.
find_package(OpenSSL REQUIRED)
stockade_room(gateway_login
  SOURCES account_text.cc answer.cc answer_reading.cc challenge_token.cc form_body.cc header_parameters.cc
          header_value.cc json_body.cc login_certificate.cc login_exchange.cc login_way.cc multipart_body.cc outcome_table.cc path_match.cc percent_text.cc
          request_body.cc
  LINK stockade::gate stockade::gateway_http stockade::http stockade::certificate absl::status absl::statusor absl::strings absl::time simdjson::simdjson PkgConfig::RE2
       OpenSSL::Crypto)

# Judging certificates on threads of its own, and who may ask for how many.
find_package(Threads REQUIRED)
stockade_room(gateway_queue
  SOURCES certificate_queue.cc miss_allowance.cc
  LINK stockade::event absl::time Threads::Threads)
stockade_room(gateway_certificates
  SOURCES certificate_judge.cc certificate_warming.cc
  LINK stockade::gateway_queue stockade::gateway_login)
