"""What the engine has of spandsp (neon/media/_codecs/g722.c), which it loads with the first call that needs it."""

library: object
