"""Encoded packets on disk: a file is laid out from their sizes before any of them is written."""

from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from typing_extensions import Buffer


class PacketSpool:
    """Packets one after another in a file, and their sizes in memory: 4 bytes for each.

    Args:
        file: empty, open for reading and writing; it stays the caller's.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sizes = array("I")
        self._bytes = 0

    @property
    def sizes(self) -> "array[int]":
        """Bytes of each packet, in order."""
        return self._sizes

    @property
    def total_bytes(self) -> int:
        """Bytes of all packets together."""
        return self._bytes

    def write(self, packet: bytes) -> None:
        """Add a packet at the end."""
        self._file.write(packet)
        self._sizes.append(len(packet))
        self._bytes += len(packet)

    def write_encoded(self, packets: Iterable[Buffer]) -> None:
        """Add what an encoder hands out; at the end it may be an empty packet with side data."""
        for packet in packets:
            data = bytes(packet)
            if data:
                self.write(data)

    def keep(self, count: int) -> None:
        """Drop all packets after the first `count`."""
        assert 0 <= count <= len(self._sizes)
        self._bytes -= sum(self._sizes[count:])
        del self._sizes[count:]
        self._file.seek(self._bytes)
        self._file.truncate()

    def packets(self) -> Iterator[bytes]:
        """All packets in order, as often as wanted; nothing may be written meanwhile."""
        self._file.flush()
        self._file.seek(0)
        for size in self._sizes:
            packet = self._file.read(size)
            assert len(packet) == size
            yield packet
