# HAProxy's runtime API.
stockade_room(firewall_haproxy
  SOURCES haproxy_call.cc haproxy_map.cc haproxy_runtime.cc haproxy_socket.cc haproxy_table.cc haproxy_text.cc
  LINK stockade::http absl::flat_hash_map absl::status absl::statusor absl::strings absl::time)
