stockade_test(gateway_desk_test SOURCES challenge_memory_test.cc engine_desk_test.cc
  LINK stockade::gateway_desk stockade::store LABELS unit threads APART)
stockade_test(gateway_record_test SOURCES gate_record_test.cc record_replay_test.cc
  LINK stockade::gateway_desk stockade::program LABELS unit threads)
