"""Writes the RTP packets of this directory: one file for every defect, named for it, and some sound ones.

Run it from the root of the sources: C{python tests/data/make_rtp.py}. The files are kept, so that the tests read bytes
that no code of theirs has written.
"""

from __future__ import annotations

from pathlib import Path

HEADER = bytes.fromhex("80080001 000000a0 0badcafe")
PAYLOAD = bytes(range(160))
CSRC = bytes.fromhex("00000001 00000002")

PACKETS = {
    "rtp_good": HEADER + PAYLOAD,
    "rtp_good_csrc": b"\x82" + HEADER[1:] + CSRC + PAYLOAD,
    "rtp_good_extension": b"\x90" + HEADER[1:] + bytes.fromhex("bede0001 11223344") + PAYLOAD,
    "rtp_good_empty_extension": b"\x90" + HEADER[1:] + bytes.fromhex("bede0000") + PAYLOAD,
    "rtp_good_padding": b"\xa0" + HEADER[1:] + PAYLOAD + b"\x00\x00\x00\x04",
    "rtp_good_everything": b"\xb2\x88" + HEADER[2:] + CSRC + bytes.fromhex("00000001 ffffffff") + PAYLOAD + b"\x01",
    "rtp_good_no_payload": HEADER,
    "rtp_empty": b"",
    "rtp_truncated_header": HEADER[:11],
    "rtp_version_1": b"\x40" + HEADER[1:] + PAYLOAD,
    "rtp_version_3": b"\xc0" + HEADER[1:] + PAYLOAD,
    "rtp_truncated_csrc": b"\x8f" + HEADER[1:] + CSRC,
    "rtp_truncated_extension_header": b"\x90" + HEADER[1:] + b"\xbe\xde\x00",
    "rtp_truncated_extension": b"\x90" + HEADER[1:] + bytes.fromhex("bede0003 11223344"),
    "rtp_extension_of_65535_words": b"\x90" + HEADER[1:] + bytes.fromhex("bedeffff") + PAYLOAD,
    "rtp_padding_of_zero": b"\xa0" + HEADER[1:] + PAYLOAD[:-1] + b"\x00",
    "rtp_padding_beyond_payload": b"\xa0" + HEADER[1:] + PAYLOAD[:-1] + b"\xff",
    "rtp_padding_without_payload": b"\xa0" + HEADER[1:],
}


def main() -> None:
    for name, data in PACKETS.items():
        Path(__file__).with_name(f"{name}.bin").write_bytes(data)


if __name__ == "__main__":
    main()
