"""The tests of NEON."""

from hypothesis import HealthCheck, settings

# How long an example takes, and how long it takes to think of one, says how busy the machine is. The same examples
# every time, so that what one run has shown another one shows too.
settings.register_profile(
    "neon", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.load_profile("neon")
