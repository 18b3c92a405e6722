"""The configuration of an Opus decoder: as Ogg has it, and as MP4 has it. No I/O.

`OpusHead` is the identification header of Ogg Opus (RFC 7845 section 5.1), little-endian; `dOps` is
the box of "Encapsulation of Opus in ISO Base Media File Format" section 4.3.2, big-endian. They say
the same otherwise.
"""

import struct
from typing import Final

from packager.format_error import FormatError

OPUS_RATE_HZ: Final = 48_000
"""The rate that Opus decodes to, and the timescale of its tracks, whatever went in."""

_MAGIC: Final = b"OpusHead"
_HEAD_VERSION: Final = 1
_DOPS_VERSION: Final = 0
# Version, channels, pre-skip, rate of what was encoded, gain, mapping family.
_HEAD_FIELDS: Final = struct.Struct("<BBHIhB")
_DOPS_FIELDS: Final = struct.Struct(">BBHIhB")
_FIELDS_SIZE: Final = 11
_MAPPING_FAMILY: Final = 10
# Of the table that follows for any family but 0, beside one byte for each channel.
_STREAM_COUNTS_SIZE: Final = 2


def is_opus_head(config: bytes, *, channels: int) -> bool:
    """Whether `config` is an identification header of a stream with so many channels."""
    fields = config[len(_MAGIC) :]
    return (
        config.startswith(_MAGIC)
        and _is_whole(fields)
        and fields[0] == _HEAD_VERSION
        and fields[1] == channels
    )


def opus_head_to_dops(config: bytes) -> bytes:
    """The payload of `dOps`, of an identification header that `is_opus_head`."""
    fields = config[len(_MAGIC) :]
    _, *values = _HEAD_FIELDS.unpack_from(fields)
    return _DOPS_FIELDS.pack(_DOPS_VERSION, *values) + fields[_FIELDS_SIZE:]


def dops_to_opus_head(dops: bytes) -> bytes:
    """Undo `opus_head_to_dops`.

    Raises:
        FormatError: it is no `dOps` of version 0.
    """
    if not _is_whole(dops) or dops[0] != _DOPS_VERSION:
        raise FormatError("`dOps` is not a configuration of Opus")
    _, *values = _DOPS_FIELDS.unpack_from(dops)
    return _MAGIC + _HEAD_FIELDS.pack(_HEAD_VERSION, *values) + dops[_FIELDS_SIZE:]


def _is_whole(fields: bytes) -> bool:
    """Whether there are as many bytes as the number of channels and the mapping ask for."""
    if len(fields) < _FIELDS_SIZE or fields[1] == 0:
        return False
    has_table = fields[_MAPPING_FAMILY] != 0
    table_size = _STREAM_COUNTS_SIZE + fields[1] if has_table else 0
    return len(fields) == _FIELDS_SIZE + table_size
