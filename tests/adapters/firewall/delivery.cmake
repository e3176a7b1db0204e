stockade_test(firewall_delivery_plan_test SOURCES delivery_plan_test.cc delivery_model_test.cc
  LINK stockade::firewall_delivery LABELS unit)
stockade_test(firewall_delivery_test SOURCES delivery_test.cc standing_orders_test.cc
  LINK stockade::firewall_delivery LABELS unit threads)
