stockade_room(gateway_proxy
  SOURCES chunk_reader.cc head_reader.cc
  LINK stockade::event absl::strings absl::status absl::statusor absl::time)
