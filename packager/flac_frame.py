"""The head of a FLAC frame (RFC 9639 section 9.1): which sample it starts with. No I/O.

Demuxers go by it only where they resynchronize, so a frame that is missing near the end passes
unnoticed until the samples are counted.
"""

from typing import Final

from packager.streaminfo import StreamInfo

HEAD_BYTES_MAX: Final = 16

_CODED_NUMBER_OFFSET: Final = 4


def first_sample(head: bytes, info: StreamInfo) -> int | None:
    """Number of the first sample of the frame that begins with `head`; None if that cannot be told.

    Args:
        head: the frame's first bytes, `HEAD_BYTES_MAX` of them if it is that long.
        info: of the stream; frames of one size are counted in it, others in samples.
    """
    if len(head) <= _CODED_NUMBER_OFFSET or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return None
    number = _coded_number(head[_CODED_NUMBER_OFFSET:])
    has_sample_number = bool(head[1] & 1)
    if number is None or has_sample_number:
        return number
    if info.block_samples_min != info.block_samples_max:
        return None
    return number * info.block_samples_max


def _coded_number(data: bytes) -> int | None:
    """A number of up to 36 bits, coded like UTF-8 (section 9.1.5)."""
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    if ones == 0:
        return data[0]
    following = data[1:ones]
    if ones in (1, 8) or len(following) != ones - 1:
        return None
    number = data[0] & (0x7F >> ones)
    for octet in following:
        if octet & 0xC0 != 0x80:
            return None
        number = number << 6 | octet & 0x3F
    return number
