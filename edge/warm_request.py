"""Requests to warm the cache: JSON as operators, origins and `attacca warm` send it. No I/O."""

from dataclasses import dataclass
from typing import Final

from edge.call_document import decode_object, read_texts
from edge.errors import TargetError, WarmRequestError
from edge.routes import Route, route_of
from edge.target import parse_target
from http_semantics.byte_range import IntRange, parse_range

# Longer lists go in several calls: the answer to one of them lasts as long as its fetching.
TARGETS_MAX: Final = 1_000

# Positions beyond this are no file's.
_POSITION_MAX: Final = 1 << 53
_CONCURRENCY_MAX: Final = 1_000

_RANGE_FORM: Final = "`range` is one range of positions, such as `bytes=0-1048575`"

_MEMBERS: Final = ("targets", "bytes", "range", "bytes_per_s", "concurrency")


@dataclass(frozen=True, slots=True)
class Extent:
    """Which bytes of each target are wanted; whole slices are fetched of them.

    Attributes:
        start: of the first one.
        stop: after the last one; None for all that follow.
    """

    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class WarmOrder:
    """What a call asks for.

    Attributes:
        targets: cache keys; a refusal for each text that is none.
        extent: of each target.
        bytes_per_s: at most so much a second is fetched for this call; None for the node's pace.
        concurrency: at most so many targets at once; None for as many as the node allows.
    """

    targets: tuple[str | TargetError, ...]
    extent: Extent = Extent()
    bytes_per_s: int | None = None
    concurrency: int | None = None


def decode_warm(data: bytes, *, is_token_checked: bool) -> WarmOrder:
    """Read a request; a member that is null counts as absent.

    Args:
        data: the content.
        is_token_checked: targets are read as those of listeners are, so that they name the same
            cache keys: without the token of their path, and of an absolute URL the path only.

    Raises:
        WarmRequestError: it is no such request, or names nothing.
    """
    document = decode_object(data, _MEMBERS, error=WarmRequestError)
    return WarmOrder(
        targets=tuple(
            _target(text, is_token_checked=is_token_checked) for text in _texts(document)
        ),
        extent=_extent(document),
        bytes_per_s=_number(document, "bytes_per_s", at_most=_POSITION_MAX),
        concurrency=_number(document, "concurrency", at_most=_CONCURRENCY_MAX),
    )


def _texts(document: dict[str, object]) -> list[str]:
    value = document.get("targets")
    if not isinstance(value, list) or not value:
        raise WarmRequestError("`targets` is a list of texts, and not empty")
    if len(value) > TARGETS_MAX:
        raise WarmRequestError(f"{len(value)} targets, at most {TARGETS_MAX} are taken at once")
    return read_texts(value, "targets", error=WarmRequestError)


def _target(text: str, *, is_token_checked: bool) -> str | TargetError:
    """The cache key that a text names, or why it is none: the others are warmed all the same."""
    try:
        target = parse_target(text, host=None, is_token_checked=is_token_checked)
    except TargetError as error:
        return error
    if is_token_checked and route_of(target.path) is not Route.ORIGIN:
        return TargetError("nothing of drm's is cached")
    return target.upstream


def _extent(document: dict[str, object]) -> Extent:
    size = _number(document, "bytes", at_most=_POSITION_MAX)
    text = document.get("range")
    if text is None:
        return Extent(0, size)
    if size is not None:
        raise WarmRequestError("`bytes` and `range` exclude each other")
    if not isinstance(text, str):
        raise WarmRequestError(_RANGE_FORM)
    match parse_range(text):
        case (IntRange(first_pos=first, last_pos=None),) if first < _POSITION_MAX:
            return Extent(first)
        case (IntRange(first_pos=first, last_pos=int(last)),) if last < _POSITION_MAX:
            return Extent(first, last + 1)
    raise WarmRequestError(_RANGE_FORM)


def _number(document: dict[str, object], name: str, *, at_most: int) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= at_most:
        raise WarmRequestError(f"`{name}` is a whole number from 1 to {at_most}")
    return value
