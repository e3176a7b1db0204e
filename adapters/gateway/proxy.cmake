# Reading HTTP from the wire, alone: captures read with it too, and it needs neither sockets nor TLS.
stockade_room(gateway_http
  SOURCES chunk_reader.cc head_error.cc head_reader.cc
  LINK stockade::event absl::strings)

# The reverse proxy.
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
stockade_room(gateway_proxy
  SOURCES channel.cc forward_head.cc health_check.cc login_gate.cc proxy.cc proxy_connect.cc proxy_counts.cc proxy_exchange.cc proxy_login.cc proxy_opening.cc proxy_session.cc
          proxy_state.cc proxy_tunnel.cc proxy_worker.cc tls_context.cc upstream_pool.cc
  LINK stockade::gateway_http stockade::gateway_login stockade::gateway_client stockade::gateway_tls_print stockade::certificate stockade::gate absl::flat_hash_map
       absl::status absl::statusor absl::strings absl::time Boost::headers OpenSSL::SSL
       OpenSSL::Crypto Threads::Threads)
