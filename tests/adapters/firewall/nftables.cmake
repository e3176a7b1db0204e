if(NOT TARGET stockade::firewall_nftables)
  return()
endif()
stockade_test(nftables_commands_test SOURCES nftables_commands_test.cc LINK stockade::firewall_nftables)
# Makes network namespaces; needs root, and the programs nft, ip and nsenter.
stockade_test(nftables_test SOURCES nftables_test.cc LINK stockade::firewall_nftables LABELS real)
