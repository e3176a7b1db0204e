stockade_test(head_reader_test SOURCES head_reader_test.cc chunk_reader_test.cc LINK stockade::gateway_http)
stockade_test(http_corpus_test SOURCES http_corpus_test.cc LINK stockade::gateway_http yaml-cpp LABELS corpus)
stockade_test(proxy_test SOURCES proxy_certificate_test.cc proxy_fingerprint_test.cc proxy_login_test.cc proxy_nginx_test.cc proxy_scene.cc proxy_test.cc proxy_tls_test.cc LINK stockade::gateway_proxy stockade::gateway_certificates LABELS real threads)
