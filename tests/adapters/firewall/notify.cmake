stockade_test(webhook_text_test SOURCES webhook_text_test.cc LINK stockade::firewall_post simdjson::simdjson)
stockade_test(list_text_test SOURCES list_text_test.cc LINK stockade::firewall_file)
# Receivers on loopback, good and bad; the openssl program as a witness.
stockade_test(webhook_test SOURCES webhook_test.cc LINK stockade::firewall_post stockade::http simdjson::simdjson
  LABELS real threads)
stockade_test(gateway_lock_test SOURCES gateway_lock_test.cc LINK stockade::firewall_post stockade::http simdjson::simdjson
  LABELS real threads)
# Scripts of /bin/sh, and nginx.
stockade_test(exec_command_test SOURCES exec_command_test.cc LINK stockade::firewall_exec LABELS real threads)
stockade_test(list_file_test SOURCES list_file_test.cc LINK stockade::firewall_file LABELS real threads)
