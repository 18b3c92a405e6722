r"""The request target, split into playback token, path and query. No I/O.

Scope check, cache key and upstream use one and the same text, so a target that two servers might
read in two ways is refused while tokens are checked: dot segments, empty segments, backslashes,
control characters, and percent-encoded `/ \ . ~`.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from edge.errors import TargetError

TARGET_CHARACTERS_MAX: Final = 8190

TOKEN_PREFIX: Final = "/~"  # noqa: S105

# What stands in logs and problem documents in place of a token.
TOKEN_MASK: Final = "/~-"  # noqa: S105

_FORM: Final = re.compile(
    r"(?:/~(?P<token>[A-Za-z0-9._-]{1,2048})(?=/))?(?P<path>/[^?]*)(?:\?(?P<query>.*))?"
)
# Printable ASCII without the space and without "#", which no request target contains.
_VISIBLE: Final = re.compile(r"[\x21\x22\x24-\x7e]+")
_AMBIGUOUS: Final = re.compile(
    r"//|\\|/\.{1,2}(?:/|$)|%(?:2f|5c|2e|7e|[01][0-9a-f]|7f)|%(?![0-9a-f]{2})", re.IGNORECASE
)
_TOKEN_PREFIXES: Final = re.compile(r"\A(?:/~[^/]*)+")
_SCHEME: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A request target that was accepted.

    Attributes:
        path: begins with "/"; what a token's scope is checked against.
        query: without its question mark; None if there is none.
        token: the token of the path prefix, which is part of neither.
        may_hold_token: tokens are checked, so what looks like one is one, however malformed.
    """

    path: str
    query: str | None = None
    token: str | None = field(default=None, repr=False)
    may_hold_token: bool = field(default=False, repr=False, compare=False)

    @property
    def upstream(self) -> str:
        """What is sent upstream, and the cache key: path and query, byte for byte."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def shown(self) -> str:
        """The path as it may stand in logs: a mask instead of the token, no query."""
        if self.may_hold_token and self.path.startswith(TOKEN_PREFIX):
            return TOKEN_MASK + _TOKEN_PREFIXES.sub("", self.path)
        return self.path if self.token is None else TOKEN_MASK + self.path


def parse_target(text: str, *, host: str | None, is_token_checked: bool) -> Target:
    """Split a request target as received.

    An empty query is dropped, question mark and all, since no client library can send it.

    Args:
        text: the target, undecoded.
        host: the `Host` field; an absolute-form target has to name the same authority.
        is_token_checked: look for a token and refuse what is ambiguous. Otherwise nothing is
            interpreted: `/~x/` is a path like any other.

    Raises:
        TargetError: the target is refused.
    """
    if len(text) > TARGET_CHARACTERS_MAX:
        raise TargetError(f"longer than {TARGET_CHARACTERS_MAX} characters")
    if _VISIBLE.fullmatch(text) is None:
        raise TargetError("a character that no target contains")
    if text[0] != "/":
        text = _origin_form(text, host)
    if not is_token_checked:
        path, _, query = text.partition("?")
        return Target(path, query or None)
    return _checked(text)


def _checked(text: str) -> Target:
    match = _FORM.fullmatch(text)
    assert match is not None  # It begins with "/" and has visible characters only.
    path = match["path"]
    if _AMBIGUOUS.search(path) is not None:
        raise TargetError("dot or empty segments, or encoded delimiters")
    return Target(path, match["query"] or None, match["token"], may_hold_token=True)


def _origin_form(text: str, host: str | None) -> str:
    """The path and query of an absolute-form target (RFC 9112 section 3.2.2).

    Where it goes is never taken from the request; a foreign authority is a mistake all the same.
    """
    match = _SCHEME.match(text)
    if match is None:
        raise TargetError("neither a path nor an absolute URI")
    if host is not None and match[1].lower() != host.lower():
        raise TargetError("the authority of the target is not the one of `Host`")
    rest = text[match.end() :]
    return rest if rest.startswith("/") else f"/{rest}"
