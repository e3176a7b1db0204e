target_link_libraries(decision_bench PRIVATE stockade::detect stockade::decision)
