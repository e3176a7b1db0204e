find_package(Threads REQUIRED)
stockade_room(firewall_delivery SOURCES delivery.cc delivery_compare.cc delivery_plan.cc delivery_results.cc standing_orders.cc
  LINK stockade::decision absl::flat_hash_map absl::hash absl::status absl::statusor absl::time Threads::Threads)
