"""A wiretap on the loopback interface: the UDP packets that anybody there could read."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading

from tests import audio
from tests.integration.daemon import Daemon
from tests.integration.processes import IntegrationCase
from tests.integration.rtp import sample_of

ETHERNET, IPV4, UDP = 14, 0x0800, 17
EVERYTHING = 3  # ETH_P_ALL: with ETH_P_IP, packets that leave are not seen
MOST = 100_000


class Wiretap:
    """What goes over loopback from now on: source port, destination port and payload of each packet."""

    def __init__(self) -> None:
        """@raise PermissionError: this is not root's process."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._stopping = False
        self.packets: list[tuple[int, int, bytes]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopping and len(self.packets) < MOST:
            with contextlib.suppress(TimeoutError):
                packet, address = self._socket.recvfrom(65536)
                # Loopback shows every packet twice; once, when it leaves, is enough.
                if address[1] != IPV4 or address[2] != socket.PACKET_OUTGOING:
                    continue
                data = packet[ETHERNET:]
                begin = 4 * (data[0] & 15)
                if data[9] == UDP and len(data) >= begin + 8:
                    source, destination = struct.unpack_from("!HH", data, begin)
                    self.packets.append((source, destination, data[begin + 8 :]))

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def rtp(self, daemon: Daemon) -> list[bytes]:
        """What looks like RTP or SRTP with G.711 in it, to or from one daemon; other tests talk here as well."""
        ports = re.search(r"^ports = (\d+)-(\d+)$", (daemon.state_dir / "test.conf").read_text(), re.MULTILINE)
        assert ports is not None
        own = range(int(ports[1]), int(ports[2]) + 1)
        theirs = [data for source, destination, data in self.packets if source in own or destination in own]
        return [data for data in theirs if len(data) >= 172 and data[0] >> 6 == 2 and data[1] & 127 in (0, 8)]


def loudest(packets: list[bytes], *tones: float) -> float:
    """The level of the loudest of these tones, in dBm0, for somebody who takes the packets for A-law in clear."""
    heard = [sample for data in packets[:50] for sample in map(sample_of, data[12:172])]
    return max(audio.tone_level_dbm0(heard, hz) for hz in tones)


def tap(test: IntegrationCase) -> Wiretap:
    """Listen until the test ends. Without the right to, the test is skipped."""
    try:
        wiretap = Wiretap()
    except PermissionError:
        test.skipTest("only root may listen to the loopback interface")
    test.at_end(wiretap.stop)
    return wiretap
