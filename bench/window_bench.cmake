target_link_libraries(window_bench PRIVATE stockade::window absl::flat_hash_map)
add_executable(flood_bench flood_bench.cc)
target_link_libraries(flood_bench PRIVATE stockade::window stockade_build_options)
