"""What a change of state makes stale: RFC 9111 section 4.4, RFC 9875 section 3."""

from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from multidict import MultiMapping

from http_semantics.structured_field import strings_of

CACHE_GROUP_INVALIDATION: Final = "Cache-Group-Invalidation"

# RFC 9110 section 9.2.1. A method that is not known here counts as unsafe.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_PORTS: Final = {"http": 80, "https": 443}


def invalidated_targets(
    method: str, status: int, target_uri: str, fields: MultiMapping[str]
) -> tuple[str, ...]:
    """Paths with their queries whose stored responses a response makes invalid.

    Args:
        method: of the request.
        status: of the response; errors change nothing.
        target_uri: of the request, absolute.
        fields: of the response. `Location` and `Content-Location` count if they are of the same
            origin, so that nobody can invalidate what is another's.

    Returns:
        The request's own target first, as it stands in `target_uri`, each target once.
    """
    if method in SAFE_METHODS or not 200 <= status < 400:
        return ()
    targets = [_verbatim_target(target_uri)]
    own = _resolve(target_uri, target_uri)
    if own is None:  # A `Host` that is missing or none: no other target can be of the same origin.
        return tuple(targets)
    for name in ("Location", "Content-Location"):
        for reference in fields.getall(name, ()):
            other = _resolve(reference, target_uri)
            if other is not None and _origin(other) == _origin(own):
                targets.append(_target(other))
    return tuple(dict.fromkeys(targets))


def invalidated_groups(method: str, status: int, fields: MultiMapping[str]) -> frozenset[str]:
    """Groups of stored responses that a response makes invalid, as `Cache-Groups` names them.

    The standard asks for no success: what an origin names it means, whatever the final status.
    """
    if method in SAFE_METHODS or status < 200:
        return frozenset()
    lines = fields.getall(CACHE_GROUP_INVALIDATION, ())
    return frozenset(strings_of(", ".join(lines)) or ())


def is_same_target(reference: str, target_uri: str) -> bool:
    """Whether a reference such as `Content-Location` means the target URI itself."""
    own, other = _resolve(target_uri, target_uri), _resolve(reference, target_uri)
    if own is None or other is None:
        return False
    return _origin(own) == _origin(other) and _target(own) == _target(other)


def _resolve(reference: str, base: str) -> SplitResult | None:
    """A reference as an absolute URI (RFC 3986 section 5.2); None if it is none."""
    try:
        parts = urlsplit(urljoin(base, reference.strip(" \t")))
        is_usable = parts.port is not None or bool(parts.hostname)
    except ValueError:
        return None
    return parts if is_usable else None


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    port = parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _target(parts: SplitResult) -> str:
    path = _without_dots(parts.path or "/")
    return f"{path}?{parts.query}" if parts.query else path


def _verbatim_target(uri: str) -> str:
    """Path and query as they were sent, so that they are the key that the cache knows."""
    _, _, rest = uri.partition("#")[0].partition("://")
    start = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=None)
    target = "" if start is None else rest[start:]
    return target if target.startswith("/") else f"/{target}"


def _without_dots(path: str) -> str:
    """A path without `.` and `..`: RFC 3986 section 5.2.4."""
    kept: list[str] = []
    *folders, last = path.split("/")
    for segment in folders:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if last == ".." and len(kept) > 1:
        kept.pop()
    kept.append("" if last in {".", ".."} else last)
    return "/".join(kept)
