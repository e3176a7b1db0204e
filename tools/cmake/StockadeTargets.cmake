# How a room, a test and a bench are built: one place for the language, the warnings and the sanitizers.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(STOCKADE_CCACHE ccache)
if(STOCKADE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${STOCKADE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${STOCKADE_CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
pkg_check_modules(HYPERSCAN REQUIRED IMPORTED_TARGET libhs)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS iostreams)
find_package(ZLIB REQUIRED)
pkg_check_modules(ZSTD IMPORTED_TARGET libzstd)

set(STOCKADE_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND STOCKADE_WARNINGS -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  list(APPEND STOCKADE_WARNINGS -Wno-restrict)
endif()
if(STOCKADE_WERROR)
  list(APPEND STOCKADE_WARNINGS -Werror)
endif()

add_library(stockade_build_options INTERFACE)
target_compile_options(stockade_build_options INTERFACE ${STOCKADE_WARNINGS})
# What STOCKADE_CHECK prints names a file of the project, not a folder of the machine it was built on.
target_compile_options(stockade_build_options INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
# Position-independent, so that a shared object may embed the engine; but nobody replaces our functions one by one, and
# the compiler may inline them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(stockade_build_options INTERFACE -fno-semantic-interposition)
endif()
if(STOCKADE_SANITIZE)
  target_compile_options(stockade_build_options INTERFACE -fsanitize=${STOCKADE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(stockade_build_options INTERFACE -fsanitize=${STOCKADE_SANITIZE})
endif()
if(STOCKADE_FUZZ)
  target_compile_options(stockade_build_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# stockade_room(<room> SOURCES <file>... [LINK <target>...]): the static library stockade_<room>, alias
# stockade::<room>. LINK names the rooms to its left and the libraries it uses: the arrows of ARCHITECTURE.md.
function(stockade_room room)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(stockade_${room} STATIC ${ARG_SOURCES})
  add_library(stockade::${room} ALIAS stockade_${room})
  set_target_properties(stockade_${room} PROPERTIES EXPORT_NAME ${room})
  target_include_directories(stockade_${room} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/stockade>)
  target_link_libraries(stockade_${room} PUBLIC ${ARG_LINK} PRIVATE $<BUILD_INTERFACE:stockade_build_options>)
endfunction()

# stockade_test(<name> SOURCES <file>... [LINK <target>...] [LABELS <label>...]): one test program on Catch2, its
# main compiled once. Every TEST_CASE becomes a test of ctest's. Labels: unit oracle corpus fuzz real.
function(stockade_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stockade_test_main ${ARG_LINK} stockade_build_options)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()

# stockade_fuzz(<name> SOURCES <file>... CORPUS <dir> [LINK <target>...]): a libFuzzer target under preset fuzz;
# elsewhere the same target replays its seed corpus as a test.
add_custom_target(fuzz_targets)
function(stockade_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} stockade_build_options)
  if(STOCKADE_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -runs=2000 -max_total_time=20 -timeout=10 -rss_limit_mb=2048
      ${CMAKE_CURRENT_BINARY_DIR}/${name}.found ${ARG_CORPUS})
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_corpus_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  add_dependencies(fuzz_targets ${name})
endfunction()
