stockade_test(gateway_login_test
  SOURCES answer_test.cc challenge_token_test.cc form_body_test.cc header_value_test.cc json_body_test.cc
          login_exchange_test.cc login_way_test.cc multipart_body_test.cc outcome_table_test.cc path_match_test.cc
  LINK stockade::gateway_login)
stockade_test(login_proof_test SOURCES login_proof_test.cc LINK stockade::gateway_login)
# Starts the openssl program.
stockade_test(login_certificate_test SOURCES login_certificate_test.cc LINK stockade::gateway_certificates LABELS real threads)
stockade_test(certificate_queue_test SOURCES certificate_queue_test.cc miss_allowance_test.cc
  LINK stockade::gateway_queue LABELS unit threads)
