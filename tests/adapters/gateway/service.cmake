stockade_test(gateway_service_test
  SOURCES admin_service_test.cc auth_request_test.cc decision_service_test.cc http_service_test.cc verdict_dialects_test.cc
  LINK stockade::gateway_service stockade::store LABELS real threads)
