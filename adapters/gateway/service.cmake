# Services of our own over HTTP: verdicts for proxies that stand there already, and what operators ask.
find_package(prometheus-cpp REQUIRED)
find_package(Threads REQUIRED)
stockade_room(gateway_dialects SOURCES verdict_api.cc verdict_dialects.cc
  LINK stockade::gateway_client stockade::gateway_tls_print stockade::gateway_desk stockade::gateway_login)
stockade_room(gateway_service SOURCES admin_service.cc decision_filter.cc decision_service.cc gate_metrics.cc
  LINK stockade::gateway_dialects stockade::decision_json stockade::http simdjson::simdjson)
target_link_libraries(stockade_gateway_service PRIVATE prometheus-cpp::core)
