"""The ways of SIP as the configuration wants them, and their start."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import Logger

from neon.parts import CannotStart
from neon.sections import Sip
from neon.sip.agent import SipAgent
from neon.sip.tls import TlsSettings, TlsUnusable
from neon.sip.ways import Transports

_log = Logger()


def transports(sip: Sip) -> Transports:
    """What C{[sip]} wants beside UDP at its first address."""
    return Transports(
        more_hosts=sip.bind[1:],
        listen_tcp=sip.listen_tcp,
        tls_port=sip.tls_port or None,
        tls=TlsSettings(_path(sip.tls_ca_file), _path(sip.tls_certificate), _path(sip.tls_key)),
        largest_datagram=sip.largest_datagram,
        compact=sip.compact_headers,
    )


def start_sip(agent: SipAgent) -> None:
    """Bind.

    @raise CannotStart: a file of certificates or keys cannot be used.
    @raise twisted.internet.error.CannotListenError: an address is taken or not ours.
    """
    try:
        agent.start()
    except TlsUnusable as error:
        raise CannotStart(f"SIP cannot start: {error}") from None
    for point in agent.points:
        transport, _, address = str(point).partition(":")
        _log.info("SIP at {transport} {address}", transport=transport, address=address)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
