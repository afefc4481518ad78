"""The tests of NEON."""

from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("neon", deadline=None)
settings.load_profile("neon")
