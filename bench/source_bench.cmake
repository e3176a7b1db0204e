target_link_libraries(source_bench PRIVATE stockade::source)
