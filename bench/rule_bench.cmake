target_link_libraries(rule_bench PRIVATE stockade::rule)
target_compile_definitions(rule_bench PRIVATE STOCKADE_RULES="${PROJECT_SOURCE_DIR}/rules"
  STOCKADE_CORPORA="${STOCKADE_CORPORA}")
