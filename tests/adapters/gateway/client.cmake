stockade_test(proxy_protocol_test SOURCES proxy_protocol_test.cc LINK stockade::gateway_client)
stockade_test(client_address_test SOURCES client_address_test.cc LINK stockade::gateway_client)
stockade_test(haproxy_test SOURCES haproxy_test.cc LINK stockade::gateway_client LABELS real)
