# From the bytes of connections to logins.
stockade_room(capture_http SOURCES http_conversation.cc LINK stockade::gateway_http)
stockade_room(capture_logins SOURCES connection_logins.cc login_capture.cc tls_sightings.cc
  LINK stockade::capture_http stockade::client_hello stockade::gateway_client stockade::gateway_desk stockade::gateway_login
       absl::flat_hash_map)
