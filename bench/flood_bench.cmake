target_sources(flood_bench PRIVATE measure.cc)
target_link_libraries(flood_bench PRIVATE stockade::program)
target_compile_definitions(flood_bench PRIVATE STOCKADE_RULES="${PROJECT_SOURCE_DIR}/rules")
