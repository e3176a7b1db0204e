# From the bytes of connections to logins.
find_package(Threads REQUIRED)
stockade_room(capture_http SOURCES head_in_pieces.cc http_conversation.cc http_conversation_end.cc LINK stockade::gateway_http)
stockade_room(capture_logins SOURCES capture_source.cc connection_logins.cc device_source.cc hello_capture.cc login_capture.cc login_records.cc tls_sightings.cc
  LINK stockade::capture_http stockade::capture_wire stockade::client_hello stockade::gateway_client stockade::gateway_desk stockade::gateway_login stockade::gateway_tls_print stockade::source Threads::Threads
       absl::flat_hash_map)
