# What an installation holds: the program, the rule pack, the man pages, and the engine as a library with a CMake
# package, so that a gateway in C++ can embed it. `cpack -G DEB` makes a Debian package of it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(engine_rooms event window decision rule detect gate engine)
set(installed_rooms "")
foreach(room ${engine_rooms})
  if(TARGET stockade_${room})
    list(APPEND installed_rooms stockade_${room})
  endif()
endforeach()
install(TARGETS ${installed_rooms} EXPORT stockadeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY engine DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/stockade COMPONENT dev FILES_MATCHING PATTERN "*.h")
install(EXPORT stockadeTargets NAMESPACE stockade:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockade COMPONENT dev)
configure_package_config_file(tools/cmake/stockadeConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/stockadeConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockade)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/stockadeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/stockadeConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/stockadeConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockade COMPONENT dev)

if(TARGET stockade)
  install(TARGETS stockade RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
install(DIRECTORY rules/ DESTINATION ${CMAKE_INSTALL_DATADIR}/stockade/rules COMPONENT program)
file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/stockade/man/*.1
  ${PROJECT_SOURCE_DIR}/tools/stockade/man/*.5)
foreach(page ${man_pages})
  string(REGEX REPLACE ".*\\.([15])$" "\\1" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT program)
endforeach()
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stockade)
set(CPACK_PACKAGE_VENDOR Stockade)
set(CPACK_PACKAGE_CONTACT "The Stockade authors <stockade@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
  "Decides on every login attempt before the password is checked, so that leaked passwords stop at the gate and no\n customer is locked out by somebody else.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME stockade)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libstockade-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libabsl-dev, libre2-dev, libyaml-cpp-dev, libhyperscan-dev | libvectorscan-dev, pkg-config")
include(CPack)
