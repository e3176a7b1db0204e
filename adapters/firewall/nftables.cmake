# The kernel's firewall. libnftables is under the GPL 2, and so is a program that it is linked into, once it is passed on:
# whoever must not do that leaves it out.
option(STOCKADE_NFTABLES "Blocks in the kernel, through libnftables (GPL-2.0)" ON)
if(NOT STOCKADE_NFTABLES)
  return()
endif()
find_package(Threads REQUIRED)
pkg_check_modules(NFTABLES REQUIRED IMPORTED_TARGET GLOBAL libnftables)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET GLOBAL libmnl)
stockade_room(firewall_nftables SOURCES nftables.cc nftables_commands.cc nftables_table.cc
  LINK stockade::decision absl::status absl::statusor absl::strings absl::time Threads::Threads
       PkgConfig::NFTABLES PkgConfig::MNL)
target_compile_definitions(stockade_firewall_nftables INTERFACE STOCKADE_HAS_NFTABLES)
