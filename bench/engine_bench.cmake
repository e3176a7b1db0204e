target_sources(engine_bench PRIVATE measure.cc)
target_link_libraries(engine_bench PRIVATE stockade::engine absl::flat_hash_map)
