stockade_test(gateway_desk_test SOURCES challenge_memory_test.cc engine_desk_test.cc
  LINK stockade::gateway_desk stockade::store LABELS unit threads APART)
# Without ThreadSanitizer, which would have all of the program compiled again for it: its threads are those that hammer the desk above.
stockade_test(gateway_record_test SOURCES gate_record_test.cc record_replay_test.cc
  LINK stockade::gateway_desk stockade::program LABELS unit)
