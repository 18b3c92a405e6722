"""Problem details for HTTP APIs: RFC 9457. No I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

CONTENT_TYPE: Final = "application/problem+json"

# Names what went wrong for good, without promising that a page exists (RFC 9457 section 3.1.1).
_TYPE_PREFIX: Final = "urn:attacca:problem:"

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told to a client whose request cannot be met.

    Attributes:
        slug: stable name such as `token-expired`; clients may rely on it.
        title: the same for people, alike for every occurrence.
        status: HTTP status.
        detail: what is special about this occurrence, and what to do about it.
        members: extension members (RFC 9457 section 3.2).
        headers: response fields beside the content type.
    """

    slug: str
    title: str
    status: int
    detail: str = ""
    members: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)

    def __post_init__(self) -> None:
        assert 400 <= self.status <= 599

    @property
    def type(self) -> str:
        """The problem's `type`: a URN that ends in the slug."""
        return _TYPE_PREFIX + self.slug

    def body(self) -> bytes:
        """The problem document, as UTF-8 JSON."""
        document: dict[str, object] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
        }
        if self.detail:
            document["detail"] = self.detail
        return json.dumps({**self.members, **document}, ensure_ascii=False).encode()
