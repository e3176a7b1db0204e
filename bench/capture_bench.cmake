target_sources(capture_bench PRIVATE measure.cc traffic_file.cc)
target_include_directories(capture_bench PRIVATE ${PCAP_INCLUDE_DIR})
target_link_libraries(capture_bench PRIVATE stockade::capture_logins ${PCAP_LIBRARY})
