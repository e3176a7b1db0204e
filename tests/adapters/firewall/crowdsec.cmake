stockade_test(crowdsec_test SOURCES api_keys_test.cc crowdsec_alerts_test.cc crowdsec_api_test.cc crowdsec_view_test.cc
  LINK stockade::crowdsec LABELS unit threads)
stockade_test(crowdsec_bouncer_test SOURCES crowdsec_bouncer_test.cc LINK stockade::crowdsec LABELS real)
