"""What the engine has of libopus (neon/media/_codecs/opus.c), which it loads with the first call that needs it."""

library: object
