# Decisions for every CrowdSec bouncer, in the words of CrowdSec's Local API.
# HOT: a bouncer that starts is told all decisions in one reply, and gives up after 3 s.
find_package(OpenSSL 3.0 REQUIRED)
stockade_room(crowdsec
  SOURCES api_keys.cc crowdsec_alerts.cc crowdsec_api.cc crowdsec_bouncers.cc crowdsec_state.cc crowdsec_telling.cc
          crowdsec_view.cc crowdsec_wire.cc file_replacement.cc machine_sessions.cc
  LINK stockade::decision stockade::decision_json stockade::http absl::flat_hash_map absl::flat_hash_set absl::inlined_vector absl::node_hash_map
       absl::status absl::statusor absl::strings absl::time simdjson::simdjson OpenSSL::Crypto
  HOT)
