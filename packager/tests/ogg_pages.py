"""Ogg pages, made field by field for tests."""

import struct
from dataclasses import dataclass

from packager.ogg import page_checksum


@dataclass(frozen=True)
class PageFields:
    """A page; `is_open` means that its last packet goes on with the next page."""

    granule: int
    sequence: int
    packets: tuple[bytes, ...]
    flags: int = 0
    serial: int = 77
    is_open: bool = False


def encode_page(page: PageFields) -> bytes:
    """The bytes of a page, with the right checksum."""
    lacing = b"".join(bytes([255] * (len(one) // 255) + [len(one) % 255]) for one in page.packets)
    if page.is_open:
        lacing = lacing[:-1]
    header = struct.pack(
        "<4sBBqIIIB",
        b"OggS",
        0,
        page.flags,
        page.granule,
        page.serial,
        page.sequence,
        0,
        len(lacing),
    )
    data = header + lacing + b"".join(page.packets)
    return data[:22] + struct.pack("<I", page_checksum(data)) + data[26:]
