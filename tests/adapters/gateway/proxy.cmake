stockade_test(head_reader_test SOURCES head_reader_test.cc chunk_reader_test.cc LINK stockade::gateway_proxy)
stockade_test(http_corpus_test SOURCES http_corpus_test.cc LINK stockade::gateway_proxy yaml-cpp LABELS corpus)
