if(NOT TARGET stockade::firewall_nftables)
  set_target_properties(enforcement_bench PROPERTIES EXCLUDE_FROM_ALL ON)
  return()
endif()
target_sources(enforcement_bench PRIVATE measure.cc)
target_link_libraries(enforcement_bench PRIVATE stockade::crowdsec stockade::firewall_delivery stockade::firewall_exec
  stockade::firewall_file stockade::firewall_haproxy stockade::firewall_nftables stockade::firewall_post stockade::http)
