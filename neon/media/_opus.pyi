"""Opus for the engine (neon/media/_codecs/opus.c), which loads it with the first call that needs it."""

library: object
version: str
