# Those that tell somebody else: over HTTP, by a command, in a file.
find_package(CURL 7.85 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
stockade_room(firewall_post SOURCES gateway_lock.cc http_post.cc webhook.cc webhook_text.cc
  LINK stockade::decision absl::flat_hash_map absl::status absl::statusor absl::strings absl::time CURL::libcurl OpenSSL::Crypto)
stockade_room(firewall_exec SOURCES exec_command.cc run_command.cc
  LINK stockade::firewall_post absl::status absl::statusor absl::strings absl::time Threads::Threads)
stockade_room(firewall_file SOURCES list_file.cc list_text.cc
  LINK stockade::firewall_exec stockade::decision_json simdjson::simdjson)
