"""What the engine has of libsrtp2 (neon/media/_codecs/srtp.c), which it loads with the first call that needs it."""

library: object
