# How a room, a test and a bench are built: one place for the language, the warnings and the sanitizers.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Not with optimisation: through a precompiled header GCC 12 warns of the standard library's own code.
set(STOCKADE_PCH_DEFAULT OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(STOCKADE_PCH_DEFAULT ON)
endif()
option(STOCKADE_PCH "Precompile the headers that nearly every file includes" ${STOCKADE_PCH_DEFAULT})
# The headers of Abseil, Boost, simdjson and CLI11 cost more than our files that include them.
option(STOCKADE_UNITY "Compile the files of a room some at a time, as one: a third of the time; OFF proves that each stands alone" ON)
# At a time: fewer repeats of those headers, 1 GB to a compiler, and neither core waits long for the other's last. What is HOT costs
# by its own code, and is compiled as it was measured.
set(STOCKADE_UNITY_FILES 20)
set(STOCKADE_UNITY_HOT_FILES 8)
find_program(STOCKADE_CCACHE ccache)
if(STOCKADE_CCACHE)
  # With precompiled headers ccache must be told that it may (its manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${STOCKADE_CCACHE})
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
if(STOCKADE_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # What is said of types that several files see, GCC says here of files that it finds included.
  list(APPEND STOCKADE_WARNINGS -Wno-subobject-linkage)
elseif(STOCKADE_UNITY)
  # And Clang of names that only meet because files do; GCC warns of those within one.
  list(APPEND STOCKADE_WARNINGS -Wno-shadow)
endif()
if(STOCKADE_WERROR)
  list(APPEND STOCKADE_WARNINGS -Werror)
endif()

add_library(stockade_build_options INTERFACE)
# -pthread for all, so that all share one precompiled header.
target_compile_options(stockade_build_options INTERFACE ${STOCKADE_WARNINGS} -pthread)
# What STOCKADE_CHECK prints names a file of the project, not a folder of the machine it was built on.
target_compile_options(stockade_build_options INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
# The same events give the same bytes on every machine: a product and a sum must round twice everywhere, and not once where a CPU
# has an instruction for both (GCC contracts by default where there is one, as on ARM, Clang within an expression). For all targets,
# because inline functions of the engine are compiled in all of them, and the linker keeps any one.
target_compile_options(stockade_build_options INTERFACE -ffp-contract=off)
# Position-independent, so that a shared object may embed the engine; but nobody replaces our functions one by one, and
# the compiler may inline them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(stockade_build_options INTERFACE -fno-semantic-interposition)
  # Two words that were just written are not read back as one: such a load waits until both have left the store buffer.
  target_compile_options(stockade_build_options INTERFACE $<$<CONFIG:Release>:-fno-tree-slp-vectorize>)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    # Tuned for no processor, GCC zeroes and copies what is larger than 32 bytes by REP STOS and REP MOVS, which take some thirty
    # cycles to start; events, verdicts and readings are such.
    target_compile_options(stockade_build_options INTERFACE
      $<$<CONFIG:Release>:-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign>
      $<$<CONFIG:Release>:-mmemcpy-strategy=vector_loop:512:noalign,libcall:-1:noalign>)
  endif()
endif()
if(STOCKADE_SANITIZE)
  # Without UBSan's checks for null and of vtables: ASan and the kernel stop there too, and they cost a fifth of the
  # time that compiling takes.
  target_compile_options(stockade_build_options INTERFACE -fsanitize=${STOCKADE_SANITIZE} -fno-sanitize=null,vptr
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(stockade_build_options INTERFACE -fsanitize=${STOCKADE_SANITIZE})
endif()
# ThreadSanitizer does not know fences, and GCC says so of Asio's headers and the library's; what they order, mutexes
# order too.
if(STOCKADE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(stockade_build_options INTERFACE -Wno-tsan)
endif()
# With sanitizers there are hundreds of MiB of symbols to a test program: LLD takes a quarter of the time of GNU ld.
find_program(STOCKADE_LLD ld.lld)
if(STOCKADE_SANITIZE AND STOCKADE_LLD)
  target_link_options(stockade_build_options INTERFACE -fuse-ld=lld)
endif()
# What tells libFuzzer where it has been, in its targets and the rooms that they link (stockade_cover); all else does without:
# it takes a tenth more of the time that compiling takes.
# In debug builds, whose targets run for seconds in each check, the counters alone: comparisons traced too take a third more
# of the time that compiling takes.
set(STOCKADE_COVERAGE)
if(STOCKADE_FUZZ AND CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(STOCKADE_COVERAGE -fsanitize-coverage=inline-8bit-counters,pc-table)
elseif(STOCKADE_FUZZ)
  set(STOCKADE_COVERAGE -fsanitize=fuzzer-no-link)
endif()

# What is marked HOT is optimised in debug builds: it takes twice the time to compile and a third of it to run. Not for
# ThreadSanitizer, whose few tests wait more than they compute.
set(STOCKADE_HOT ON)
if(STOCKADE_SANITIZE MATCHES thread)
  set(STOCKADE_HOT OFF)
endif()

# What nearly every file includes sooner or later, compiled once. It saves time and nothing else: every file still includes
# what it uses. A precompiled header fits targets that are compiled alike, and executables are not compiled like
# libraries (-fPIE, -fPIC): one for rooms, here, and one for tests.
set(STOCKADE_PRECOMPILED
  <algorithm> <array> <cstdint> <cstring> <functional> <limits> <map> <memory> <optional> <set> <span> <string>
  <string_view> <utility> <vector>
  <absl/container/flat_hash_map.h> <absl/status/status.h> <absl/status/statusor.h> <absl/strings/ascii.h>
  <absl/strings/match.h> <absl/strings/numbers.h> <absl/strings/str_cat.h> <absl/time/time.h>)
set(STOCKADE_EMPTY_SOURCE ${PROJECT_BINARY_DIR}/empty.cc)
if(NOT EXISTS ${STOCKADE_EMPTY_SOURCE})
  file(WRITE ${STOCKADE_EMPTY_SOURCE} "")
endif()
if(STOCKADE_PCH)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(stockade_build_options INTERFACE -fpch-preprocess)  # for ccache
  else()
    target_compile_options(stockade_build_options INTERFACE -Xclang -fno-pch-timestamp)  # the same
  endif()
  # And one of each for what is optimised in debug builds, where the compiler can do with it (see above).
  set(STOCKADE_PCH_KINDS plain)
  if(STOCKADE_HOT AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND STOCKADE_PCH_KINDS hot)
  endif()
  foreach(kind ${STOCKADE_PCH_KINDS})
    add_library(stockade_precompiled_${kind} OBJECT ${STOCKADE_EMPTY_SOURCE})
    target_link_libraries(stockade_precompiled_${kind} PRIVATE stockade_build_options absl::status absl::statusor absl::strings
      absl::flat_hash_map absl::time)
    target_compile_options(stockade_precompiled_${kind} PRIVATE $<$<STREQUAL:${kind},hot>:-O1>)
    target_precompile_headers(stockade_precompiled_${kind} PRIVATE ${STOCKADE_PRECOMPILED})
  endforeach()
endif()

# How a target compiles beside its sources and libraries. HOT: tests push millions of events through it, so debug builds
# optimise it too.
function(stockade_compile target precompiled hot)
  set(kind plain)
  if(hot AND STOCKADE_HOT)
    set(kind hot)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O1>)
  endif()
  if(kind IN_LIST STOCKADE_PCH_KINDS)
    target_precompile_headers(${target} REUSE_FROM ${precompiled}_${kind})
  endif()
endfunction()

# stockade_room(<room> SOURCES <file>... [LINK <target>...] [HOT]): the static library stockade_<room>, alias
# stockade::<room>. LINK names the rooms to its left and the libraries it uses: the arrows of ARCHITECTURE.md.
function(stockade_room room)
  cmake_parse_arguments(ARG "HOT" "" "SOURCES;LINK" ${ARGN})
  add_library(stockade_${room} STATIC ${ARG_SOURCES})
  add_library(stockade::${room} ALIAS stockade_${room})
  set(files ${STOCKADE_UNITY_FILES})
  if(ARG_HOT)
    set(files ${STOCKADE_UNITY_HOT_FILES})
  endif()
  set_target_properties(stockade_${room} PROPERTIES EXPORT_NAME ${room}
    UNITY_BUILD ${STOCKADE_UNITY} UNITY_BUILD_BATCH_SIZE ${files})
  target_include_directories(stockade_${room} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/stockade>)
  target_link_libraries(stockade_${room} PUBLIC ${ARG_LINK} PRIVATE $<BUILD_INTERFACE:stockade_build_options>)
  stockade_compile(stockade_${room} stockade_precompiled "${ARG_HOT}")
endfunction()

# stockade_test(<name> SOURCES <file>... [LINK <target>...] [LABELS <label>...] [HOT] [APART]): one test program on Catch2, its
# main compiled once, its files as one like those of a room, save where names clash: APART, and GCC, which says what shadows
# what between them. Labels: unit oracle corpus fuzz real; threads for what ThreadSanitizer should see.
add_custom_target(threaded_tests)
function(stockade_test name)
  cmake_parse_arguments(ARG "HOT;APART" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stockade_test_main ${ARG_LINK} stockade_build_options)
  if(NOT ARG_APART AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_target_properties(${name} PROPERTIES UNITY_BUILD ${STOCKADE_UNITY} UNITY_BUILD_BATCH_SIZE ${STOCKADE_UNITY_FILES})
  endif()
  stockade_compile(${name} stockade_test_precompiled "${ARG_HOT}")
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(threaded_tests ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()

# Tells libFuzzer of a room, and of all rooms that it links.
function(stockade_cover room)
  get_target_property(target ${room} ALIASED_TARGET)
  get_target_property(covered ${target} STOCKADE_COVERED)
  if(covered)
    return()
  endif()
  set_target_properties(${target} PROPERTIES STOCKADE_COVERED ON)
  target_compile_options(${target} PRIVATE ${STOCKADE_COVERAGE})
  get_target_property(linked ${target} INTERFACE_LINK_LIBRARIES)
  list(FILTER linked INCLUDE REGEX ^stockade::)
  foreach(other ${linked})
    stockade_cover(${other})
  endforeach()
endfunction()

# stockade_fuzz(<name> SOURCES <file>... CORPUS <dir> [LINK <target>...]): a libFuzzer target under preset fuzz;
# elsewhere the same target replays its seed corpus as a test.
add_custom_target(fuzz_targets)
function(stockade_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} stockade_build_options)
  target_compile_options(${name} PRIVATE ${STOCKADE_COVERAGE})
  if(STOCKADE_PCH)
    target_precompile_headers(${name} REUSE_FROM stockade_fuzz_precompiled)
  endif()
  if(STOCKADE_FUZZ)
    foreach(room ${ARG_LINK})
      stockade_cover(${room})
    endforeach()
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -runs=2000 -max_total_time=4 -timeout=10 -rss_limit_mb=2048
      ${CMAKE_CURRENT_BINARY_DIR}/${name}.found ${ARG_CORPUS})
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_corpus_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  add_dependencies(fuzz_targets ${name})
endfunction()
