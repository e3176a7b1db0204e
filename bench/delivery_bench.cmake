target_sources(delivery_bench PRIVATE measure.cc)
target_link_libraries(delivery_bench PRIVATE stockade::firewall_delivery)
