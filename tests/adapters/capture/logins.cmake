stockade_test(http_conversation_test SOURCES http_conversation_test.cc http_pipeline_test.cc LINK stockade::capture_http)
stockade_test(login_capture_test SOURCES hello_capture_test.cc login_capture_test.cc wiped_test.cc LINK stockade::capture_logins APART)
