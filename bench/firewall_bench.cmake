target_sources(firewall_bench PRIVATE measure.cc)
target_link_libraries(firewall_bench PRIVATE stockade::firewall_nftables)
