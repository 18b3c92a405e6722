"""The format of a file of the disk tier, and of its name. No I/O.

A file is one header of fixed size, the identity of what it holds, and the content:

    magic version kind flags identity_bytes content_bytes sequence id content_xxh3 head_xxh3

with `head_xxh3` over the header before it and the identity. The identity is compared when a file is
read, so two things with one digest are a miss and never a wrong byte. The name is the id, the size
of the file in base 36, and the kind: a listing alone tells all that the index needs, and nothing in
it comes from a URL.
"""

import re
import struct
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple

from typing_extensions import Buffer
from xxhash import xxh3_64, xxh3_64_intdigest

from edge.content import SliceContent

EntryId = bytes
Identity = bytes
ID_BYTES: Final = 20

# A key of 16 KiB, with what else there is to say.
IDENTITY_BYTES_MAX: Final = 64 << 10

SUB_FOLDERS: Final = 256

# Files that are still being written; no id begins like this.
PARTIAL_PREFIX: Final = ".t"

_MAGIC: Final = b"ATTd"
_VERSION: Final = 1
_FACTS: Final = struct.Struct(f"<4sHBBIQQ{ID_BYTES}sQ")
_CHECKSUM: Final = struct.Struct("<Q")
HEADER_BYTES: Final = _FACTS.size + _CHECKSUM.size

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# One name for each file: no capitals, no leading zeros.
_from_hex: Final = bytes.fromhex
_NAME: Final = re.compile(rf"([0-9a-f]{{{2 * ID_BYTES}}})\.(0|[1-9a-z][0-9a-z]{{0,9}})\.([rs])")


class Kind(IntEnum):
    """What an entry is."""

    RECORD = 0
    SLICE = 1


_LETTERS: Final = {Kind.RECORD: "r", Kind.SLICE: "s"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}


class Flaw(Enum):
    """Why a file is not what was asked for."""

    DAMAGED = auto()
    """It is not what was written."""
    OTHER = auto()
    """It is sound, and holds something else with the same digest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was read, and verified.

    Attributes:
        sequence: the newest purge when its fill began.
        content: a buffer of the reader's own.
    """

    sequence: int
    content: SliceContent = field(repr=False)


class Place(NamedTuple):
    """Where an entry is, and how large its file: what a name tells.

    Attributes:
        entry_id: 20 bytes.
        file_bytes: header and identity included.
        kind: of the entry.
    """

    entry_id: bytes
    file_bytes: int
    kind: Kind

    @property
    def sub_folder(self) -> int:
        """Number of the folder that it is in. A digest, so ids that look alike are spread, too."""
        return sub_folder_of(self.entry_id)

    @property
    def path(self) -> str:
        """Below the folder of all entries."""
        return f"{self.sub_folder:02x}/{self.name}"

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.entry_id.hex()}.{_in_base_36(self.file_bytes)}.{_LETTERS[self.kind]}"


def sub_folder_of(entry_id: bytes) -> int:
    """Number of the sub-folder for an id."""
    return xxh3_64_intdigest(entry_id) & 0xFF


def parse_name(name: str) -> Place | None:
    """What the name of a file tells; None if it is none of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    digits, size, letter = match.groups()
    return Place(_from_hex(digits), int(size, 36), _KINDS[letter])


def file_bytes_of(identity: bytes, content_bytes: int) -> int:
    """Size of a file."""
    return HEADER_BYTES + len(identity) + content_bytes


def encode_head(
    entry_id: bytes, identity: bytes, content: Buffer, *, sequence: int, kind: Kind
) -> bytes:
    """All that stands before the content."""
    assert len(entry_id) == ID_BYTES
    assert len(identity) <= IDENTITY_BYTES_MAX
    facts = _FACTS.pack(
        _MAGIC,
        _VERSION,
        kind,
        0,
        len(identity),
        memoryview(content).nbytes,
        sequence,
        entry_id,
        xxh3_64_intdigest(content),
    )
    return facts + _CHECKSUM.pack(_head_checksum(facts, identity)) + identity


def check_file(
    entry_id: bytes, identity: bytes, head: bytearray, content: SliceContent
) -> int | Flaw:
    """Verify what was read of a file, all of it.

    Args:
        entry_id: under which it was found.
        identity: of what is looked for.
        head: as many bytes as header and that identity have.
        content: the rest.

    Returns:
        The sequence, or what is wrong.
    """
    if len(head) < HEADER_BYTES:
        return Flaw.DAMAGED
    facts = bytes(head[: _FACTS.size])
    magic, version, _, _, identity_bytes, content_bytes, sequence, found_id, checksum = (
        _FACTS.unpack(facts)
    )
    is_ours = magic == _MAGIC and version == _VERSION and found_id == entry_id
    is_whole = HEADER_BYTES + identity_bytes + content_bytes == len(head) + len(content)
    if not is_ours or not is_whole:
        return Flaw.DAMAGED
    found = bytes(head[HEADER_BYTES:])
    if identity_bytes != len(identity):
        found = bytes(head + content[:identity_bytes])[HEADER_BYTES : HEADER_BYTES + identity_bytes]
    if _CHECKSUM.unpack_from(head, _FACTS.size) != (_head_checksum(facts, found),):
        return Flaw.DAMAGED
    if found != identity:
        return Flaw.OTHER
    if xxh3_64_intdigest(content) != checksum:
        return Flaw.DAMAGED
    assert isinstance(sequence, int)
    return sequence


def _head_checksum(facts: bytes, identity: bytes) -> int:
    digest = xxh3_64(facts)
    digest.update(identity)
    return digest.intdigest()


def _in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
