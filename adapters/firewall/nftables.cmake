find_package(Threads REQUIRED)
pkg_check_modules(NFTABLES REQUIRED IMPORTED_TARGET GLOBAL libnftables)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET GLOBAL libmnl)
stockade_room(firewall_nftables SOURCES nftables.cc nftables_commands.cc nftables_table.cc
  LINK stockade::decision absl::status absl::statusor absl::strings absl::time Threads::Threads
       PkgConfig::NFTABLES PkgConfig::MNL)
