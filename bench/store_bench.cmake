target_link_libraries(store_bench PRIVATE stockade::decision_store)
