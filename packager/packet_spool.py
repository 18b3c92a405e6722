"""Encoded packets on disk: a file is laid out from their sizes before any of them is written."""

from array import array
from collections.abc import Callable, Iterable, Iterator
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
        self._offset = 0

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

    def keep(self, start: int, end: int) -> None:
        """Keep the packets from `start` up to `end` alone; no more may be written then."""
        assert 0 <= start <= end <= len(self._sizes)
        self._offset += sum(self._sizes[:start])
        self._sizes = self._sizes[start:end]
        self._bytes = sum(self._sizes)

    def reading(self) -> Callable[[int], bytes]:
        """What reads the packets from the first on, any number of bytes at a time, once.

        As often as wanted; nothing may be written or read otherwise meanwhile.
        """
        self._file.flush()
        self._file.seek(self._offset)
        return self._file.read

    def packets(self) -> Iterator[bytes]:
        """All packets in order, as often as wanted; nothing may be written meanwhile."""
        read = self.reading()
        for size in self._sizes:
            packet = read(size)
            assert len(packet) == size
            yield packet
