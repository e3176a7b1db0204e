stockade_test(haproxy_text_test SOURCES haproxy_text_test.cc LINK stockade::firewall_haproxy)
# Starts HAProxy.
stockade_test(firewall_haproxy_test SOURCES haproxy_test.cc LINK stockade::firewall_haproxy LABELS real)
