"""What to answer to a GET or HEAD of a representation: status, fields and which bytes. No I/O."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from http_semantics.byte_range import ByteSlice, parse_range, resolve
from http_semantics.entity_tag import EntityTag
from http_semantics.http_date import format_http_date
from http_semantics.preconditions import (
    Preconditions,
    Validators,
    Verdict,
    does_range_apply,
    evaluate,
)
from origin.errors import PreconditionFailedError, RangeNotSatisfiableError

# Media and manifests are never changed under their version: RFC 8246.
IMMUTABLE: Final = "public, max-age=31536000, immutable"
RECORD: Final = "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400"
LIBRARY: Final = "public, max-age=5, stale-while-revalidate=60, stale-if-error=86400"

LIBRARY_TAG: Final = "library"
"""Surrogate key of the pages of the library."""


def cover_tag(digest: str) -> str:
    """Surrogate key of a cover in all its sizes."""
    return f"cover:{digest}"


# Bits a second of a rendition.
BITRATE_FIELD: Final = "Attacca-Bitrate"


def listing_tag(album_id: str) -> str:
    """Surrogate key of whatever tells of several tracks of an album."""
    return f"listing:{album_id}"


@dataclass(frozen=True, slots=True)
class Representation:
    """What is told about a content in its fields.

    Attributes:
        size_bytes: complete length.
        sha256: of all of it, hexadecimal; also its entity tag.
        modified_s: seconds since the epoch; None if that is not worth finding out.
        links: values of `Link`.
        bitrate_bps: of audio; edges may send it no quicker than it is listened to.
    """

    size_bytes: int
    sha256: str
    content_type: str
    cache_control: str
    surrogate_keys: tuple[str, ...]
    modified_s: float | None = None
    links: tuple[str, ...] = ()
    bitrate_bps: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send.

    Attributes:
        part: the bytes of the content; None if none are sent.
    """

    status: int
    part: ByteSlice | None
    fields: dict[str, str] = field(default_factory=dict)


def answer(
    representation: Representation,
    *,
    method: str,
    get: Callable[[str], str | None],
    now_s: float,
) -> Answer:
    """Decide the answer.

    Args:
        representation: what there is.
        method: GET or HEAD.
        get: the value of a request's field.
        now_s: the present.

    Raises:
        PreconditionFailedError: the request wants another representation.
        RangeNotSatisfiableError: no range lies within it.
    """
    conditions = Preconditions.from_fields(get)
    validators = Validators(
        entity_tag=EntityTag(representation.sha256),
        last_modified_s=_whole(representation.modified_s),
        date_s=int(now_s),
    )
    match evaluate(conditions, validators, method=method, now_s=now_s):
        case Verdict.FAILED:
            raise PreconditionFailedError("the representation is not the one that is asked for")
        case Verdict.NOT_MODIFIED:
            return Answer(304, None, _validator_fields(representation))
        case Verdict.PROCEED:
            pass
    size_bytes = representation.size_bytes
    fields = _content_fields(representation)
    value = get("Range") if method == "GET" else None
    if value is not None and does_range_apply(conditions.if_range, validators, now_s=now_s):
        part = _part_of(value, size_bytes)
        if part is not None:
            fields["Content-Range"] = part.content_range(size_bytes)
            fields["Content-Length"] = str(part.length)
            return Answer(206, part, fields)
    fields["Content-Length"] = str(size_bytes)
    is_sent = method == "GET" and size_bytes > 0
    return Answer(200, ByteSlice(0, size_bytes) if is_sent else None, fields)


def _part_of(value: str, size_bytes: int) -> ByteSlice | None:
    """The one range that is asked for; None for several, which may be answered in whole."""
    specs = parse_range(value)
    if specs is None:
        return None
    slices = resolve(specs, size_bytes)
    if not slices:
        raise RangeNotSatisfiableError(size_bytes)
    return slices[0] if len(specs) == 1 else None


def _content_fields(representation: Representation) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(representation.sha256)).decode()
    fields = {
        **_validator_fields(representation),
        "Content-Type": representation.content_type,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530 section 3.
    }
    if representation.bitrate_bps is not None:
        fields[BITRATE_FIELD] = str(representation.bitrate_bps)
    return fields


def _validator_fields(representation: Representation) -> dict[str, str]:
    """Fields that a 304 carries too: RFC 9110 section 15.4.5."""
    fields = {
        "ETag": EntityTag(representation.sha256).field_value(),
        "Cache-Control": representation.cache_control,
        "Surrogate-Key": " ".join(representation.surrogate_keys),
    }
    if representation.modified_s is not None:
        fields["Last-Modified"] = format_http_date(representation.modified_s)
    if representation.links:
        fields["Link"] = ", ".join(representation.links)
    return fields


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
