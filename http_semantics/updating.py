"""Updating a stored response from a newer one: RFC 9111 sections 3.2, 4.3.4 and 4.3.5."""

from enum import StrEnum
from typing import Final

from multidict import CIMultiDict, MultiMapping

from http_semantics.entity_tag import is_strong_match, is_weak_match, parse_entity_tag
from http_semantics.hop_by_hop import end_to_end_fields

# They describe the bytes that are stored, which a response without content does not change
# (section 3.2). An entity tag is what a stored response is known by.
_OF_STORED_CONTENT: Final = frozenset({"content-encoding", "content-length", "content-range"})
_NOT_UPDATED: Final = _OF_STORED_CONTENT | {"etag"}


class HeadUpdate(StrEnum):
    """What the response to a HEAD request does to a stored response."""

    FRESHEN = "freshen"
    INVALIDATE = "invalidate"
    NOTHING = "nothing"


def is_confirmed(stored: MultiMapping[str], received: MultiMapping[str]) -> bool:
    """Whether a 304 is about a stored response, so that it may update it (section 4.3.4).

    A 304 without any validator speaks of the one that it was asked about.
    """
    return (
        _is_tag_confirmed(stored, received)
        if "ETag" in received
        else _is_date_confirmed(stored, received)
    )


def freshened_fields(
    stored: MultiMapping[str],
    received: MultiMapping[str],
    *,
    dropped: frozenset[str] = frozenset(),
) -> CIMultiDict[str]:
    """The fields of a stored response after an update.

    Args:
        stored: its fields before.
        received: fields of the 304, of the response to HEAD, or of the newer part.
        dropped: names in lower case that are not to be stored: `ReusePolicy.dropped_fields` of the
            newer response, and what the cache keeps no field of, as `set-cookie`.
    """
    kept = _NOT_UPDATED if "ETag" in stored else _OF_STORED_CONTENT
    newer = end_to_end_fields(received, without=kept | dropped)
    replaced = {name.lower() for name in newer} | dropped
    fields = CIMultiDict(
        [(name, value) for name, value in stored.items() if name.lower() not in replaced]
    )
    fields.extend(newer)
    return fields


def head_update(
    stored: MultiMapping[str],
    received: MultiMapping[str],
    *,
    status: int,
    complete_length: int | None,
) -> HeadUpdate:
    """What the response to a HEAD request does to a stored response that it selects.

    Args:
        stored: fields of the stored response.
        received: fields of the response to HEAD.
        status: of the response to HEAD.
        complete_length: of the stored representation, None if it is not known.
    """
    if status != 200:
        return HeadUpdate.NOTHING
    lengths = received.getall("Content-Length", ())
    is_same_length = all(text.strip(" \t") == str(complete_length) for text in lengths)
    if is_same_length and all(
        name not in received or stored.get(name) == received[name]
        for name in ("ETag", "Last-Modified")
    ):
        return HeadUpdate.FRESHEN
    return HeadUpdate.INVALIDATE


def _is_tag_confirmed(stored: MultiMapping[str], received: MultiMapping[str]) -> bool:
    old, new = parse_entity_tag(stored.get("ETag", "")), parse_entity_tag(received["ETag"])
    if new is None:
        return stored.get("ETag") == received["ETag"]
    compare = is_weak_match if new.is_weak else is_strong_match
    return old is not None and compare(old, new)


def _is_date_confirmed(stored: MultiMapping[str], received: MultiMapping[str]) -> bool:
    if "Last-Modified" not in received or "Last-Modified" not in stored:
        return True
    return stored["Last-Modified"] == received["Last-Modified"]
