# systemd's journal, through libsystemd (LGPL-2.1-or-later).
option(STOCKADE_JOURNAL "Reads logins from systemd's journal, through libsystemd" ON)
if(NOT STOCKADE_JOURNAL)
  return()
endif()
find_package(PkgConfig REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET GLOBAL libsystemd)
stockade_room(live_journal SOURCES journal_source.cc
  LINK stockade::live stockade::source absl::status absl::statusor absl::time Threads::Threads PkgConfig::SYSTEMD)
target_compile_definitions(stockade_live_journal INTERFACE STOCKADE_HAS_JOURNAL)
