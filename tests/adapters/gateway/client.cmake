stockade_test(proxy_protocol_test SOURCES proxy_protocol_test.cc LINK stockade::gateway_client)
stockade_test(client_address_test SOURCES client_address_test.cc LINK stockade::gateway_client)
