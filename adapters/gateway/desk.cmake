# The desk at which every login of a running process is decided, and what it records.
stockade_room(gateway_desk SOURCES challenge_memory.cc engine_desk.cc gate_record.cc LINK stockade::engine)
