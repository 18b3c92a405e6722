"""Several ranges in one answer: `multipart/byteranges`, RFC 9110 section 14.6. No I/O."""

from dataclasses import dataclass
from typing import Final

from http_semantics.byte_range import ByteSlice

# A gap that is cheaper to send than a head of a part: RFC 9110 section 15.3.7.2.
GAP_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Multipart:
    """How an answer with several parts is put together.

    Attributes:
        parts: what to send after each head, in this order.
        heads: bytes before each part.
        tail: bytes after the last part.
        length: of all of it.
        content_type: of the answer.
    """

    parts: tuple[ByteSlice, ...]
    heads: tuple[bytes, ...]
    tail: bytes
    length: int
    content_type: str


def coalesce(slices: tuple[ByteSlice, ...]) -> tuple[ByteSlice, ...]:
    """Join slices that overlap or nearly touch, so that no byte is sent twice.

    The rest keeps the order that was asked for; a joined slice stands where its first one stood.
    """
    joined: list[tuple[int, ByteSlice]] = []
    for place, part in sorted(enumerate(slices), key=lambda pair: pair[1].start):
        if joined and part.start - joined[-1][1].stop <= GAP_MAX:
            before, last = joined.pop()
            place = min(place, before)  # noqa: PLW2901
            part = ByteSlice(last.start, max(last.stop, part.stop))  # noqa: PLW2901
        joined.append((place, part))
    return tuple(part for _, part in sorted(joined, key=lambda pair: pair[0]))


def lay_out(
    parts: tuple[ByteSlice, ...], *, content_type: str | None, complete_length: int, boundary: str
) -> Multipart:
    """Lay out an answer with `parts`, of which there are at least two.

    A single range must not be answered in this form (RFC 9110 section 15.3.7.2).

    Args:
        parts: in the order in which they are sent.
        content_type: of the representation, None if it is not known.
        complete_length: of the representation.
        boundary: a token that does not occur in the content.
    """
    assert len(parts) > 1
    type_line = "" if content_type is None else f"Content-Type: {content_type}\r\n"
    heads = tuple(
        (
            f"\r\n--{boundary}\r\n{type_line}"
            f"Content-Range: {part.content_range(complete_length)}\r\n\r\n"
        ).encode("latin-1")
        for part in parts
    )
    tail = f"\r\n--{boundary}--\r\n".encode("latin-1")
    length = sum(part.length for part in parts) + sum(map(len, heads)) + len(tail)
    return Multipart(parts, heads, tail, length, f"multipart/byteranges; boundary={boundary}")
