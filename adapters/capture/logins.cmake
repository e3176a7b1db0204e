# From the bytes of connections to logins.
stockade_room(capture_http SOURCES http_conversation.cc LINK stockade::gateway_http)
