target_sources(familiar_bench PRIVATE measure.cc)
target_link_libraries(familiar_bench PRIVATE stockade::detect stockade::decision)
