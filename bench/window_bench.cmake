target_link_libraries(window_bench PRIVATE stockade::window absl::flat_hash_map)
