"""NEON against real programs: kamailio, baresip, sipp, over loopback.

Every program is started by L{processes.IntegrationCase}, which bounds it, keeps what it said where a test
failed (C{test-artefacts/}), and ends it. Unlike the unit tests these run on the real clock; every wait has
a limit and ends as soon as what it waits for happened.
"""
