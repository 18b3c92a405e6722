"""The format of the purge log. No I/O.

    magic version epoch xxh3, then for each purge: length, its complement, xxh3, JSON

The epoch is a random name for one history of purges: numbers of two histories say nothing of each
other. Records are only ever added, and each is on the disk before its purge is acknowledged. So a
record at the end that was cut off, or that is all zeros, was never acknowledged, and is as if it
were not there. Anything else that is wrong has lost purges nobody knows: how many at most, the
length of what cannot be read tells.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from xxhash import xxh3_64_intdigest

from edge.purges import Purge

EPOCH_BYTES: Final = 16

_MAGIC: Final = b"ATTp"
_VERSION: Final = 1
_FACTS: Final = struct.Struct(f"<4sI{EPOCH_BYTES}s")
_CHECKSUM: Final = struct.Struct("<Q")
_HEADER_BYTES: Final = _FACTS.size + _CHECKSUM.size
_RECORD: Final = struct.Struct("<IIQ")

_ALL_BITS: Final = 0xFFFF_FFFF

# No record is shorter than this: its head and `{"n":1}`.
_RECORD_BYTES_MIN: Final = _RECORD.size + 7


@dataclass(frozen=True, slots=True)
class PurgeHistory:
    """What a log tells.

    Attributes:
        epoch: of its numbers.
        purges: with their numbers, oldest first.
        is_torn: an unfinished record at its end was left out.
        lost_max: how many purges may have been lost after the last one; 0 if none.
    """

    epoch: bytes
    purges: list[tuple[int, Purge]]
    is_torn: bool = False
    lost_max: int = 0

    @property
    def sequence(self) -> int:
        """Number of the last purge that can be read."""
        return self.purges[-1][0] if self.purges else 0


def encode_log(epoch: bytes, purges: Iterable[tuple[int, Purge]]) -> bytes:
    """A whole log."""
    facts = _FACTS.pack(_MAGIC, _VERSION, epoch)
    header = facts + _CHECKSUM.pack(xxh3_64_intdigest(facts))
    return header + b"".join(encode_record(sequence, purge) for sequence, purge in purges)


def encode_record(sequence: int, purge: Purge) -> bytes:
    """What is added for one purge."""
    text = orjson.dumps({"n": sequence} | purge_facts(purge))
    return _RECORD.pack(len(text), len(text) ^ _ALL_BITS, xxh3_64_intdigest(text)) + text


def purge_facts(purge: Purge) -> dict[str, object]:
    """A purge as JSON has it."""
    named = {
        "urls": purge.urls,
        "prefixes": purge.prefixes,
        "tags": purge.tags,
        "all": purge.is_all,
        "soft": purge.is_soft,
    }
    return {name: value for name, value in named.items() if value}


def purge_of_facts(facts: Mapping[str, Any]) -> Purge:
    """The purge of its `purge_facts`.

    Raises:
        TypeError, AttributeError: they are none.
    """
    return Purge(
        urls=tuple(facts.get("urls", ())),
        prefixes=tuple(facts.get("prefixes", ())),
        tags=tuple(facts.get("tags", ())),
        is_all=bool(facts.get("all")),
        is_soft=bool(facts.get("soft")),
    )


def decode_log(data: bytes) -> PurgeHistory | None:
    """What a log tells; None if not even its epoch can be read."""
    if len(data) < _HEADER_BYTES:
        return None
    magic, version, epoch = _FACTS.unpack_from(data)
    (checksum,) = _CHECKSUM.unpack_from(data, _FACTS.size)
    is_ours = magic == _MAGIC and version == _VERSION
    if not is_ours or xxh3_64_intdigest(data[: _FACTS.size]) != checksum:
        return None
    purges: list[tuple[int, Purge]] = []
    position = _HEADER_BYTES
    while position < len(data):
        text = _text_at(data, position)
        one = None if text is None else _decode_text(text)
        if text is None or one is None or (purges and one[0] < purges[-1][0]):
            rest = data[position:]
            if _is_unfinished(rest):
                return PurgeHistory(epoch, purges, is_torn=True)
            return PurgeHistory(epoch, purges, lost_max=len(rest) // _RECORD_BYTES_MIN + 1)
        purges.append(one)
        position += _RECORD.size + len(text)
    return PurgeHistory(epoch, purges)


def _text_at(data: bytes, position: int) -> bytes | None:
    length = _length_at(data, position)
    if length is None:
        return None
    (checksum,) = _CHECKSUM.unpack_from(data, position + _RECORD.size - _CHECKSUM.size)
    start = position + _RECORD.size
    text = data[start : start + length]
    return text if len(text) == length and xxh3_64_intdigest(text) == checksum else None


def _length_at(data: bytes, position: int) -> int | None:
    """Of the text of a record; None if its head is not whole."""
    if len(data) - position < _RECORD.size:
        return None
    length, complement, _ = _RECORD.unpack_from(data, position)
    assert isinstance(length, int)
    return length if length ^ complement == _ALL_BITS else None


def _is_unfinished(rest: bytes) -> bool:
    """Whether a crash while a record was added leaves this."""
    if len(rest) < _RECORD.size or not rest.strip(b"\0"):
        return True
    length = _length_at(rest, 0)
    return length is not None and _RECORD.size + length > len(rest)


def _decode_text(text: bytes) -> tuple[int, Purge] | None:
    try:
        found = orjson.loads(text)
        sequence = found["n"]
        purge = purge_of_facts(found)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (sequence, purge) if isinstance(sequence, int) and sequence >= 0 else None
