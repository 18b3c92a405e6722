"""The comment header of Vorbis (Vorbis I section 5.2), and the gain written into it. No I/O.

Only what is fixed once a master was inspected stands in a packaged file: the track's gain and peak,
in the names and the form of ReplayGain 2.0.
"""

import struct
from collections.abc import Sequence
from typing import Final

from packager.format_error import FormatError
from packager.loudness import TrackGain, replaygain_gain_text, replaygain_peak_text

_MAGIC: Final = b"\x03vorbis"
_FRAMING: Final = b"\x01"
_LENGTH: Final = struct.Struct("<I")


class CommentHeaderError(FormatError):
    """A packet is no comment header of Vorbis."""

    reason = "comment_header"


def gain_comments(gain: TrackGain | None) -> tuple[str, ...]:
    """What is embedded of a track's loudness; nothing for None."""
    if gain is None:
        return ()
    return (
        f"REPLAYGAIN_TRACK_GAIN={replaygain_gain_text(gain.integrated_lufs)}",
        f"REPLAYGAIN_TRACK_PEAK={replaygain_peak_text(gain.true_peak_dbtp)}",
    )


def with_comments(packet: bytes, comments: Sequence[str]) -> bytes:
    """A comment header with `comments` in place of its own; the vendor stays.

    Raises:
        CommentHeaderError: `packet` is no comment header.
    """
    texts = [comment.encode() for comment in comments]
    parts = [_MAGIC, _prefixed(_vendor_of(packet)), _LENGTH.pack(len(texts))]
    return b"".join((*parts, *map(_prefixed, texts), _FRAMING))


def _vendor_of(packet: bytes) -> bytes:
    start = len(_MAGIC) + _LENGTH.size
    if not packet.startswith(_MAGIC) or len(packet) < start:
        raise CommentHeaderError("a packet is no comment header of Vorbis")
    (length,) = _LENGTH.unpack_from(packet, len(_MAGIC))
    vendor = packet[start : start + length]
    if len(vendor) != length:
        raise CommentHeaderError("the vendor of a comment header is longer than its packet")
    return vendor


def _prefixed(text: bytes) -> bytes:
    return _LENGTH.pack(len(text)) + text
