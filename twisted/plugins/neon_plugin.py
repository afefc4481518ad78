"""Makes C{twistd neon} known to Twisted."""

from twisted.application.service import ServiceMaker

neon = ServiceMaker(  # type: ignore[no-untyped-call]
    "NEON", "neon.tap", "A SIP softphone that other programs drive.", "neon"
)
