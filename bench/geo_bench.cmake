target_link_libraries(geo_bench PRIVATE stockade::geo)
set(STOCKADE_CORPORA ${PROJECT_SOURCE_DIR}/../shared/corpora CACHE PATH "Folder of the test corpora; may be absent")
target_compile_definitions(geo_bench PRIVATE STOCKADE_GEO_TEST_DATA="${STOCKADE_CORPORA}/maxmind-db-test/test-data")
