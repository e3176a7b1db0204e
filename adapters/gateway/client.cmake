find_package(OpenSSL REQUIRED)
# Who is asking: the PROXY protocol, and the address behind listed proxies.
stockade_room(gateway_client SOURCES client_address.cc proxy_protocol.cc LINK stockade::decision absl::strings)
# What TLS stack is asking: of our own handshake, or of a field of listed proxies.
stockade_room(gateway_tls_print SOURCES tls_print.cc LINK stockade::client_hello stockade::http absl::strings OpenSSL::SSL)
