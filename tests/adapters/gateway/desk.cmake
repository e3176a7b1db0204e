stockade_test(gateway_desk_test SOURCES challenge_memory_test.cc engine_desk_test.cc gate_record_test.cc
  LINK stockade::gateway_desk stockade::program)
