# Who is asking: the PROXY protocol, and the address behind listed proxies.
stockade_room(gateway_client SOURCES client_address.cc proxy_protocol.cc LINK stockade::decision absl::strings)
